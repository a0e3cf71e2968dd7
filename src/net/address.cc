#include "net/address.h"

#include <charconv>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/strings.h"
#include "os/fd.h"

namespace shore::net {

namespace {

constexpr size_t kUnixPathMax = sizeof(sockaddr_un::sun_path) - 1;

std::optional<uint16_t> parse_port(std::string_view text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return port;
}

bool machine_has_ipv6() {
    const os::Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return static_cast<bool>(probe);
}

bool is_mapped(const std::array<uint8_t, 16>& bytes) {
    static constexpr std::array<uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::equal(kPrefix.begin(), kPrefix.end(), bytes.begin());
}

}  // namespace

Address::Address() = default;

Address Address::loopback(uint16_t port) {
    Address address;
    address.bytes_ = {127, 0, 0, 1};
    address.port_ = port;
    return address;
}

Address Address::any(uint16_t port) {
    Address address;
    address.family_ = machine_has_ipv6() ? Family::kIpv6 : Family::kIpv4;
    address.port_ = port;
    return address;
}

Result<Address> Address::unix_path(std::string_view path) {
    if (path.empty() || path.contains('\0')) {
        return fail(ErrorCode::kInvalid, "a Unix socket needs a path, got \"{}\"",
                    base::printable(path));
    }
    if (path.size() > kUnixPathMax) {
        return fail(ErrorCode::kInvalid,
                    "the path of a Unix socket may have {} bytes, this one has {}: {}; "
                    "choose a shorter state directory",
                    kUnixPathMax, path.size(), base::printable(path));
    }
    Address address;
    address.family_ = Family::kUnix;
    address.path_ = path;
    return address;
}

Result<Address> Address::parse(std::string_view text) {
    if (text.starts_with("unix:")) {
        return unix_path(text.substr(5));
    }
    if (text.starts_with('/')) {
        return unix_path(text);
    }
    const auto refuse = [&] {
        return fail(ErrorCode::kInvalid,
                    "an address is \"127.0.0.1:8080\", \"[::1]:8080\", \":8080\" or "
                    "\"unix:/path\", got \"{}\"",
                    base::printable(text));
    };
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return refuse();
    }
    const std::optional<uint16_t> port = parse_port(text.substr(colon + 1));
    if (!port) {
        return refuse();
    }
    std::string host(text.substr(0, colon));
    if (host.empty() || host == "*") {
        return any(*port);
    }
    Address address;
    address.port_ = *port;
    if (host == "localhost") {
        return loopback(*port);
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        address.family_ = Family::kIpv6;
        if (inet_pton(AF_INET6, host.c_str(), address.bytes_.data()) != 1) {
            return refuse();
        }
        return address;
    }
    if (inet_pton(AF_INET, host.c_str(), address.bytes_.data()) != 1) {
        return refuse();
    }
    return address;
}

Result<Address> Address::from_socket(const sockaddr_storage& raw, socklen_t length) {
    Address address;
    if (raw.ss_family == AF_INET) {
        const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(raw);
        std::memcpy(address.bytes_.data(), &ipv4.sin_addr, 4);
        address.port_ = ntohs(ipv4.sin_port);
        return address;
    }
    if (raw.ss_family == AF_INET6) {
        const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(raw);
        address.family_ = Family::kIpv6;
        std::memcpy(address.bytes_.data(), &ipv6.sin6_addr, 16);
        address.port_ = ntohs(ipv6.sin6_port);
        address.scope_ = ipv6.sin6_scope_id;
        return address;
    }
    if (raw.ss_family == AF_UNIX) {
        const auto& local = reinterpret_cast<const sockaddr_un&>(raw);
        address.family_ = Family::kUnix;
        if (length > offsetof(sockaddr_un, sun_path)) {
            const size_t size = length - offsetof(sockaddr_un, sun_path);
            address.path_ = std::string(local.sun_path, strnlen(local.sun_path, size));
        }
        return address;
    }
    return fail(ErrorCode::kUnsupported, "address family {} is not one for streams", raw.ss_family);
}

Result<Address> Address::local_of(int descriptor) {
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&raw), &length) < 0) {
        return fail(os::last_error("ask a socket for its address"));
    }
    return from_socket(raw, length);
}

Result<Address> Address::peer_of(int descriptor) {
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&raw), &length) < 0) {
        return fail(os::last_error("ask a socket for its peer"));
    }
    return from_socket(raw, length);
}

bool Address::is_loopback() const {
    switch (family_) {
        case Family::kIpv4:
            return bytes_[0] == 127;
        case Family::kIpv6: {
            static constexpr std::array<uint8_t, 16> kLoopback = {0, 0, 0, 0, 0, 0, 0, 0,
                                                                  0, 0, 0, 0, 0, 0, 0, 1};
            return bytes_ == kLoopback || (is_mapped(bytes_) && bytes_[12] == 127);
        }
        case Family::kUnix:
            return true;
    }
    return false;
}

uint16_t Address::port() const {
    return port_;
}

Address Address::with_port(uint16_t port) const {
    Address copy = *this;
    copy.port_ = port;
    return copy;
}

std::string Address::host() const {
    char text[INET6_ADDRSTRLEN] = "";
    if (family_ == Family::kIpv4) {
        inet_ntop(AF_INET, bytes_.data(), text, sizeof text);
    } else if (family_ == Family::kIpv6 && is_mapped(bytes_)) {
        inet_ntop(AF_INET, bytes_.data() + 12, text, sizeof text);
    } else if (family_ == Family::kIpv6) {
        inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
    }
    return text;
}

std::string Address::to_text() const {
    if (family_ == Family::kUnix) {
        return "unix:" + path_;
    }
    const std::string name = host();
    return name.contains(':') ? fmt::format("[{}]:{}", name, port_)
                              : fmt::format("{}:{}", name, port_);
}

socklen_t Address::to_socket(sockaddr_storage& raw) const {
    raw = {};
    if (family_ == Family::kIpv4) {
        auto& ipv4 = reinterpret_cast<sockaddr_in&>(raw);
        ipv4.sin_family = AF_INET;
        ipv4.sin_port = htons(port_);
        std::memcpy(&ipv4.sin_addr, bytes_.data(), 4);
        return sizeof ipv4;
    }
    if (family_ == Family::kIpv6) {
        auto& ipv6 = reinterpret_cast<sockaddr_in6&>(raw);
        ipv6.sin6_family = AF_INET6;
        ipv6.sin6_port = htons(port_);
        ipv6.sin6_scope_id = scope_;
        std::memcpy(&ipv6.sin6_addr, bytes_.data(), 16);
        return sizeof ipv6;
    }
    auto& local = reinterpret_cast<sockaddr_un&>(raw);
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, path_.data(), path_.size());
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size() + 1);
}

Result<std::vector<Address>> resolve_blocking(const std::string& host, uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failed == EAI_NONAME || failed == EAI_NODATA) {
        return fail(ErrorCode::kNotFound, "no address for the name \"{}\"", base::printable(host));
    }
    if (failed != 0) {
        return fail(ErrorCode::kUnavailable, "look up the name \"{}\": {}", base::printable(host),
                    gai_strerror(failed));
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
    std::vector<Address> result;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        sockaddr_storage raw{};
        std::memcpy(&raw, entry->ai_addr, entry->ai_addrlen);
        if (auto address = Address::from_socket(raw, entry->ai_addrlen)) {
            result.push_back(std::move(*address));
        }
    }
    return result;
}

}  // namespace shore::net
