// Fuzz target: the bytes are what a client sends behind its preface, in pieces. Whatever they are,
// an owner that answers each request must see its streams begin and end in order, heads whose
// slices lie within their bytes, and no more body than the windows allow.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "wire/http2.h"
#include "wire/http2_request.h"

namespace shore::wire {
namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

struct Request : Http2Stream {
    RequestHead head;
    Http2RequestWriter writer;
    std::string bytes = std::string(size_t{16} * 1024, '\0');
    size_t body = 0;
    bool whole = false;
};

class Owner final : public Http2Owner {
 public:
    Http2Stream* on_request(int32_t id) override {
        require(!requests.contains(id) && requests.size() < 128);
        auto request = std::make_unique<Request>();
        request->writer.start(request->head, request->bytes.data(), request->bytes.size(),
                              {.bytes_max = 8192, .fields_max = 100});
        return (requests[id] = std::move(request)).get();
    }
    void on_field(Http2Stream& stream, std::string_view name, std::string_view value) override {
        Request& request = of(stream);
        require(!request.whole);
        request.writer.field(name, value);
    }
    void on_head(Http2Stream& stream, bool end) override {
        Request& request = of(stream);
        require(!std::exchange(request.whole, true));
        if (request.writer.finish(end, "0123456789012345678901==") == ParseStatus::kDone) {
            const RequestHead& head = request.head;
            require(head.size <= request.bytes.size() && !head.authority.empty());
            for (uint32_t i = 0; i < head.field_count; ++i) {
                require(head.fields[i].value.offset + head.fields[i].value.length <= head.size);
                require(!head.fields[i].value.in(request.bytes.data()).contains('\n'));
            }
        }
        ready.push_back(request.id);
    }
    void on_body(Http2Stream& stream, std::string_view bytes) override {
        of(stream).body += bytes.size();
        require(of(stream).body <= size_t{256} * 1024);
    }
    void on_trailer(Http2Stream&, std::string_view, std::string_view) override {}
    void on_body_end(Http2Stream& stream) override { require(of(stream).whole); }
    void on_taken(Http2Stream& stream) override { require(stream.out.empty()); }
    void on_closed(Http2Stream& stream) override { require(requests.erase(stream.id) == 1); }

    static Request& of(Http2Stream& stream) { return static_cast<Request&>(stream); }
    std::map<int32_t, std::unique_ptr<Request>> requests;
    std::vector<int32_t> ready;
};

}  // namespace
}  // namespace shore::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    using namespace shore::wire;  // tidy-allow(banned): a C entry point.
    if (size < 2) {
        return 0;
    }
    static const std::string kBody(70'000, 'b');
    static std::string out(size_t{64} * 1024, '\0');
    const size_t piece = size_t{input[0]} * 7 + 1;
    std::string_view bytes(reinterpret_cast<const char*>(input) + 1, size - 1);
    Owner owner;
    Http2Session session(owner, {});
    const shore::SteadyTime now{std::chrono::seconds(1)};
    bool open = session.receive(kHttp2Preface, now);
    const std::array<Http2Field, 2> head = {{{":status", "200"}, {"Server", "x"}}};
    while (open && !bytes.empty()) {
        const size_t count = std::min(piece, bytes.size());
        open = session.receive(bytes.substr(0, count), now);
        bytes.remove_prefix(count);
        for (const int32_t id : std::exchange(owner.ready, {})) {
            const auto found = owner.requests.find(id);
            if (found != owner.requests.end()) {
                session.answer(*found->second, head, false);
                session.send(*found->second, kBody, true);
            }
        }
        while (session.produce(out.data(), out.size()) > 0) {
        }
    }
    require(open || session.cut() != Http2Cut::kNone);
    return 0;
}
