// One request over HTTP/2 without TLS, on a connection of its own: for probes of apps that speak
// nothing else. Not for load.
#pragma once

#include <string>
#include <string_view>

#include "async/deadline.h"
#include "async/loop.h"
#include "async/task.h"
#include "base/result.h"
#include "net/address.h"
#include "net/http_message.h"
#include "net/limits.h"

namespace shore::net {

/// The whole answer; trailers stand behind the head's fields. kUnavailable when nobody listens or
/// the stream was broken off, kTimeout, kCorrupt when the peer speaks something else.
async::Task<Result<HttpResponse>> http2_fetch(async::Loop& loop, Address address,
                                              HttpRequest request, async::Deadline deadline,
                                              uint64_t bytes_max = kHttp2FetchBytesMax);

/// Asks grpc.health.v1 (github.com/grpc/grpc/blob/master/doc/health-checking.md) about `service`;
/// empty: about the server. What it said when it serves; an error that says why not otherwise.
async::Task<Result<std::string>> grpc_health(async::Loop& loop, Address address,
                                             std::string service, async::Deadline deadline);

}  // namespace shore::net
