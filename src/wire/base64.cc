#include "wire/base64.h"

#include <array>
#include <cstdint>

namespace shore::wire {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kBad = 0xff;

constexpr std::array<uint8_t, 256> kValues = [] {
    std::array<uint8_t, 256> values{};
    values.fill(kBad);
    for (size_t i = 0; i < kAlphabet.size(); ++i) {
        values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<uint8_t>(i);
    }
    return values;
}();

}  // namespace

std::string base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t group = 0;
        const size_t count = std::min<size_t>(3, bytes.size() - i);
        for (size_t k = 0; k < 3; ++k) {
            group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        }
        for (size_t k = 0; k < 4; ++k) {
            text += k <= count ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
        }
    }
    return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    uint32_t group = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool is_padding = i >= text.size() - padding;
        const uint8_t value = is_padding ? 0 : kValues[static_cast<unsigned char>(text[i])];
        if (value == kBad) {
            return std::nullopt;
        }
        group = group << 6 | value;
        if (i % 4 == 3) {
            bytes += static_cast<char>(group >> 16 & 0xff);
            bytes += static_cast<char>(group >> 8 & 0xff);
            bytes += static_cast<char>(group & 0xff);
            group = 0;
        }
    }
    bytes.resize(bytes.size() - padding);
    if (base64(bytes) != text) {
        return std::nullopt;  // Bits set behind the last byte.
    }
    return bytes;
}

}  // namespace shore::wire
