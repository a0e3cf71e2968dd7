// Any bytes as a .env file and as a value with variables: both end, within their limits.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "config/dotenv.h"
#include "config/interpolate.h"
#include "config/limits.h"
#include "config/shell_words.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
    namespace config = shore::config;
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const config::Variables variables = {
        {"A", "1"}, {"EMPTY", ""}, {"LONG", std::string(1000, 'x')}};
    for (const config::DotenvFormat format :
         {config::DotenvFormat::kCompose, config::DotenvFormat::kRaw}) {
        config::Report report;
        for (const config::DotenvLine& line :
             config::parse_dotenv(text, "fuzz", format, variables, report)) {
            SHORE_ASSERT(!line.key.empty());
        }
    }
    if (const auto value = config::interpolate(text, variables, nullptr)) {
        SHORE_ASSERT(value->size() <= config::kValueBytesMax + size);
    }
    config::shell_words(text);
    return 0;
}
