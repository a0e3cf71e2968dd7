// ContentPolicy: what happens to the content of an answer on its way to a client: which coding its
// body gets, and which security fields its head lacks. Pure and immutable; every loop holds the
// same one.
//
// Compression and secrets (BREACH): the length of a compressed body tells whether what an attacker
// put into the request repeats a secret of the page. For that the attacker's site must make a
// browser send requests with its user's credentials. So an answer to a request with a cookie or a
// browser's password stays as it is, unless the request came from the site itself or from the
// address bar (Sec-Fetch-Site, which scripts cannot set), the answer is "public", or its type is an
// asset's. A bearer token counts as no credential: no browser sends one on its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/content_coding.h"
#include "model/content_options.h"
#include "wire/http1_head.h"

namespace shore::gateway {

/// For one answer. Views of the policy.
struct ContentPlan {
    Coding coding = Coding::kIdentity;
    bool vary = false;       ///< Caches must keep answers apart by Accept-Encoding.
    std::string_view added;  ///< Head lines, each with its CRLF.
};

class ContentPolicy final {
 public:
    ContentPolicy() : ContentPolicy(model::ContentOptions()) {}
    explicit ContentPolicy(const model::ContentOptions& options);

    struct Exchange {
        const char* request_data = nullptr;  ///< What `request` was parsed from.
        const wire::RequestHead* request = nullptr;
        const char* answer_data = nullptr;
        const wire::ResponseHead* answer = nullptr;
        bool compress = true;  ///< The route's option.
    };
    /// Whether and how an app's answer is compressed (RFC 9110 sections 8.4, 12.5.3 and 12.5.5,
    /// RFC 9111 section 5.2.2.6 no-transform), and the fields it lacks.
    ContentPlan plan(const Exchange& exchange) const;

    /// Whether a body of that type can be worth a coding.
    bool is_compressible(std::string_view content_type) const {
        return types_.contain(content_type);
    }
    /// Whether one that holds no secrets, a file, is compressed.
    bool compresses(std::string_view content_type, uint64_t size) const;
    const std::vector<Coding>& codings() const { return codings_; }
    model::CompressLevel level() const { return level_; }

    /// The security fields of an answer that has none of them.
    std::string_view security_lines(std::string_view content_type) const {
        return is_html(content_type) ? html_[kAllLacking] : any_;
    }

 private:
    static constexpr size_t kLacksNosniff = 1;
    static constexpr size_t kLacksFrame = 2;
    static constexpr size_t kLacksReferrer = 4;
    static constexpr size_t kAllLacking = 7;

    struct Seen;
    static bool is_html(std::string_view content_type);
    bool may_compress(const Exchange& exchange, const Seen& seen) const;
    bool is_guarded(const Exchange& exchange, const Seen& seen) const;

    bool enabled_;
    std::vector<Coding> codings_;
    MediaTypes types_;
    MediaTypes assets_;
    uint64_t size_min_;
    model::CompressLevel level_;
    bool with_credentials_;
    std::string any_;                                // For answers that are not HTML.
    std::array<std::string, kAllLacking + 1> html_;  // By what is lacking.
};

}  // namespace shore::gateway
