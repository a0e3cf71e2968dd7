// The option table: one row per key of a manifest. Validation, defaults, the notes about what a key
// does on a runtime and the page docs/reference/manifest.md come from these rows.
//
// A row's path names where the key stands: "services.*.ports[].target"; `*` is a name the user
// chooses, `[]` an item.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace shore::config {

/// What a value is. The second group names Compose's short forms; each has a long form whose rows
/// stand below its path.
enum class Type : uint8_t {
    kText,
    kBool,
    kInt,
    kNumber,
    kDuration,
    kBytes,
    kChoice,  ///< One of `bounds`, split at '|'.
    kMode,    ///< File mode in octal.
    kPath,    ///< Made absolute.
    kAny,
    kTexts,      ///< A list; a single text counts as a list of one.
    kKeyValues,  ///< A map, or a list of KEY=VALUE.
    kMap,        ///< The rows below.
    kNamed,      ///< Names chosen by the user; each value is the row "path.*".
    kItems,      ///< A list; each item is the row "path[]".

    kCommand,      ///< A list, or a text split as a shell splits words.
    kHealthTest,   ///< CMD, CMD-SHELL, NONE or a text for the shell.
    kBuild,        ///< A directory, or a map.
    kExtends,      ///< A service's name, or a map.
    kDependsOn,    ///< A list of services, or a map.
    kNetworkRefs,  ///< A list of networks, or a map.
    kEngineUses,   ///< A list of engines, or a map.
    kUlimits,      ///< Numbers, or maps of soft and hard.
    kPorts,        ///< Texts like "127.0.0.1:8080:80/tcp", or maps.
    kMounts,       ///< Texts like "./data:/data:ro", or maps.
    kFileRefs,     ///< Names of configs or secrets, or maps.
    kEnvFiles,     ///< A path, a list of paths, or maps.
    kIncludes,     ///< Paths, or maps.
    kHosts,        ///< A map or a list of HOST:IP or HOST=IP.
    kHttp,         ///< A route, a list of routes, or a map.
    kStatic,       ///< A directory, or a map.
    kRedirect,     ///< An address, or a map.
    kTcp,          ///< A port, or a map.
    kSwitch,       ///< true or false, or a map with more to say; long form: {enabled: BOOL}.
};

/// What becomes of a key.
enum class Acts : uint8_t {
    kYes,          ///< On every runtime.
    kContainer,    ///< Needs a container engine; on a host process a note says so.
    kIgnored,      ///< Nowhere; a note says so.
    kLater,        ///< Known, not available in this version; a note says so.
    kLaterNeeded,  ///< As kLater, and the stack cannot start without it.
};

struct Option {
    std::string_view path;
    Type type = Type::kText;
    Acts acts = Acts::kYes;
    /// "yes": running instances are replaced when it changes; "" otherwise.
    std::string_view restart;
    std::string_view default_text;  ///< Empty: none.
    std::string_view bounds;        ///< "0..1000", "100ms..1h", "a|b|c"; empty: any.
    std::string_view example;
    std::string_view sentence;
};

/// The rows of the four tables, in the order of the reference page.
std::span<const Option> top_options();
std::span<const Option> service_options();
std::span<const Option> deploy_options();
std::span<const Option> shore_options();

/// All rows.
const std::vector<const Option*>& all_options();
/// The row of exactly this pattern path, or nullptr.
const Option* find_option(std::string_view path);
/// The rows one step below `path` ("" is the document): the keys of a kMap.
const std::vector<const Option*>& options_below(std::string_view path);
/// The last step of a row's path: "target" of "services.*.ports[].target".
std::string_view key_of(const Option& option);

/// The type in words, which say the unit too: "text", "duration" (1m30s), "size" (64mb).
std::string_view name_of(Type type);

}  // namespace shore::config
