#include "cache/vary.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/strings.h"
#include "cache/limits.h"
#include "wire/ascii.h"

namespace shore::cache {

using wire::FieldId;

namespace {

bool is_named(const char* data, const wire::Field& field, FieldId id, std::string_view name) {
    return id != FieldId::kOther
               ? field.id == id
               : field.id == FieldId::kOther && wire::equals_lower_case(field.name.in(data), name);
}

/// "gzip;q=0" is a refusal; so is "gzip; q=0.000".
bool is_refused(std::string_view parameters) {
    const size_t q = parameters.find("q=");
    if (q == std::string_view::npos) {
        return false;
    }
    const std::string_view weight = wire::trim_ows(parameters.substr(q + 2));
    return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

/// Which codings the list welcomes, as text in a fixed order.
std::string_view normal_codings(std::string_view list, char* const out) {
    constexpr std::array<std::string_view, 4> kKnown = {"zstd", "br", "gzip", "*"};
    std::array<bool, kKnown.size()> welcome{};
    std::string_view item;
    while (wire::next_list_item(list, item)) {
        const size_t semicolon = item.find(';');
        const std::string_view coding = wire::trim_ows(item.substr(0, semicolon));
        const bool refused =
            semicolon != std::string_view::npos && is_refused(item.substr(semicolon + 1));
        for (size_t i = 0; i < kKnown.size(); ++i) {
            welcome[i] = welcome[i] || (!refused && wire::equals_lower_case(coding, kKnown[i]));
        }
    }
    size_t size = 0;
    for (size_t i = 0; i < kKnown.size(); ++i) {
        if (welcome[i]) {
            size += kKnown[i].copy(out + size, kKnown[i].size());
            out[size++] = ',';
        }
    }
    return {out, size};
}

}  // namespace

std::optional<std::string_view> normal_value(const RequestView& request, std::string_view name,
                                             char* const out) {
    const FieldId id = wire::field_id(name);
    size_t size = 0;
    for (uint32_t i = 0; i < request.head->field_count; ++i) {
        const wire::Field& field = request.head->fields[i];
        if (!is_named(request.data, field, id, name)) {
            continue;
        }
        const std::string_view value = field.value.in(request.data);
        if (size + value.size() + 2 > kVaryValueMax) {
            return std::nullopt;
        }
        if (size > 0) {
            out[size++] = ',';
        }
        for (const char c : value) {
            const bool space = c == ' ' || c == '\t';
            const bool needless = space && (size == 0 || out[size - 1] == ' ' ||
                                            out[size - 1] == ',' || out[size - 1] == ';');
            if (!needless) {
                out[size++] = space ? ' ' : c;
            }
        }
    }
    if (id != FieldId::kAcceptEncoding || size == 0) {
        return std::string_view(out, size);
    }
    std::array<char, kVaryValueMax> list;
    std::memcpy(list.data(), out, size);
    return normal_codings({list.data(), size}, out);
}

std::optional<std::vector<VaryField>> vary_of(const RequestView& request,
                                              const ResponseView& response) {
    std::vector<VaryField> fields;
    std::array<char, kVaryValueMax> room;
    for (uint32_t i = 0; i < response.head->field_count; ++i) {
        if (response.head->fields[i].id != FieldId::kVary) {
            continue;
        }
        std::string_view rest = response.head->fields[i].value.in(response.data);
        std::string_view name;
        while (wire::next_list_item(rest, name)) {
            std::string lower = base::to_lower(name);
            if (std::ranges::find(fields, lower, &VaryField::name) != fields.end()) {
                continue;
            }
            const auto value = normal_value(request, lower, room.data());
            if (name == "*" || !value || fields.size() == kVaryFieldsMax) {
                return std::nullopt;
            }
            fields.push_back({.name = std::move(lower), .value = std::string(*value)});
        }
    }
    std::ranges::sort(fields, {}, &VaryField::name);
    return fields;
}

bool matches(const std::vector<VaryField>& vary, const RequestView& request) {
    std::array<char, kVaryValueMax> room;
    return std::ranges::all_of(vary, [&](const VaryField& field) {
        const auto value = normal_value(request, field.name, room.data());
        return value && *value == field.value;
    });
}

}  // namespace shore::cache
