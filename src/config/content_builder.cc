#include "config/content_builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/tree_values.h"

namespace shore::config {

namespace {

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$&^_.+-").contains(c);
    });
}

/// "text/html", "text/*", "application/*+json".
bool is_media_pattern(std::string_view text) {
    const auto parts = base::split_once(text, '/');
    if (!parts || !is_token(parts->first)) {
        return false;
    }
    std::string_view subtype = parts->second;
    if (subtype == "*") {
        return true;
    }
    if (subtype.starts_with("*+")) {
        subtype.remove_prefix(2);
    }
    return is_token(subtype);
}

/// The texts at `key`, each checked; the default when the key is absent.
void read_texts(const Node& node, std::string_view key, bool (*is_valid)(std::string_view),
                std::string_view expected, Report& report, std::vector<std::string>& out) {
    const Node* const list = value_at(node, key);
    if (list == nullptr) {
        return;
    }
    out.clear();
    if (list->items.empty()) {
        report.problem(list->place, fmt::format("x-shore.gateway.compress.{}", key),
                       "must name something; compress: false compresses nothing");
    }
    for (const Node& item : list->items) {
        std::string text = base::to_lower(item.text);
        if (is_valid(text)) {
            out.push_back(std::move(text));
            continue;
        }
        report.problem(
            item.place, fmt::format("x-shore.gateway.compress.{}", key),
            fmt::format("must be {}, got \"{}\"", expected, base::printable(item.text, 60)));
    }
}

void read_compress(const Node& node, Report& report, model::CompressOptions& compress) {
    compress.enabled = bool_at(node, "enabled", compress.enabled);
    compress.size_min = bytes_at(node, "min_size", compress.size_min);
    compress.with_credentials = bool_at(node, "credentials", compress.with_credentials);
    const std::string level = text_at(node, "level", "balanced");
    compress.level = level == "fast"    ? model::CompressLevel::kFast
                     : level == "small" ? model::CompressLevel::kSmall
                                        : model::CompressLevel::kBalanced;
    read_texts(
        node, "codings",
        [](std::string_view text) { return text == "zstd" || text == "br" || text == "gzip"; },
        "zstd, br or gzip", report, compress.codings);
    read_texts(node, "types", &is_media_pattern,
               "a media type such as text/html, text/* or application/*+json", report,
               compress.types);
}

void read_cache(const Node& node, Report& report, model::CacheOptions& cache) {
    cache.memory = bytes_at(node, "memory", cache.memory);
    cache.entries =
        static_cast<uint64_t>(int_at(node, "entries", static_cast<int64_t>(cache.entries)));
    cache.disk = bytes_at(node, "disk", cache.disk);
    const bool given = value_at(node, "object") != nullptr;
    cache.object = bytes_at(node, "object", std::min(cache.object, cache.memory));
    if (given && cache.object.count > cache.memory.count) {
        report.problem(node.place, "x-shore.gateway.cache.object",
                       "must be at most x-shore.gateway.cache.memory");
    }
}

}  // namespace

model::ContentOptions build_content_options(const Node& gateway, Report& report) {
    model::ContentOptions content;
    if (const Node* const node = value_at(gateway, "compress")) {
        read_compress(*node, report, content.compress);
    }
    if (const Node* const node = value_at(gateway, "security_headers")) {
        const auto text_or_off = [&](std::string_view key, std::string& value) {
            value = text_at(*node, key, value);
            if (value == "off") {
                value.clear();
            }
        };
        content.security.enabled = bool_at(*node, "enabled", content.security.enabled);
        content.security.nosniff = bool_at(*node, "nosniff", content.security.nosniff);
        text_or_off("frame_options", content.security.frame_options);
        text_or_off("referrer_policy", content.security.referrer_policy);
    }
    content.file_cache = bytes_at(gateway, "file_cache", content.file_cache);
    if (const Node* const node = value_at(gateway, "cache")) {
        read_cache(*node, report, content.cache);
    }
    return content;
}

}  // namespace shore::config
