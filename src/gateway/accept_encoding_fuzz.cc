// Accept-Encoding with any bytes: weights stay in their range, the choice is one that the weights
// allow, and a list that is written from the weights reads as the same weights.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "gateway/content_coding.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    using namespace shore::gateway;  // tidy-allow(banned): a C entry point.
    const std::string_view text(reinterpret_cast<const char*>(input), size);
    const CodingWeights weights = accepted_codings(text);
    std::string list;
    for (size_t i = 0; i < kCodings; ++i) {
        if (weights.of[i] > 1000) {
            std::abort();
        }
        list += fmt::format("{};q={}.{:03},", to_string(static_cast<Coding>(i)),
                            weights.of[i] / 1000, weights.of[i] % 1000);
    }
    if (accepted_codings(list) != weights) {
        std::abort();
    }
    const std::vector<Coding> offered = {Coding::kZstd, Coding::kBrotli, Coding::kGzip};
    const Coding chosen = choose_coding(weights, offered);
    if (chosen != Coding::kIdentity && (weights[chosen] == 0 || weights[chosen] < weights.of[0])) {
        std::abort();
    }
    const MediaTypes types({"text/html", "text/*", "application/*+json"});
    if (types.contain(text) && !essence_of(text).contains('/')) {
        std::abort();
    }
    return 0;
}
