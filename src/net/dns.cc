#include "net/dns.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include "base/strings.h"

namespace shore::net {

namespace {

/// An answer of the largest size that DNS has.
constexpr size_t kAnswerBytesMax = 65535;
constexpr uint16_t kDnsPort = 53;
/// How long a name is kept that DNS does not know but the machine does.
constexpr std::chrono::seconds kLocalNameLife{30};

/// The resolver's state, closed at the end.
class Resolver final {
 public:
    Resolver() { ready_ = res_ninit(&state_) == 0; }
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    ~Resolver() {
        if (ready_) {
            res_nclose(&state_);
        }
    }

    Result<void> use(std::span<const std::string> servers) {
        if (!ready_) {
            return fail(ErrorCode::kUnavailable, "the resolver cannot be set up");
        }
        state_.retrans = 2;
        state_.retry = 2;
        if (servers.empty()) {
            return {};
        }
        int count = 0;
        for (const std::string& server : servers.first(std::min<size_t>(servers.size(), MAXNS))) {
            auto address = Address::parse(server);
            if (!address) {
                address = Address::parse(fmt::format("{}:{}", server, kDnsPort));
            }
            sockaddr_storage raw{};
            if (!address || address->family() != Address::Family::kIpv4) {
                return fail(ErrorCode::kInvalid, "a DNS server must be an IPv4 address, got \"{}\"",
                            base::printable(server));
            }
            address->to_socket(raw);
            std::memcpy(&state_.nsaddr_list[count++], &raw, sizeof(sockaddr_in));
        }
        state_.nscount = count;
        return {};
    }

    /// Adds the addresses of one type. An error when nobody could be asked.
    Result<void> ask(const std::string& host, int type, uint16_t port, DnsAnswer& answer) {
        std::vector<unsigned char> bytes(kAnswerBytesMax);
        const int length = res_nquery(&state_, host.c_str(), ns_c_in, type, bytes.data(),
                                      static_cast<int>(bytes.size()));
        if (length < 0) {
            if (state_.res_h_errno == HOST_NOT_FOUND || state_.res_h_errno == NO_DATA) {
                return {};
            }
            return fail(ErrorCode::kUnavailable, "look up the name \"{}\": {}",
                        base::printable(host), hstrerror(state_.res_h_errno));
        }
        ns_msg message;
        if (ns_initparse(bytes.data(), std::min<int>(length, kAnswerBytesMax), &message) != 0) {
            return fail(ErrorCode::kUnavailable, "look up the name \"{}\": the answer is no DNS",
                        base::printable(host));
        }
        for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
            ns_rr record;
            if (ns_parserr(&message, ns_s_an, i, &record) == 0) {
                take(record, type, port, answer);
            }
        }
        return {};
    }

 private:
    /// Aliases on the way to the addresses limit the time, too.
    static void take(const ns_rr& record, int type, uint16_t port, DnsAnswer& answer) {
        const auto life = std::chrono::seconds(ns_rr_ttl(record));
        answer.ttl = std::min<Duration>(answer.ttl, life);
        sockaddr_storage raw{};
        if (ns_rr_type(record) == ns_t_a && type == ns_t_a && ns_rr_rdlen(record) == 4) {
            auto& v4 = reinterpret_cast<sockaddr_in&>(raw);
            v4.sin_family = AF_INET;
            v4.sin_port = htons(port);
            std::memcpy(&v4.sin_addr, ns_rr_rdata(record), 4);
            add(raw, sizeof(sockaddr_in), answer);
        } else if (ns_rr_type(record) == ns_t_aaaa && type == ns_t_aaaa &&
                   ns_rr_rdlen(record) == 16) {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(raw);
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(port);
            std::memcpy(&v6.sin6_addr, ns_rr_rdata(record), 16);
            add(raw, sizeof(sockaddr_in6), answer);
        }
    }
    static void add(const sockaddr_storage& raw, socklen_t length, DnsAnswer& answer) {
        if (auto address = Address::from_socket(raw, length)) {
            answer.addresses.push_back(std::move(*address));
        }
    }

    struct __res_state state_{};
    bool ready_ = false;
};

void settle(DnsAnswer& answer) {
    std::ranges::sort(answer.addresses);
    const auto again = std::ranges::unique(answer.addresses);
    answer.addresses.erase(again.begin(), again.end());
}

}  // namespace

Result<DnsAnswer> look_up_blocking(const std::string& host, uint16_t port,
                                   std::span<const std::string> servers) {
    const std::string text =
        host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
    if (auto literal = Address::parse(text)) {
        return DnsAnswer{.addresses = {*literal}, .ttl = std::chrono::hours(1)};
    }
    DnsAnswer answer{.addresses = {}, .ttl = Duration::max()};
    Resolver resolver;
    SHORE_CHECK(resolver.use(servers));
    Result<void> asked = resolver.ask(host, ns_t_a, port, answer);
    const Result<void> asked_v6 = resolver.ask(host, ns_t_aaaa, port, answer);
    settle(answer);
    if (!answer.addresses.empty()) {
        return answer;
    }
    if (servers.empty()) {
        // /etc/hosts and whatever else the machine asks.
        SHORE_TRY(answer.addresses, resolve_blocking(host, port));
        answer.ttl = kLocalNameLife;
        settle(answer);
        return answer;
    }
    if (!asked || !asked_v6) {
        return fail(asked ? asked_v6.error() : asked.error());
    }
    return fail(ErrorCode::kNotFound, "no address for the name \"{}\"", base::printable(host));
}

}  // namespace shore::net
