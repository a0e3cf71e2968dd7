// What routing reads of a request with any bytes: the client's address behind trusted proxies,
// cookies, query parameters, networks, templates; views stay within the request.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "gateway/conditions.h"
#include "gateway/request_path.h"
#include "gateway/text_template.h"
#include "wire/uri.h"

namespace shore::gateway {
namespace {

bool within(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <= whole.data() + whole.size());
}

void check_head(std::string_view bytes) {
    static wire::RequestHead head;
    head.clear();
    if (wire::parse_request(bytes.data(), bytes.size(), {}, head) != wire::ParseStatus::kDone) {
        return;
    }
    const std::vector<Network> trusted = {*Network::parse("10.0.0.0/8"), *Network::parse("::1")};
    RequestView view{.host = head.authority.in(bytes.data()),
                     .path = head.path.in(bytes.data()),
                     .data = bytes.data(),
                     .head = &head,
                     .peer = trusted[1].prefix,
                     .trusted = trusted};
    client_address(view);
    SHORE_ASSERT(within(cookie_value(view, "session"), bytes));
    const auto value = query_value(head.query.in(bytes.data()), "a");
    SHORE_ASSERT(!value || within(*value, bytes));
    const auto header = header_value(view, "x-a");
    SHORE_ASSERT(!header || within(*header, bytes));
    if (const auto path = routed_path(view.path)) {
        SHORE_ASSERT(!(*path + "/").contains("/../"));
    }
}

void check(std::string_view bytes) {
    if (const auto network = Network::parse(bytes)) {
        SHORE_ASSERT(network->bits <= 128 && network->contains(network->prefix));
    }
    const TextTemplate text(bytes);
    TextTemplate::Values values{
        .host = "h", .path = "/p", .rest = "/r", .query = "?q", .groups = {}};
    text.fill(values);
    check_head(bytes);
}

}  // namespace
}  // namespace shore::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::gateway::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
