#include "gateway/content_coding.h"

#include <algorithm>
#include <optional>

#include "wire/ascii.h"

namespace shore::gateway {

namespace {

constexpr uint16_t kFull = 1000;
constexpr uint16_t kUnsaid = UINT16_MAX;

/// A qvalue in thousandths: "0", "1", "0.5", "1.000"; at most three digits behind the point.
std::optional<uint16_t> parse_weight(std::string_view text) {
    if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5 ||
        (text.size() > 1 && text[1] != '.')) {
        return std::nullopt;
    }
    uint16_t weight = text[0] == '1' ? kFull : 0;
    uint16_t place = 100;
    for (const char digit : text.substr(std::min<size_t>(text.size(), 2))) {
        if (!wire::is(wire::kDigit, digit)) {
            return std::nullopt;
        }
        weight = static_cast<uint16_t>(weight + (digit - '0') * place);
        place /= 10;
    }
    return weight <= kFull ? std::optional(weight) : std::nullopt;
}

/// Splits "br;q=0.5"; false when it is not well-formed.
bool parse_element(std::string_view element, std::string_view& name, uint16_t& weight) {
    const size_t semicolon = element.find(';');
    name = wire::trim_ows(element.substr(0, semicolon));
    weight = kFull;
    if (name.empty() || !wire::all(wire::kToken, name)) {
        return false;
    }
    if (semicolon == std::string_view::npos) {
        return true;
    }
    const std::string_view parameter = wire::trim_ows(element.substr(semicolon + 1));
    if (parameter.size() < 3 || wire::lower(parameter[0]) != 'q' || parameter[1] != '=') {
        return false;
    }
    const auto parsed = parse_weight(parameter.substr(2));
    weight = parsed.value_or(0);
    return parsed.has_value();
}

}  // namespace

std::string_view to_string(Coding coding) {
    switch (coding) {
        case Coding::kGzip:
            return "gzip";
        case Coding::kBrotli:
            return "br";
        case Coding::kZstd:
            return "zstd";
        case Coding::kIdentity:
            break;
    }
    return "identity";
}

Coding coding_of(std::string_view name) {
    if (wire::equals_lower_case(name, "gzip") || wire::equals_lower_case(name, "x-gzip")) {
        return Coding::kGzip;
    }
    if (wire::equals_lower_case(name, "br")) {
        return Coding::kBrotli;
    }
    return wire::equals_lower_case(name, "zstd") ? Coding::kZstd : Coding::kIdentity;
}

CodingWeights accepted_codings(std::string_view accept_encoding) {
    CodingWeights weights;
    weights.of.fill(kUnsaid);
    uint16_t others = kUnsaid;
    std::string_view element;
    while (wire::next_list_item(accept_encoding, element)) {
        std::string_view name;
        uint16_t weight = 0;
        if (!parse_element(element, name, weight)) {
            continue;
        }
        if (name == "*") {
            others = weight;
            continue;
        }
        const Coding coding = coding_of(name);
        if (coding != Coding::kIdentity || wire::equals_lower_case(name, "identity")) {
            weights.of[static_cast<size_t>(coding)] = weight;
        }
    }
    for (size_t i = 0; i < kCodings; ++i) {
        uint16_t& weight = weights.of[i];
        if (weight == kUnsaid) {
            const bool identity = i == static_cast<size_t>(Coding::kIdentity);
            // Identity that nobody spoke of: acceptable, behind everything that is wanted at all.
            weight = others != kUnsaid ? others : identity ? uint16_t{1} : uint16_t{0};
        }
    }
    return weights;
}

Coding choose_coding(const CodingWeights& weights, std::span<const Coding> offered) {
    Coding best = Coding::kIdentity;
    uint16_t weight = 0;
    for (const Coding coding : offered) {
        if (weights[coding] > weight) {
            best = coding;
            weight = weights[coding];
        }
    }
    return weight >= weights[Coding::kIdentity] ? best : Coding::kIdentity;
}

std::string_view essence_of(std::string_view content_type) {
    return wire::trim_ows(content_type.substr(0, content_type.find(';')));
}

MediaTypes::MediaTypes(const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
        const size_t star = pattern.find('*');
        if (star == std::string::npos) {
            exact_.push_back(pattern);
        } else if (star + 1 == pattern.size()) {
            wild_.push_back(pattern.substr(0, star));
        } else {
            suffixes_.push_back({pattern.substr(0, star), pattern.substr(star + 1)});
        }
    }
}

bool MediaTypes::contain(std::string_view content_type) const {
    const std::string_view type = essence_of(content_type);
    const auto starts = [&](std::string_view prefix) {
        return type.size() > prefix.size() &&
               wire::equals_lower_case(type.substr(0, prefix.size()), prefix);
    };
    return std::ranges::any_of(
               exact_, [&](const auto& each) { return wire::equals_lower_case(type, each); }) ||
           std::ranges::any_of(wild_, starts) ||
           std::ranges::any_of(suffixes_, [&](const Suffix& each) {
               return starts(each.type) && type.size() > each.type.size() + each.suffix.size() &&
                      wire::equals_lower_case(type.substr(type.size() - each.suffix.size()),
                                              each.suffix);
           });
}

}  // namespace shore::gateway
