// Any request and any answer to it: what is judged worth storing becomes an entry that survives the
// disk, and every reply from it is a head that reads in one way and a part of its body.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "cache/entry.h"
#include "cache/record.h"
#include "cache/reply.h"

namespace shore::cache {
namespace {

void check_reply(const Entry& entry, const RequestView& request) {
    const Reply reply = plan_reply(entry, request);
    SHORE_ASSERT(reply.first <= entry.body->size() &&
                 reply.count <= entry.body->size() - reply.first);
    const ReplyHead with{.age_seconds = 3, .cache_status = "shore; hit", .request_id = "id"};
    std::string out(head_size_max(entry, with), '\0');
    const size_t size = write_head(entry, reply, with, out.data());
    SHORE_ASSERT(size <= out.size());
    static wire::ResponseHead head;
    head.clear();
    const auto status = wire::parse_response(
        out.data(), size, {.bytes_max = wire::kHeadBytesMax, .fields_max = wire::kFieldsMax},
        request.head->method, head);
    if (status == wire::ParseStatus::kBad && head.fault == wire::Fault::kTooManyFields) {
        return;
    }
    SHORE_ASSERT(status == wire::ParseStatus::kDone && head.size == size);
    SHORE_ASSERT(head.status == reply.status);
}

void check_entry(const Entry& entry, const RequestView& request) {
    entry.use(entry.stored);
    SHORE_ASSERT(matches(entry.vary, request));
    check_reply(entry, request);
    const auto record = decode_record(encode_record(entry, WallTime(std::chrono::hours(24))));
    SHORE_ASSERT(record && record->entry.fields == entry.fields);
    SHORE_ASSERT(record->entry.vary == entry.vary && record->entry.tags == entry.tags);
}

/// A request's head, then the head of the answer.
void check(std::string_view bytes) {
    static wire::RequestHead request_head;
    request_head.clear();
    if (wire::parse_request(bytes.data(), bytes.size(), {}, request_head) !=
        wire::ParseStatus::kDone) {
        return;
    }
    const RequestView request{bytes.data(), &request_head};
    bytes.remove_prefix(request_head.size);
    static wire::ResponseHead answer_head;
    answer_head.clear();
    if (wire::parse_response(bytes.data(), bytes.size(), {}, request_head.method, answer_head) !=
        wire::ParseStatus::kDone) {
        return;
    }
    const ResponseView answer{bytes.data(), &answer_head};
    const Policy policy{.negative = std::chrono::seconds(5), .heuristic = true, .reload = true};
    wishes_of(request, policy);
    const Judgement judgement =
        judge(request, answer, policy, WallTime(std::chrono::hours(24 * 20'000)), {});
    const Fetched fetched{.key = "http://h/ s r /",
                          .request = request,
                          .response = answer,
                          .judgement = judgement,
                          .origin_tag = {}};
    const auto entry = make_entry(fetched, std::make_shared<const std::string>(100, 'x'));
    if (entry != nullptr) {
        check_entry(*entry, request);
    }
}

}  // namespace
}  // namespace shore::cache

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::cache::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
