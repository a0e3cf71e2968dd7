// Any request that the parser takes, on its way to an app with a route's header edits: what is sent
// on is one head that reads in one way, framed as the original was, without hop-by-hop fields.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "gateway/rewrite.h"
#include "wire/ascii.h"
#include "wire/uri.h"

namespace shore::gateway {
namespace {

CompiledEdits edits() {
    model::HeaderEdits from;
    from.set = {{"X-Set", "1"}, {"Accept", "*/*"}};
    from.add = {{"X-Added", "2"}};
    from.remove = {"cookie", "x-removed"};
    return CompiledEdits(from);
}

void check_sent(const std::string& sent, const wire::RequestHead& original) {
    static wire::RequestHead head;
    head.clear();
    const wire::HeadLimits limits{.bytes_max = wire::kHeadBytesMax, .fields_max = wire::kFieldsMax};
    const auto status = wire::parse_request(sent.data(), sent.size(), limits, head);
    if (status == wire::ParseStatus::kBad && head.fault == wire::Fault::kTooManyFields) {
        return;  // Those that were added passed the limit of this parser.
    }
    SHORE_ASSERT(status == wire::ParseStatus::kDone && head.size == sent.size());
    SHORE_ASSERT(head.method == original.method && head.minor_version == 1);
    SHORE_ASSERT(head.framing == original.framing &&
                 head.content_length == original.content_length);
    SHORE_ASSERT(!head.connection_names_fields && !head.has_upgrade);
    for (uint32_t i = 0; i < head.field_count; ++i) {
        const std::string_view name = head.fields[i].name.in(sent.data());
        SHORE_ASSERT(!wire::equals_lower_case(name, "cookie"));
        SHORE_ASSERT(!wire::equals_lower_case(name, "x-removed"));
    }
}

void check(std::string_view bytes) {
    static const CompiledEdits kEdits = edits();
    static wire::RequestHead head;
    head.clear();
    if (wire::parse_request(bytes.data(), bytes.size(), {}, head) != wire::ParseStatus::kDone ||
        head.form == wire::TargetForm::kAuthority || head.form == wire::TargetForm::kAsterisk) {
        return;
    }
    const RequestRewrite rewrite{.data = bytes.data(),
                                 .head = &head,
                                 .path = head.path.empty() ? "/" : head.path.in(bytes.data()),
                                 .client = "10.0.0.1",
                                 .request_id = "01J00000000000000000000000",
                                 .fallback_host = "shop",
                                 .trusted = bytes.size() % 2 == 0,
                                 .edits = &kEdits};
    std::string out(head.size + kHeadGrowthMax + kEdits.lines().size(), '\0');
    const size_t size = rewrite_request(rewrite, out.data());
    SHORE_ASSERT(size <= out.size());
    out.resize(size);
    check_sent(out, head);
}

}  // namespace
}  // namespace shore::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::gateway::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
