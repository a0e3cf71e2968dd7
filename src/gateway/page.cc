#include "gateway/page.h"

#include <algorithm>

#include <fmt/format.h>

#include "wire/json.h"

namespace shore::gateway {

namespace {

struct Known {
    uint16_t status;
    std::string_view reason;
    std::string_view detail;
};

constexpr Known kKnown[] = {
    {301, "Moved Permanently", "This is found at another address."},
    {302, "Found", "This is found at another address."},
    {303, "See Other", "This is found at another address."},
    {307, "Temporary Redirect", "This is found at another address."},
    {308, "Permanent Redirect", "This is found at another address."},
    {400, "Bad Request", "The request is not valid HTTP."},
    {404, "Not Found", "There is nothing at this address."},
    {405, "Method Not Allowed", "This address does not take that kind of request."},
    {408, "Request Timeout", "The request took too long to arrive."},
    {412, "Precondition Failed", "What is here is not what the request expected."},
    {413, "Content Too Large", "The request is larger than this server takes."},
    {414, "URI Too Long", "The address is longer than this server takes."},
    {416, "Range Not Satisfiable", "The file does not have that part."},
    {417, "Expectation Failed", "The request expects something that this server does not do."},
    {431, "Request Header Fields Too Large", "The request's header is larger than allowed."},
    {500, "Internal Server Error", "Something went wrong here."},
    {501, "Not Implemented", "The request asks for something that this server does not do."},
    {502, "Bad Gateway", "The application ended the connection without an answer."},
    {503, "Service Unavailable", "The application is not available at the moment."},
    {504, "Gateway Timeout", "The application did not answer in time."},
    {505, "HTTP Version Not Supported",
     "The request is of a version of HTTP that this server does not speak."},
};

const Known& known(uint16_t status) {
    for (const Known& entry : kKnown) {
        if (entry.status == status) {
            return entry;
        }
    }
    return *std::ranges::find(kKnown, uint16_t{500}, &Known::status);
}

bool wants_html(std::string_view accept) {
    return accept.contains("text/html");
}

std::string html(const Page& page, std::string_view reason, std::string_view detail) {
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>{0} {1}</title>\n"
        "<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;"
        "padding:0 1em;color:#222;background:#fff}}h1{{font-size:1.4em}}"
        "small{{color:#767676}}@media(prefers-color-scheme:dark){{body{{color:#ddd;"
        "background:#181818}}}}</style></head>\n"
        "<body><h1>{1}</h1><p>{2}</p>{3}<p><small>{0} &middot; request {4}</small></p>"
        "</body></html>\n",
        page.status, reason, detail,
        page.status >= 502 ? "<p>Please try again in a moment.</p>" : "", page.request_id);
}

std::string problem(const Page& page, std::string_view reason, std::string_view detail) {
    return fmt::format(
        "{{\"type\":\"about:blank\",\"title\":{},\"status\":{},\"detail\":{},\"request_id\":{}}}\n",
        wire::json_quoted(reason), page.status, wire::json_quoted(detail),
        wire::json_quoted(page.request_id));
}

/// The code of gRPC that a client would make of an HTTP status (gRPC's
/// http-grpc-status-mapping.md); what is too large is RESOURCE_EXHAUSTED here, as it is from a gRPC
/// server.
int grpc_code(uint16_t status) {
    switch (status) {
        case 400:
            return 13;  // INTERNAL
        case 401:
            return 16;  // UNAUTHENTICATED
        case 403:
            return 7;  // PERMISSION_DENIED
        case 404:
            return 12;  // UNIMPLEMENTED
        case 413:
        case 431:
            return 8;  // RESOURCE_EXHAUSTED
        case 429:
        case 502:
        case 503:
        case 504:
            return 14;  // UNAVAILABLE
        default:
            return 2;  // UNKNOWN
    }
}

/// As grpc-message wants it: UTF-8, percent-encoded outside of printable ASCII.
std::string grpc_message(std::string_view detail) {
    std::string message;
    for (const char c : detail) {
        if (c >= ' ' && c <= '~' && c != '%') {
            message += c;
        } else {
            message += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return message;
}

/// A head alone, which the client takes for the trailers (gRPC over HTTP/2, "Trailers-Only").
std::string render_grpc(const Page& page, std::string_view detail) {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nDate: {}\r\nServer: shore\r\nContent-Type: application/grpc\r\n"
        "Content-Length: 0\r\ngrpc-status: {}\r\ngrpc-message: {}\r\nX-Request-Id: {}\r\n{}\r\n",
        page.date, grpc_code(page.status), grpc_message(detail), page.request_id,
        page.extra_fields);
}

}  // namespace

bool is_grpc_type(std::string_view content_type) {
    constexpr std::string_view kType = "application/grpc";
    return content_type.starts_with(kType) &&
           (content_type.size() == kType.size() || content_type[kType.size()] == '+' ||
            content_type[kType.size()] == ';');
}

std::string_view reason_phrase(uint16_t status) {
    return known(status).reason;
}

std::string render_page(const Page& page) {
    const Known& entry = known(page.status);
    const std::string_view detail = page.detail.empty() ? entry.detail : page.detail;
    if (page.grpc && page.status >= 400) {
        return render_grpc(page, detail);
    }
    const bool as_html = wants_html(page.accept);
    const std::string body =
        as_html ? html(page, entry.reason, detail) : problem(page, entry.reason, detail);
    std::string answer = fmt::format(
        "HTTP/1.1 {} {}\r\nDate: {}\r\nServer: shore\r\nContent-Type: {}\r\n"
        "Content-Length: {}\r\nCache-Control: no-store\r\nX-Request-Id: {}\r\n",
        page.status, entry.reason, page.date,
        as_html ? "text/html; charset=utf-8" : "application/problem+json", body.size(),
        page.request_id);
    if (page.status == 405) {
        answer += fmt::format("Allow: {}\r\n", page.allow);
    }
    if (page.status == 503) {
        answer += "Retry-After: 2\r\n";
    }
    answer += page.extra_fields;
    if (page.close) {
        answer += "Connection: close\r\n";
    } else if (page.keep_alive_told) {
        answer += "Connection: keep-alive\r\n";
    }
    answer += "\r\n";
    if (!page.head_only) {
        answer += body;
    }
    return answer;
}

}  // namespace shore::gateway
