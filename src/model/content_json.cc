#include "model/content_json.h"

#include <boost/json.hpp>

namespace shore::model {

namespace json = boost::json;

namespace {

using Texts = std::vector<std::string>;

std::string text_at(const json::object& object, std::string_view key) {
    return std::string(object.at(key).as_string());
}

}  // namespace

json::object content_json(const ContentOptions& content) {
    const CompressOptions& compress = content.compress;
    const SecurityHeaderOptions& security = content.security;
    return {{"compress",
             {{"enabled", compress.enabled},
              {"codings", json::value_from(compress.codings)},
              {"types", json::value_from(compress.types)},
              {"size_min", compress.size_min.count},
              {"level", static_cast<int>(compress.level)},
              {"with_credentials", compress.with_credentials}}},
            {"security",
             {{"enabled", security.enabled},
              {"nosniff", security.nosniff},
              {"frame_options", security.frame_options},
              {"referrer_policy", security.referrer_policy}}},
            {"file_cache", content.file_cache.count},
            {"cache",
             {{"memory", content.cache.memory.count},
              {"entries", content.cache.entries},
              {"object", content.cache.object.count},
              {"disk", content.cache.disk.count}}}};
}

ContentOptions content_from(const json::object& object) {
    ContentOptions content;
    const json::object& compress = object.at("compress").as_object();
    content.compress = {
        .enabled = compress.at("enabled").as_bool(),
        .codings = json::value_to<Texts>(compress.at("codings")),
        .types = json::value_to<Texts>(compress.at("types")),
        .size_min = {compress.at("size_min").to_number<uint64_t>()},
        .level = static_cast<CompressLevel>(compress.at("level").to_number<uint8_t>()),
        .with_credentials = compress.at("with_credentials").as_bool()};
    const json::object& security = object.at("security").as_object();
    content.security = {.enabled = security.at("enabled").as_bool(),
                        .nosniff = security.at("nosniff").as_bool(),
                        .frame_options = text_at(security, "frame_options"),
                        .referrer_policy = text_at(security, "referrer_policy")};
    content.file_cache = {object.at("file_cache").to_number<uint64_t>()};
    if (const json::value* const found = object.if_contains("cache")) {
        const json::object& cache = found->as_object();
        content.cache = {.memory = {cache.at("memory").to_number<uint64_t>()},
                         .entries = cache.at("entries").to_number<uint64_t>(),
                         .object = {cache.at("object").to_number<uint64_t>()},
                         .disk = {cache.at("disk").to_number<uint64_t>()}};
    }
    return content;
}

}  // namespace shore::model
