#include "net/http_message.h"

#include "base/strings.h"
#include "wire/uri.h"

namespace shore::net {

std::optional<std::string_view> HttpFields::find(std::string_view name) const {
    for (const HttpField& field : fields_) {
        if (base::equals_ignoring_case(field.name, name)) {
            return field.value;
        }
    }
    return std::nullopt;
}

void HttpFields::add(std::string_view name, std::string_view value) {
    fields_.push_back({std::string(name), std::string(value)});
}

void HttpFields::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

void HttpFields::remove(std::string_view name) {
    std::erase_if(fields_, [name](const HttpField& field) {
        return base::equals_ignoring_case(field.name, name);
    });
}

std::string_view HttpRequest::path() const {
    return std::string_view(target).substr(0, target.find('?'));
}

std::string_view HttpRequest::query() const {
    const size_t mark = target.find('?');
    return mark == std::string::npos ? std::string_view()
                                     : std::string_view(target).substr(mark + 1);
}

std::vector<std::string> HttpRequest::query_parameters(std::string_view name) const {
    std::vector<std::string> values;
    for (const std::string_view part : base::split(query(), '&')) {
        const size_t equals = part.find('=');
        const auto key = wire::form_decode(part.substr(0, equals));
        if (part.empty() || !key || *key != name) {
            continue;
        }
        auto value = wire::form_decode(equals == std::string_view::npos ? std::string_view()
                                                                        : part.substr(equals + 1));
        if (value) {
            values.push_back(std::move(*value));
        }
    }
    return values;
}

std::optional<std::string> HttpRequest::query_parameter(std::string_view name) const {
    std::vector<std::string> values = query_parameters(name);
    return values.empty() ? std::nullopt : std::optional(std::move(values.front()));
}

HttpResponse HttpResponse::text(uint16_t status, std::string body) {
    return {.status = status,
            .fields = {{"Content-Type", "text/plain; charset=utf-8"}},
            .body = std::move(body)};
}

HttpResponse HttpResponse::json(uint16_t status, std::string body) {
    return {.status = status,
            .fields = {{"Content-Type", "application/json"}},
            .body = std::move(body)};
}

std::string_view reason_phrase(uint16_t status) {
    struct Phrase {
        uint16_t status;
        std::string_view text;
    };
    static constexpr Phrase kPhrases[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    const auto* const found = std::ranges::find(kPhrases, status, &Phrase::status);
    return found == std::end(kPhrases) ? std::string_view() : found->text;
}

void append_fields(std::string& head, const HttpFields& fields) {
    for (const HttpField& field : fields) {
        head += field.name;
        head += ": ";
        for (const char c : field.value) {
            head += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
        }
        head += "\r\n";
    }
}

}  // namespace shore::net
