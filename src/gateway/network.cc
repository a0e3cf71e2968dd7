#include "gateway/network.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace shore::gateway {

namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

AddressBytes mapped_bytes(const sockaddr_storage& address) {
    AddressBytes bytes{};
    if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    } else if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        std::ranges::copy(kMappedPrefix, bytes.begin());
        std::memcpy(bytes.data() + kMappedPrefix.size(), &v4.sin_addr, 4);
    }
    return bytes;
}

std::optional<Network> Network::parse(std::string_view text) {
    const size_t slash = text.find('/');
    const std::string host(text.substr(0, slash));
    Network network;
    uint8_t bits_max = 128;
    if (inet_pton(AF_INET, host.c_str(), network.prefix.data() + kMappedPrefix.size()) == 1) {
        std::ranges::copy(kMappedPrefix, network.prefix.begin());
        bits_max = 32;
    } else if (inet_pton(AF_INET6, host.c_str(), network.prefix.data()) != 1) {
        return std::nullopt;
    }
    uint8_t bits = bits_max;
    if (slash != std::string_view::npos) {
        const std::string_view count = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), bits);
        if (error != std::errc() || end != count.data() + count.size() || bits > bits_max) {
            return std::nullopt;
        }
    }
    network.bits = static_cast<uint8_t>(bits + 128 - bits_max);
    return network;
}

bool Network::contains(const AddressBytes& address) const {
    const size_t whole = bits / 8;
    if (std::memcmp(address.data(), prefix.data(), whole) != 0) {
        return false;
    }
    const unsigned rest = bits % 8;
    return rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

ClientAddress::ClientAddress(const AddressBytes& address, uint16_t from_port)
    : bytes(address), port(from_port) {
    is_ipv6 = !std::ranges::equal(kMappedPrefix, std::span(bytes).first(kMappedPrefix.size()));
    const uint8_t* const from = is_ipv6 ? bytes.data() : bytes.data() + kMappedPrefix.size();
    inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, from, text.data(), static_cast<socklen_t>(text.size()));
    length = static_cast<uint8_t>(std::string_view(text.data()).size());
}

ClientAddress::ClientAddress(const sockaddr_storage& address)
    : ClientAddress(mapped_bytes(address),
                    ntohs(address.ss_family == AF_INET6
                              ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                              : reinterpret_cast<const sockaddr_in&>(address).sin_port)) {
}

bool contained(std::span<const Network> networks, const AddressBytes& address) {
    return std::ranges::any_of(networks,
                               [&](const Network& network) { return network.contains(address); });
}

}  // namespace shore::gateway
