// Any bytes as PEM: a certificate has names and times, or there is none. What a client or a
// manifest brings gets here.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/base64.h"
#include "wire/certificate.h"

namespace shore::wire {
namespace {

void check(std::string_view bytes) {
    read_certificate(bytes);
    // The bytes as what the text armours: without this the fuzzer would have to invent base64.
    std::string pem = "-----BEGIN CERTIFICATE-----\n";
    const std::string armoured = base64(bytes);
    for (size_t i = 0; i < armoured.size(); i += 64) {
        pem += armoured.substr(i, 64) + "\n";
    }
    pem += "-----END CERTIFICATE-----\n";
    const auto facts = read_certificate(pem);
    if (facts) {
        SHORE_ASSERT(facts->fingerprint.size() == 64);
        for (const std::string& name : facts->names) {
            matches_name(name, "shop.example.com");
        }
    }
    check_key(pem, bytes);
}

}  // namespace
}  // namespace shore::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::wire::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
