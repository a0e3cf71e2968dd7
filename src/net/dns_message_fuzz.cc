// Any bytes as the answer of a DNS server.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <arpa/nameser.h>

#include "base/assert.h"
#include "net/dns_message.h"

namespace shore::net {
namespace {

void check(std::string_view bytes) {
    const std::span message(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    for (const int type : {static_cast<int>(ns_t_a), static_cast<int>(ns_t_aaaa)}) {
        DnsAnswer answer{.addresses = {}, .ttl = Duration::max()};
        if (take_dns_message(message, type, 80, answer)) {
            for (const Address& address : answer.addresses) {
                SHORE_ASSERT(address.port() == 80 && !address.is_unix());
            }
        } else {
            SHORE_ASSERT(answer.addresses.empty());
        }
    }
}

}  // namespace
}  // namespace shore::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::net::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
