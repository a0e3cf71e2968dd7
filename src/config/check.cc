#include "config/check.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/gateway_tls.h"
#include "config/limits.h"
#include "config/options.h"

namespace shore::config {

namespace {

/// The names that a section declares. A manifest may name thousands that are missing: looking one
/// up costs little, and the section is walked once.
class Names final {
 public:
    explicit Names(const Node* section) {
        if (section != nullptr) {
            for (const Entry& entry : section->entries) {
                entries_.emplace(entry.key, &entry);
                names_.push_back(entry.key);
            }
        }
    }

    /// The entry of that name, or nullptr.
    const Entry* find(std::string_view name) const {
        const auto found = entries_.find(name);
        return found == entries_.end() ? nullptr : found->second;
    }
    bool has(std::string_view name) const { return find(name) != nullptr; }
    /// `, did you mean "x"?`, or nothing; as dear as the section is long.
    std::string did_you_mean(std::string_view name) const {
        return base::did_you_mean(name, names_);
    }
    size_t size() const { return names_.size(); }

 private:
    std::unordered_map<std::string_view, const Entry*> entries_;
    std::vector<std::string> names_;
};

/// The variable by which a host process finds a named volume; supervise makes it of the same
/// letters.
std::string volume_variable(std::string_view volume) {
    std::string name = "SHORE_VOLUME_";
    for (const char c : volume) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool digit = c >= '0' && c <= '9';
        name += letter || digit ? static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c) : '_';
    }
    return name;
}

/// Whether a text below `node` names `word`.
bool mentions(const Node& node, std::string_view word) {
    return node.text.find(word) != std::string::npos ||
           std::ranges::any_of(node.items, [&](const Node& n) { return mentions(n, word); }) ||
           std::ranges::any_of(node.entries,
                               [&](const Entry& e) { return mentions(e.value, word); });
}

bool has(const Node& node, std::string_view key) {
    const Node* found = node.find(key);
    return found != nullptr && !found->is_null();
}

// ---- names ----

class NameCheck final {
 public:
    NameCheck(const Node& document, Report& report)
        : document_(document),
          report_(report),
          services_(document.find("services")),
          volumes_(document.find("volumes")),
          networks_(document.find("networks")),
          configs_(document.find("configs")),
          secrets_(document.find("secrets")) {}

    void check() {
        const Node* services = document_.find("services");
        if (services == nullptr) {
            return;
        }
        if (services->entries.size() > kServicesMax) {
            report_.problem(services->place, "services",
                            fmt::format("has more than {} services", kServicesMax));
            return;
        }
        for (const Entry& service : services->entries) {
            const std::string path = "services." + service.key;
            check_runnable(service, path);
            check_dependencies(service, path);
            check_volumes(service.value, path);
            check_networks(service.value, path);
            check_files(service.value, path, "configs", configs_);
            check_files(service.value, path, "secrets", secrets_);
        }
        check_circles(*services);
    }

 private:
    void check_runnable(const Entry& service, const std::string& path) {
        const Node* shore = service.value.find("x-shore");
        const bool is_static = shore != nullptr && has(*shore, "static");
        const bool is_engine = shore != nullptr && has(*shore, "engine");
        const Node* http = shore == nullptr ? nullptr : shore->find("http");
        const bool redirects = http != nullptr && (http->find("redirect") != nullptr ||
                                                   http->find("upstream") != nullptr);
        const bool has_words =
            !words(service.value, "command").empty() || !words(service.value, "entrypoint").empty();
        const bool has_image = has(service.value, "image") || has(service.value, "build");
        if (!has_words && !has_image && !is_static && !is_engine && !redirects &&
            !has(service.value, "provider") && !report_.failed_below(path)) {
            report_.problem(service.place, path,
                            "has nothing to run, expected command (a host process), image or build "
                            "(a container), "
                            "or x-shore.static (files)");
        }
        if (is_static && (has_words || has_image)) {
            report_.problem(
                shore->find("static")->place, path + ".x-shore.static",
                "has no process, since the gateway serves the files; make it a service of its own");
        }
    }

    static std::span<const Node> words(const Node& service, std::string_view key) {
        const Node* node = service.find(key);
        return node == nullptr ? std::span<const Node>() : node->items;
    }

    void missing(const Place& place, const std::string& path, std::string_view what,
                 const std::string& name, const Names& known) {
        if (report_.full()) {
            return;
        }
        const bool is_cheap =
            known.size() <= kNamesCheapToSearch || ++long_searches_ <= kLongSearchesMax;
        report_.problem(place, path,
                        fmt::format("there is no {} \"{}\"{}", what, base::printable(name, 60),
                                    is_cheap ? known.did_you_mean(name) : ""));
    }

    void check_dependencies(const Entry& service, const std::string& path) {
        const Node* dependencies = service.value.find("depends_on");
        if (dependencies == nullptr) {
            return;
        }
        for (const Entry& dependency : dependencies->entries) {
            const std::string below = path + ".depends_on";
            const Node* required = dependency.value.find("required");
            if (services_.has(dependency.key)) {
                continue;
            }
            if (required != nullptr && required->text == "false") {
                report_.note(
                    dependency.place, below,
                    fmt::format("there is no service \"{}\"; it is not required", dependency.key));
            } else {
                missing(dependency.place, below, "active service", dependency.key, services_);
            }
        }
    }

    void check_volumes(const Node& service, const std::string& path) {
        const Node* mounts = service.find("volumes");
        if (mounts == nullptr) {
            return;
        }
        for (size_t i = 0; i < mounts->items.size(); ++i) {
            const Node& mount = mounts->items[i];
            const Node* type = mount.find("type");
            const Node* source = mount.find("source");
            const std::string below = fmt::format("{}.volumes[{}]", path, i);
            const bool is_volume = type != nullptr && type->text == "volume";
            if (!has(mount, "target")) {
                if (report_.failed_below(path + ".volumes")) {
                    continue;
                }
                report_.problem(mount.place, below, "needs a target");
            } else if (is_volume && source != nullptr && !volumes_.has(source->text)) {
                missing(source->place, below, "volume", source->text, volumes_);
            }
        }
    }

    void check_networks(const Node& service, const std::string& path) {
        const Node* networks = service.find("networks");
        if (networks == nullptr) {
            return;
        }
        for (const Entry& network : networks->entries) {
            if (network.key != "default" && !networks_.has(network.key)) {
                missing(network.place, path + ".networks", "network", network.key, networks_);
            }
        }
    }

    void check_files(const Node& service, const std::string& path, std::string_view section,
                     const Names& declared) {
        const Node* references = service.find(section);
        if (references == nullptr) {
            return;
        }
        for (const Node& reference : references->items) {
            const Node* source = reference.find("source");
            const std::string below = fmt::format("{}.{}", path, section);
            if (source == nullptr) {
                report_.problem(reference.place, below, "needs a source");
            } else if (!declared.has(source->text)) {
                missing(source->place, below, section.substr(0, section.size() - 1), source->text,
                        declared);
            }
        }
    }

    /// Depth first; each service is entered once, so the work is linear.
    void check_circles(const Node& services) {
        std::map<std::string, State, std::less<>> states;
        for (const Entry& service : services.entries) {
            std::vector<const Entry*> trail;
            visit(service, states, trail);
        }
    }

    enum class State : uint8_t { kOpen = 1, kDone = 2 };

    void visit(const Entry& service, std::map<std::string, State, std::less<>>& states,
               std::vector<const Entry*>& trail) {
        const auto [state, is_new] = states.try_emplace(service.key, State::kOpen);
        if (!is_new) {
            if (state->second == State::kOpen) {
                report_circle(service, trail);
            }
            return;
        }
        trail.push_back(&service);
        if (const Node* dependencies = service.value.find("depends_on")) {
            for (const Entry& dependency : dependencies->entries) {
                if (const Entry* next = services_.find(dependency.key)) {
                    visit(*next, states, trail);
                }
            }
        }
        trail.pop_back();
        states[service.key] = State::kDone;
    }

    void report_circle(const Entry& again, const std::vector<const Entry*>& trail) {
        std::string text;
        const auto start = std::ranges::find(trail, &again);
        for (auto step = start; step != trail.end(); ++step) {
            text += (*step)->key + " -> ";
        }
        const Node* dependencies = (*start)->value.find("depends_on");
        report_.problem(dependencies->place, fmt::format("services.{}.depends_on", again.key),
                        fmt::format("goes in a circle: {}{}", text, again.key));
    }

    const Node& document_;
    Report& report_;
    const Names services_;
    const Names volumes_;
    const Names networks_;
    const Names configs_;
    const Names secrets_;
    size_t long_searches_ = 0;
};

// ---- the process runtime ----

constexpr std::string_view kImageAdvice =
    "needs a container engine, and this version of Shore runs host processes only. Ways out: give "
    "the "
    "service a command and no image, or run it with docker compose beside Shore, or let "
    "x-shore.engine run it "
    "(postgres, "
    "redis); a Docker runtime comes with a later version";

class ProcessCheck final {
 public:
    ProcessCheck(const Node& document, Report& report) : document_(document), report_(report) {}

    Problems check() {
        walk(document_, "", "", Host::kProcess);
        check_tls_files(document_,
                        [this](const Place& place, std::string_view path, std::string message) {
                            refuse(place, path, std::move(message));
                        });
        const Node* services = document_.find("services");
        if (services != nullptr) {
            for (const Entry& service : services->entries) {
                check_service(service.value, "services." + service.key);
            }
        }
        return std::move(refused_);
    }

 private:
    enum class Host : uint8_t { kProcess, kContainer };

    static bool is_container(const Node& service) {
        return has(service, "image") || has(service, "build");
    }

    void refuse(const Place& place, std::string_view path, std::string message) {
        refused_.push_back(finding_at(place, path, std::move(message)));
    }

    /// Notes for the keys of a map, by their rows; `pattern` is the row's path, `path` the user's.
    void walk(const Node& node, const std::string& pattern, const std::string& path, Host host) {
        for (const Entry& entry : node.entries) {
            const std::string prefix = pattern.empty() ? "" : pattern + ".";
            const std::string below = path.empty() ? entry.key : path + "." + entry.key;
            const Option* option = find_option(prefix + entry.key);
            if (option == nullptr) {
                option = find_option(prefix + "*");
            }
            if (option == nullptr || (entry.value.is_null() && option->type != Type::kNamed)) {
                continue;
            }
            if (option->path == "services.*") {
                walk(entry.value, "services.*", below,
                     is_container(entry.value) ? Host::kContainer : Host::kProcess);
            } else if (!note_key(entry, *option, below, host)) {
                walk(entry.value, std::string(option->path), below, host);
                for (const Node& item : entry.value.items) {
                    walk(item, std::string(option->path) + "[]", below, host);
                }
            }
        }
    }

    /// True when the key does nothing here and was noted.
    bool note_key(const Entry& entry, const Option& option, const std::string& path, Host host) {
        switch (option.acts) {
            case Acts::kYes:
                return false;
            case Acts::kIgnored:
                report_.note(entry.place, path, "has no effect in Shore");
                return true;
            case Acts::kLater:
                report_.note(entry.place, path,
                             "is not available in this version of Shore and has no effect");
                return true;
            case Acts::kLaterNeeded:
                report_.note(entry.place, path, "is not available in this version of Shore");
                refuse(entry.place, path,
                       "is not available in this version of Shore; take it out to run the rest");
                return true;
            case Acts::kContainer:
                break;
        }
        const bool acts_anyway =
            option.path == "services.*.logging.driver" && entry.value.text == "json-file";
        const bool is_image =
            option.path == "services.*.image" || option.path == "services.*.build";
        if (host == Host::kProcess && !acts_anyway && !is_image) {
            report_.note(entry.place, path,
                         "needs a container engine and has no effect on a host process");
        }
        return true;
    }

    void check_service(const Node& service, const std::string& path) {
        for (const std::string_view key : {"image", "build"}) {
            if (has(service, key)) {
                refuse(service.find(key)->place, fmt::format("{}.{}", path, key),
                       std::string(kImageAdvice));
                break;
            }
        }
        if (has(service, "provider")) {
            refuse(service.find("provider")->place, path + ".provider", "needs a container engine");
        }
        if (is_container(service)) {
            return;
        }
        note_mounts(service, path);
        check_ports(service, path);
        check_external(service, path, "configs");
        check_external(service, path, "secrets");
        const Node* mode = service.at("deploy.mode");
        if (mode != nullptr && mode->text.starts_with("global")) {
            report_.note(mode->place, path + ".deploy.mode",
                         "is one instance per node, and this is one node: 1 instance");
        }
    }

    void note_mounts(const Node& service, const std::string& path) {
        const Node* mounts = service.find("volumes");
        if (mounts == nullptr) {
            return;
        }
        for (const Node& mount : mounts->items) {
            const std::string source =
                mount.find("source") == nullptr ? "" : mount.find("source")->text;
            const Node* target = mount.find("target");
            const Node* type = mount.find("type");
            std::string instead = "a host process has no file system of its own; let it use /tmp";
            if (type != nullptr && type->text == "volume" && !source.empty()) {
                const std::string variable = volume_variable(source);
                if (mentions(service, variable)) {
                    continue;  // The app is told where the volume is.
                }
                instead = fmt::format("let the process use ${}, the directory of volume {}",
                                      variable, source);
            } else if (!source.empty()) {
                instead = fmt::format("a host process uses {} itself", source);
            }
            report_.note(mount.place, path + ".volumes",
                         fmt::format("mounting at {} needs a container engine; {}",
                                     target == nullptr ? "?" : target->text, instead));
        }
    }

    void check_ports(const Node& service, const std::string& path) {
        const Node* ports = service.find("ports");
        if (ports == nullptr) {
            return;
        }
        std::set<std::string> targets;
        for (const Node& port : ports->items) {
            const Node* protocol = port.find("protocol");
            const Node* target = port.find("target");
            if (protocol != nullptr && protocol->text == "udp") {
                refuse(port.place, path + ".ports",
                       "udp needs a container engine; the gateway publishes tcp (HTTP) only");
            }
            if (!has(port, "published")) {
                report_.note(port.place, path + ".ports",
                             "names no published port, so the gateway does not publish it");
            }
            if (target != nullptr) {
                targets.insert(target->text);
            }
        }
        if (targets.size() > 1) {
            report_.note(ports->place, path + ".ports",
                         "a host process has one $PORT: all of these lead to it");
        }
    }

    void check_external(const Node& service, const std::string& path, std::string_view section) {
        const Node* references = service.find(section);
        const Node* declared = document_.find(section);
        if (references == nullptr || declared == nullptr) {
            return;
        }
        for (const Node& reference : references->items) {
            const Node* source = reference.find("source");
            const Node* file = source == nullptr ? nullptr : declared->find(source->text);
            if (file != nullptr && !has(*file, "file") && !has(*file, "content")) {
                refuse(reference.place, fmt::format("{}.{}", path, section),
                       fmt::format("\"{}\" has no file, environment or content; external ones need "
                                   "a container engine",
                                   source->text));
            }
        }
    }

    const Node& document_;
    Report& report_;
    Problems refused_;
};

}  // namespace

void check_names(const Node& document, Report& report) {
    NameCheck(document, report).check();
}

Problems check_process_runtime(const Node& document, Report& report) {
    return ProcessCheck(document, report).check();
}

}  // namespace shore::config
