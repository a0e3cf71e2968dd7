// Pages that the gateway answers with itself: a small HTML page for people, an RFC 9457 problem for
// programs, a status in the head for gRPC clients.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shore::gateway {

/// "Not Found".
std::string_view reason_phrase(uint16_t status);

struct Page {
    uint16_t status = 500;
    std::string_view detail;  ///< A sentence; empty: the usual one of the status.
    std::string_view accept;  ///< The request's Accept; JSON unless it takes text/html.
    std::string_view request_id;
    std::string_view date;
    std::string_view extra_fields;  ///< Whole lines for the head.
    std::string_view allow;         ///< For 405 (RFC 9110 section 15.5.6).
    bool head_only = false;         ///< For HEAD.
    bool grpc = false;              ///< An error as a gRPC "trailers-only" answer.
    bool close = false;
    bool keep_alive_told = false;
};

/// Whether a request's Content-Type is gRPC's ("application/grpc", "application/grpc+proto"), not
/// gRPC-Web's, whose statuses stand in the body.
bool is_grpc_type(std::string_view content_type);

/// The whole answer, head and body.
std::string render_page(const Page& page);

}  // namespace shore::gateway
