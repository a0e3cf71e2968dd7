// Fuzz target: the bytes with which a balancer begins a connection. The outcome must not depend on
// how they arrive, and what was understood must be written and read again as the same.
#include <cstdlib>
#include <string>

#include "wire/limits.h"
#include "wire/proxy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    using namespace shore::wire;  // tidy-allow(banned): a C entry point.
    const auto* const data = reinterpret_cast<const char*>(input);
    const auto require = [](bool condition) {
        if (!condition) {
            std::abort();
        }
    };
    ProxyHeader whole;
    const ParseStatus status = parse_proxy_header(data, size, whole);
    for (size_t part = 0; part < size; ++part) {
        ProxyHeader header;
        const ParseStatus early = parse_proxy_header(data, part, header);
        require(early == ParseStatus::kMore || early == status);
        require(early != ParseStatus::kMore || status != ParseStatus::kDone || part < whole.size);
    }
    if (status != ParseStatus::kDone) {
        require(status == ParseStatus::kBad || size < kProxyHeaderBytesMax);
        return 0;
    }
    require(whole.size <= size && whole.size <= kProxyHeaderBytesMax);
    if (whole.local) {
        return 0;
    }
    for (const ProxyVersion version : {ProxyVersion::k1, ProxyVersion::k2}) {
        std::string text(kProxyHeaderWrittenMax, '\0');
        const size_t length =
            write_proxy_header(version, whole.source, whole.destination, text.data());
        require(length <= text.size());
        ProxyHeader again;
        require(parse_proxy_header(text.data(), length, again) == ParseStatus::kDone);
        require(again.size == length && again.source == whole.source &&
                again.destination == whole.destination);
    }
    return 0;
}
