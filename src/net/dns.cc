#include "net/dns.h"

#include <algorithm>
#include <cstring>

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include "base/strings.h"
#include "net/dns_message.h"

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
        const auto size = std::min(static_cast<size_t>(length), bytes.size());
        if (!take_dns_message(std::span(bytes).first(size), type, port, answer)) {
            return fail(ErrorCode::kUnavailable, "look up the name \"{}\": the answer is no DNS",
                        base::printable(host));
        }
        return {};
    }

 private:
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
