// Address: where a stream socket listens or connects: IPv4 or IPv6 with a port, or a Unix path.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include "base/result.h"

namespace shore::net {

/// A value. Text forms: "127.0.0.1:8080", "[::1]:8080", ":8080" (every local address: [::] with
/// IPv4 where the machine has IPv6), "unix:/run/x.sock" or an absolute path.
class Address final {
 public:
    enum class Family : uint8_t { kIpv4, kIpv6, kUnix };

    /// 0.0.0.0:0.
    Address();

    /// Reads one of the text forms; names are not looked up, except "localhost" (127.0.0.1).
    /// kInvalid otherwise.
    static Result<Address> parse(std::string_view text);
    static Address loopback(uint16_t port);
    static Address any(uint16_t port);
    /// kInvalid when the path is empty, has a NUL or is longer than the kernel takes (107 bytes).
    static Result<Address> unix_path(std::string_view path);
    /// From the kernel's form (accept, getsockname). kUnsupported for another family.
    static Result<Address> from_socket(const sockaddr_storage& raw, socklen_t length);
    static Result<Address> local_of(int descriptor);
    static Result<Address> peer_of(int descriptor);

    Family family() const { return family_; }
    bool is_unix() const { return family_ == Family::kUnix; }
    bool is_loopback() const;
    /// 0 for Unix.
    uint16_t port() const;
    Address with_port(uint16_t port) const;
    /// Empty for TCP, and for an unnamed Unix socket (most clients).
    const std::string& path() const { return path_; }
    /// "127.0.0.1", "::1"; an IPv4 address in IPv6 form reads as IPv4. Empty for Unix.
    std::string host() const;
    /// As parse() reads it.
    std::string to_text() const;

    /// The kernel's form; returns its length.
    socklen_t to_socket(sockaddr_storage& raw) const;

    friend auto operator<=>(const Address&, const Address&) = default;

 private:
    Family family_ = Family::kIpv4;
    uint16_t port_ = 0;
    uint32_t scope_ = 0;  // IPv6 link-local interface.
    std::array<uint8_t, 16> bytes_{};
    std::string path_;
};

/// Looks a name up with the system's resolver. May take seconds: on a worker, never on a loop. In
/// the resolver's order; kNotFound when the name has no address, kUnavailable when the resolver
/// does not answer.
Result<std::vector<Address>> resolve_blocking(const std::string& host, uint16_t port);

}  // namespace shore::net
