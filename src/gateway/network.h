// Network: a range of addresses, "10.0.0.0/8" or "::1".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <sys/socket.h>

namespace shore::gateway {

/// An IPv6 address, or an IPv4 one in its IPv6 form.
using AddressBytes = std::array<uint8_t, 16>;

struct Network {
    AddressBytes prefix{};
    uint8_t bits = 128;

    /// Nothing when the text is no network.
    static std::optional<Network> parse(std::string_view text);
    bool contains(const AddressBytes& address) const;
};

/// An address as Network compares it.
AddressBytes mapped_bytes(const sockaddr_storage& address);

/// A client's address in the forms that are asked for per request.
struct ClientAddress {
    ClientAddress() = default;
    ClientAddress(const AddressBytes& address, uint16_t from_port);
    explicit ClientAddress(const sockaddr_storage& address);

    /// IPv4 in IPv6 form reads as IPv4.
    std::string_view view() const { return {text.data(), length}; }

    AddressBytes bytes{};
    uint16_t port = 0;
    bool is_ipv6 = false;
    uint8_t length = 0;
    std::array<char, 46> text{};
};

bool contained(std::span<const Network> networks, const AddressBytes& address);

}  // namespace shore::gateway
