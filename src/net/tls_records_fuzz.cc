// A client's bytes behind the handshake: the first byte of the input says whether they are records
// as they come, or what genuine records protect, and how they are cut. Nothing but what was
// protected comes out.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "net/limits.h"
#include "net/tls_record_layer.h"

namespace shore::net {
namespace {

std::unique_ptr<TlsRecordLayer> make_layer(TlsSecrets& secrets) {
    secrets.suite = 0x1301;
    secrets.client.assign(32, 'c');
    secrets.server.assign(32, 's');
    TlsTraffic library(*TlsSuite::find(0x1301), TlsTraffic::Use::kSeal, secrets.server, 0);
    std::string tickets;
    library.seal(TlsContent::kHandshake, "ticket", {}, tickets);
    return TlsRecordLayer::take_over(secrets, tickets);
}

/// The input as records: a type, a length, that many bytes.
std::string protect(std::string_view input, const TlsSecrets& secrets, std::string& data) {
    TlsTraffic client(*TlsSuite::find(0x1301), TlsTraffic::Use::kSeal, secrets.client, 0);
    std::string wire;
    while (input.size() > 2) {
        const auto content = static_cast<TlsContent>(20 + static_cast<uint8_t>(input[0]) % 5);
        const std::string_view plain = input.substr(2, static_cast<uint8_t>(input[1]));
        input.remove_prefix(2 + plain.size());
        client.seal(content, plain, {}, wire);
        if (content == TlsContent::kData) {
            data += plain;
        } else if (content == TlsContent::kHandshake && plain.starts_with("\x18")) {
            client.update();
        }
    }
    return wire;
}

void check(std::string_view input) {
    if (input.empty()) {
        return;
    }
    const auto choice = static_cast<uint8_t>(input[0]);
    input.remove_prefix(1);
    TlsSecrets secrets;
    const auto layer = make_layer(secrets);
    SHORE_ASSERT(layer != nullptr);
    std::string data;
    std::string wire = choice % 2 == 0 ? std::string(input) : protect(input, secrets, data);
    const size_t piece = size_t{choice} + 1;
    const size_t room = size_t{choice} * 3 + 1;
    std::string bytes(kTlsReceiveMax, '\0');
    std::string space(room, '\0');
    std::string answer;
    std::string got;
    for (size_t at = 0; layer->state() == TlsRecordLayer::State::kOpen &&
                        (at < wire.size() || layer->has_more());) {
        size_t have = layer->take_rest(bytes.data());
        if (!layer->has_more()) {
            const std::string_view part = std::string_view(wire).substr(at, piece);
            SHORE_ASSERT(have + part.size() <= bytes.size());
            part.copy(bytes.data() + have, part.size());
            have += part.size();
            at += part.size();
        }
        const size_t count = layer->open(bytes.data(), have, space.data(), room, answer);
        SHORE_ASSERT(count <= room);
        got.append(space, 0, count);
    }
    SHORE_ASSERT(data.starts_with(got));
}

}  // namespace
}  // namespace shore::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::net::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
