// For tests: heads from text, and an entry as a fetch would make it.
#pragma once

#include <memory>
#include <string>

#include "base/assert.h"
#include "cache/entry.h"
#include "wire/http1_head.h"

namespace shore::cache {

/// Owns a request's text and head.
class TestRequest final {
 public:
    explicit TestRequest(const std::string& fields = {}, const std::string& method = "GET")
        : text_(method + " /a HTTP/1.1\r\nHost: shop\r\n" + fields + "\r\n") {
        SHORE_ASSERT(wire::parse_request(text_.data(), text_.size(), {}, head_) ==
                     wire::ParseStatus::kDone);
    }
    RequestView view() const { return {.data = text_.data(), .head = &head_}; }

 private:
    std::string text_;
    wire::RequestHead head_;
};

/// Likewise; `fields` with line ends.
class TestResponse final {
 public:
    explicit TestResponse(const std::string& fields, const std::string& status = "200 OK")
        : text_("HTTP/1.1 " + status + "\r\n" + fields + "\r\n") {
        SHORE_ASSERT(wire::parse_response(text_.data(), text_.size(), {}, wire::Method::kGet,
                                          head_) == wire::ParseStatus::kDone);
    }
    ResponseView view() const { return {.data = text_.data(), .head = &head_}; }

 private:
    std::string text_;
    wire::ResponseHead head_;
};

inline const WallTime kTestNow = WallTime(std::chrono::seconds(1'700'000'000));

struct TestFetch {
    std::string key = "http://shop/a shop/web r /a";
    uint64_t hash = 1;
    std::string request_fields;
    std::string response_fields = "Cache-Control: max-age=60\r\n";
    std::string status = "200 OK";
    std::string body = "hello";
    SteadyTime now{};
    std::string origin_tag;
};

inline std::shared_ptr<const Entry> test_entry(const TestFetch& fetch = {}) {
    const TestRequest request(fetch.request_fields);
    const TestResponse response(fetch.response_fields, fetch.status);
    return make_entry({.key = fetch.key,
                       .hash = fetch.hash,
                       .request = request.view(),
                       .response = response.view(),
                       .judgement = judge(request.view(), response.view(), {}, kTestNow, {}),
                       .origin_tag = fetch.origin_tag,
                       .now = fetch.now},
                      std::make_shared<const std::string>(fetch.body));
}

}  // namespace shore::cache
