// A compressed request body with any bytes, in pieces: no limit is passed, and a body that ends
// good gives the same bytes in other pieces.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "gateway/decoder.h"

namespace shore::gateway {
namespace {

constexpr DecodeLimits kLimits{.size_max = 256 * 1024, .ratio_max = 100};

struct Outcome {
    std::string plain;
    Decoder::Status status = Decoder::Status::kGood;
    bool finished = false;
};

Outcome decode(Coding coding, std::string_view bytes, size_t piece, size_t room) {
    Outcome outcome;
    Decoder decoder;
    SHORE_ASSERT(decoder.start(coding, kLimits));
    std::array<char, 8192> space;
    while (outcome.status == Decoder::Status::kGood) {
        const std::string_view part = bytes.substr(0, piece);
        const Decoder::Step step = decoder.run(part, std::span(space).first(room));
        SHORE_ASSERT(step.consumed <= part.size() && step.produced <= room);
        outcome.plain.append(space.data(), step.produced);
        outcome.status = step.status;
        bytes.remove_prefix(step.consumed);
        if (step.consumed == 0 && step.produced < room) {
            break;  // It wants more than there is.
        }
    }
    outcome.finished = decoder.finished() && bytes.empty();
    SHORE_ASSERT(outcome.plain.size() <= kLimits.size_max + room);
    return outcome;
}

void check(std::string_view input) {
    if (input.size() < 2) {
        return;
    }
    const std::array<Coding, 3> codings = {Coding::kGzip, Coding::kBrotli, Coding::kZstd};
    const Coding coding = codings[static_cast<unsigned char>(input[0]) % codings.size()];
    const size_t piece = static_cast<unsigned char>(input[1]) % 64 + 1;
    input.remove_prefix(2);
    const Outcome whole = decode(coding, input, std::max<size_t>(input.size(), 1), 8192);
    const Outcome pieces = decode(coding, input, piece, piece * 8);
    if (whole.status == Decoder::Status::kGood && pieces.status == Decoder::Status::kGood &&
        whole.finished) {
        SHORE_ASSERT(pieces.finished && pieces.plain == whole.plain);
    }
}

}  // namespace
}  // namespace shore::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    shore::gateway::check({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
