#include "engines/redis_tls.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engines/redis_config.h"
#include "os/file.h"
#include "wire/certificate.h"

namespace shore::engines {

namespace {

/// What redis_port_lines() may write.
constexpr auto kPortSettings = std::to_array<std::string_view>(
    {"bind", "port", "protected-mode", "unixsocket", "unixsocketperm", "tls-port", "tls-cert-file",
     "tls-key-file", "tls-ca-cert-file", "tls-auth-clients", "tls-replication"});

std::string own_socket(const Assignment& assignment) {
    return assignment.part == model::EnginePart::kRedisSentinel
               ? sentinel_socket(assignment, assignment.slot)
               : redis_socket(assignment, assignment.slot);
}

}  // namespace

std::string redis_certificate_path(const Assignment& assignment) {
    return assignment.data_directory + "/tls.pem";
}

std::string redis_authority_path(const Assignment& assignment) {
    return assignment.data_directory + "/ca.pem";
}

Result<void> write_tls_files(const Assignment& assignment) {
    if (!assignment.spec.redis.tls) {
        return {};
    }
    SHORE_CHECK(os::write_file_atomically(redis_certificate_path(assignment),
                                          assignment.tls.certificate, 0600));
    return os::write_file_atomically(redis_authority_path(assignment), assignment.tls.authority,
                                     0600);
}

Result<void> keeps_tls(const Assignment& now, const Assignment& next) {
    if (now.spec.redis.tls == next.spec.redis.tls) {
        return {};
    }
    return fail(ErrorCode::kUnsupported,
                "tls of {} cannot change while it runs: shore down, then shore up; data stays",
                now.spec.service);
}

void add_certificate(wire::Json& status, const Assignment& assignment) {
    if (!assignment.spec.redis.tls) {
        return;
    }
    wire::Json certificate = wire::Json::object();
    if (const auto facts = wire::read_certificate(assignment.tls.certificate)) {
        certificate.set("fingerprint", facts->fingerprint)
            .set("not_after", base::to_rfc3339(facts->not_after));
    } else {
        certificate.set("error", facts.error().text());
    }
    status.set("certificate", std::move(certificate));
}

std::string redis_port_lines(const Assignment& assignment) {
    const bool tls = assignment.spec.redis.tls;
    // Services reach a single server by its socket too; with an endpoint, only agents do.
    std::string out = fmt::format(
        "bind 127.0.0.1\nport {}\nprotected-mode yes\nunixsocket {}\nunixsocketperm {}\n",
        tls ? 0 : assignment.port, own_socket(assignment), is_replicated(assignment) ? 700 : 777);
    if (tls) {
        out += fmt::format(
            "tls-port {0}\ntls-cert-file {1}\ntls-key-file {1}\ntls-ca-cert-file {2}\n"
            "tls-auth-clients no\ntls-replication yes\n",
            assignment.port, redis_certificate_path(assignment), redis_authority_path(assignment));
    }
    return out;
}

std::string with_port_lines(std::string_view conf, const Assignment& assignment) {
    std::string out = redis_port_lines(assignment);
    for (const std::string_view line : base::split(conf, '\n')) {
        const std::string_view name = line.substr(0, line.find(' '));
        if (!line.empty() && std::ranges::find(kPortSettings, name) == kPortSettings.end()) {
            out += line;
            out += '\n';
        }
    }
    return out;
}

}  // namespace shore::engines
