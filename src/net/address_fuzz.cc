// Any bytes as an address: what is read is written as a text that reads as the same address, but
// for IPv4 in IPv6 form, which is written as IPv4.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "net/address.h"

namespace shore::net {
namespace {

void check(std::string_view text) {
    const auto address = Address::parse(text);
    if (!address) {
        return;
    }
    const auto again = Address::parse(address->to_text());
    SHORE_ASSERT(again && again->to_text() == address->to_text());
    sockaddr_storage raw{};
    const socklen_t length = address->to_socket(raw);
    const auto back = Address::from_socket(raw, length);
    SHORE_ASSERT(back && *back == *address);
}

}  // namespace
}  // namespace shore::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::net::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
