#include "net/dns_message.h"

#include <cstring>

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

namespace shore::net {

namespace {

void add(const sockaddr_storage& raw, socklen_t length, DnsAnswer& answer) {
    if (auto address = Address::from_socket(raw, length)) {
        answer.addresses.push_back(std::move(*address));
    }
}

void take(const ns_rr& record, int type, uint16_t port, DnsAnswer& answer) {
    const auto life = std::chrono::seconds(ns_rr_ttl(record));
    answer.ttl = std::min<Duration>(answer.ttl, life);
    sockaddr_storage raw{};
    if (ns_rr_type(record) == ns_t_a && type == ns_t_a && ns_rr_rdlen(record) == 4) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(raw);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&v4.sin_addr, ns_rr_rdata(record), 4);
        add(raw, sizeof(sockaddr_in), answer);
    } else if (ns_rr_type(record) == ns_t_aaaa && type == ns_t_aaaa && ns_rr_rdlen(record) == 16) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(raw);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&v6.sin6_addr, ns_rr_rdata(record), 16);
        add(raw, sizeof(sockaddr_in6), answer);
    }
}

}  // namespace

bool take_dns_message(std::span<const unsigned char> bytes, int type, uint16_t port,
                      DnsAnswer& answer) {
    ns_msg message;
    if (ns_initparse(bytes.data(), static_cast<int>(bytes.size()), &message) != 0) {
        return false;
    }
    for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
        ns_rr record;
        if (ns_parserr(&message, ns_s_an, i, &record) == 0) {
            take(record, type, port, answer);
        }
    }
    return true;
}

}  // namespace shore::net
