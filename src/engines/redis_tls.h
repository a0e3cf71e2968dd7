// TLS of a Redis engine (x-shore.tls): the addresses that clients are given speak it, with a
// certificate that the state directory's private authority has signed. Agents reach servers and
// sentinels of their own engine on Unix sockets, which need none.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/assignment.h"
#include "wire/json.h"

namespace shore::engines {

/// In the data directory, mode 0600: the certificate, its chain and its key.
std::string redis_certificate_path(const Assignment& assignment);
/// In the data directory: what servers and sentinels know each other by.
std::string redis_authority_path(const Assignment& assignment);

/// Writes both as the assignment has them; without TLS, nothing.
Result<void> write_tls_files(const Assignment& assignment);

/// kUnsupported: `next` begins or ends TLS, which processes that run cannot follow one by one.
Result<void> keeps_tls(const Assignment& now, const Assignment& next);

/// What an agent's status says of the certificate in use; nothing without TLS.
void add_certificate(wire::Json& status, const Assignment& assignment);

/// Lines of redis.conf and sentinel.conf: where clients are answered, plain or by TLS.
std::string redis_port_lines(const Assignment& assignment);
/// A sentinel's own configuration with these lines in place of those it was last started with.
std::string with_port_lines(std::string_view conf, const Assignment& assignment);

}  // namespace shore::engines
