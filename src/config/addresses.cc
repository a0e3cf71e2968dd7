#include "config/addresses.h"

#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/strings.h"
#include "config/tree_values.h"

namespace shore::config {

namespace {

/// 32 for an IPv4 literal, 128 for an IPv6 one, 0 for anything else.
int address_bits(std::string_view text) {
    const std::string address(text);
    in6_addr parsed{};
    if (inet_pton(AF_INET, address.c_str(), &parsed) == 1) {
        return 32;
    }
    return inet_pton(AF_INET6, address.c_str(), &parsed) == 1 ? 128 : 0;
}

}  // namespace

std::optional<model::ListenAddress> listen_address(std::string_view text) {
    const bool tls = text.starts_with("https://");
    if (!tls && !text.starts_with("http://")) {
        return std::nullopt;
    }
    text.remove_prefix(tls ? 8 : 7);
    if (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    uint32_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0 || port > 65535) {
        return std::nullopt;
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    if (host == "*" || host == "0.0.0.0" || host == "::") {
        host = {};
    }
    if (host == "localhost") {
        host = "127.0.0.1";
    }
    if (!host.empty() && address_bits(host) == 0) {
        return std::nullopt;
    }
    return model::ListenAddress{std::string(host), static_cast<uint16_t>(port), tls};
}

bool is_network(std::string_view text) {
    const auto parts = base::split_once(text, '/');
    const int bits = address_bits(parts ? parts->first : text);
    if (bits == 0 || !parts) {
        return bits != 0;
    }
    const auto prefix = as_int(Node::string(std::string(parts->second), {}));
    return prefix && *prefix >= 0 && *prefix <= bits;
}

bool is_resolver(std::string_view text) {
    const auto parts = base::split_once(text, ':');
    if (parts) {
        const auto port = as_int(Node::string(std::string(parts->second), {}));
        if (!port || *port < 1 || *port > 65535) {
            return false;
        }
    }
    return address_bits(parts ? parts->first : text) == 32;
}

}  // namespace shore::config
