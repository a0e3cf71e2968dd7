#include "gateway/content_policy.h"

#include "wire/ascii.h"

namespace shore::gateway {

using wire::FieldId;

/// What an answer's head says about its content.
struct ContentPolicy::Seen {
    std::string_view type;
    size_t lacking = kAllLacking;
    bool encoded = false;       // Some Content-Encoding, or a part of a body.
    bool no_transform = false;  // Cache-Control.
    bool is_public = false;
    bool has_trailers = false;

    explicit Seen(const Exchange& exchange) {
        const wire::ResponseHead& head = *exchange.answer;
        for (uint32_t i = 0; i < head.field_count; ++i) {
            take(head.fields[i].id, head.fields[i].value.in(exchange.answer_data));
        }
    }
    void take(FieldId id, std::string_view value) {
        switch (id) {
            case FieldId::kContentType:
                type = value;
                break;
            case FieldId::kContentEncoding:
                encoded |= !wire::equals_lower_case(value, "identity");
                break;
            case FieldId::kContentRange:
                encoded = true;
                break;
            case FieldId::kCacheControl:
                no_transform |= wire::list_has(value, "no-transform");
                is_public |= wire::list_has(value, "public");
                break;
            case FieldId::kTrailer:
                has_trailers = true;
                break;
            case FieldId::kXContentTypeOptions:
                lacking &= ~kLacksNosniff;
                break;
            case FieldId::kXFrameOptions:
                lacking &= ~kLacksFrame;
                break;
            case FieldId::kContentSecurityPolicy:
                // frame-ancestors is X-Frame-Options in a newer form, and may allow more.
                lacking &= value.contains("frame-ancestors") ? ~kLacksFrame : ~size_t{0};
                break;
            case FieldId::kReferrerPolicy:
                lacking &= ~kLacksReferrer;
                break;
            default:
                break;
        }
    }
};

ContentPolicy::ContentPolicy(const model::ContentOptions& options)
    : enabled_(options.compress.enabled),
      types_(options.compress.types),
      assets_({"text/css", "text/javascript", "application/javascript", "application/x-javascript",
               "application/wasm", "application/manifest+json", "application/vnd.ms-fontobject",
               "font/*", "image/*"}),
      size_min_(options.compress.size_min.count),
      level_(options.compress.level),
      with_credentials_(options.compress.with_credentials) {
    for (const std::string& name : options.compress.codings) {
        codings_.push_back(coding_of(name));
    }
    const model::SecurityHeaderOptions& security = options.security;
    if (!security.enabled) {
        return;
    }
    if (security.nosniff) {
        any_ = "X-Content-Type-Options: nosniff\r\n";
    }
    for (size_t lacking = 0; lacking <= kAllLacking; ++lacking) {
        std::string& lines = html_[lacking];
        if ((lacking & kLacksNosniff) != 0) {
            lines += any_;
        }
        if ((lacking & kLacksFrame) != 0 && !security.frame_options.empty()) {
            lines += fmt::format("X-Frame-Options: {}\r\n", security.frame_options);
        }
        if ((lacking & kLacksReferrer) != 0 && !security.referrer_policy.empty()) {
            lines += fmt::format("Referrer-Policy: {}\r\n", security.referrer_policy);
        }
    }
}

bool ContentPolicy::is_html(std::string_view content_type) {
    const std::string_view type = essence_of(content_type);
    return wire::equals_lower_case(type, "text/html") ||
           wire::equals_lower_case(type, "application/xhtml+xml");
}

bool ContentPolicy::compresses(std::string_view content_type, uint64_t size) const {
    return enabled_ && size >= size_min_ && types_.contain(content_type);
}

bool ContentPolicy::may_compress(const Exchange& exchange, const Seen& seen) const {
    const wire::ResponseHead& answer = *exchange.answer;
    const bool has_body =
        answer.status >= 200 && answer.status != 204 && answer.status != 206 &&
        answer.status != 304 &&
        (answer.framing != wire::Framing::kNone || exchange.request->method == wire::Method::kHead);
    return enabled_ && exchange.compress && has_body && !seen.encoded && !seen.no_transform &&
           !seen.has_trailers &&
           (!answer.has_content_length || answer.content_length >= size_min_) &&
           types_.contain(seen.type);
}

/// True when the answer's length must not depend on what it holds.
bool ContentPolicy::is_guarded(const Exchange& exchange, const Seen& seen) const {
    if (with_credentials_ || seen.is_public) {
        return false;
    }
    const wire::RequestHead& request = *exchange.request;
    bool has_credentials = false;
    bool from_itself = false;
    for (uint32_t i = 0; i < request.field_count; ++i) {
        const std::string_view value = request.fields[i].value.in(exchange.request_data);
        switch (request.fields[i].id) {
            case FieldId::kCookie:
                has_credentials = true;
                break;
            case FieldId::kAuthorization:
                has_credentials |= !wire::equals_lower_case(value.substr(0, 7), "bearer ");
                break;
            case FieldId::kSecFetchSite:
                from_itself = value == "same-origin" || value == "none";
                break;
            default:
                break;
        }
    }
    return has_credentials && !from_itself && !assets_.contain(seen.type);
}

ContentPlan ContentPolicy::plan(const Exchange& exchange) const {
    const Seen seen(exchange);
    ContentPlan plan;
    plan.added = is_html(seen.type)                    ? html_[seen.lacking]
                 : (seen.lacking & kLacksNosniff) != 0 ? std::string_view(any_)
                                                       : std::string_view();
    if (!may_compress(exchange, seen)) {
        return plan;
    }
    plan.vary = true;
    const wire::Field* const accept = exchange.request->find(FieldId::kAcceptEncoding);
    if (accept == nullptr || exchange.request->minor_version == 0 || is_guarded(exchange, seen)) {
        return plan;
    }
    plan.coding =
        choose_coding(accepted_codings(accept->value.in(exchange.request_data)), codings_);
    return plan;
}

}  // namespace shore::gateway
