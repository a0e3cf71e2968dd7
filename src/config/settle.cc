#include "config/settle.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/digest.h"
#include "config/dotenv.h"
#include "config/limits.h"
#include "config/text_file.h"

namespace shore::config {

namespace {

bool is_project_name(std::string_view name) {
    constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz0123456789";
    return !name.empty() && name.size() <= 63 && kFirst.find(name[0]) != std::string_view::npos &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") ==
               std::string_view::npos;
}

/// The directory's name as Compose makes a project name of it.
std::string name_of_directory(const std::filesystem::path& directory) {
    std::string name;
    for (const char c : base::to_lower(directory.filename().string())) {
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            ((c == '_' || c == '-') && !name.empty())) {
            name += c;
        }
    }
    return name.empty() ? "default" : name.substr(0, 63);
}

class Settler final {
 public:
    Settler(Project& project, const LoadRequest& request, Report& report)
        : document_(project.document), project_(project), request_(request), report_(report) {}

    void settle() {
        if (Node* version = document_.find("version")) {
            report_.note(version->place, "version", "is obsolete and has no meaning");
            document_.erase("version");
        }
        settle_name();
        settle_profiles();
        if (Node* services = document_.find("services")) {
            for (Entry& service : services->entries) {
                settle_service(service.value, "services." + service.key);
            }
        }
        for (const std::string_view section : {"configs", "secrets"}) {
            settle_files(section);
        }
        settle_environment();
        sort_keys(document_);
    }

 private:
    const std::string* variable(const std::string& name) const {
        const auto found = project_.variables.find(name);
        return found == project_.variables.end() ? nullptr : &found->second;
    }

    void settle_name() {
        const Node* given = document_.find("name");
        Place place = given == nullptr ? document_.place : given->place;
        std::string name = given == nullptr ? "" : given->text;
        const std::string* from_variable = variable("COMPOSE_PROJECT_NAME");
        if (!request_.project_name.empty()) {
            name = request_.project_name;
            place = {};
        } else if (from_variable != nullptr && !from_variable->empty()) {
            name = *from_variable;
            place = {};
        } else if (name.empty()) {
            name = name_of_directory(project_.directory);
        }
        if (!is_project_name(name)) {
            report_.problem(place, "name",
                            fmt::format("must be lower-case letters, digits, - and _, beginning "
                                        "with a letter or digit, "
                                        "at most 63, got \"{}\"",
                                        base::printable(name, 80)));
        }
        document_.set("name", Node::string(name, place));
    }

    void settle_profiles() {
        std::vector<std::string> active = request_.profiles;
        if (const std::string* listed = variable("COMPOSE_PROFILES");
            active.empty() && listed != nullptr) {
            for (const std::string_view name : base::split(*listed, ',')) {
                active.emplace_back(base::trim(name));
            }
        }
        const auto is_active = [&](std::string_view name) {
            return std::ranges::find(active, name) != active.end();
        };
        Node* services = document_.find("services");
        if (services == nullptr || is_active("*")) {
            return;
        }
        std::set<std::string> dropped;
        std::erase_if(services->entries, [&](const Entry& service) {
            const Node* profiles = service.value.find("profiles");
            const bool drop = profiles != nullptr && !profiles->items.empty() &&
                              std::ranges::none_of(profiles->items, is_active, &Node::text);
            if (drop) {
                dropped.insert(service.key);
            }
            return drop;
        });
        for (Entry& service : services->entries) {
            drop_optional_dependencies(service.value, dropped);
        }
    }

    /// depends_on with required: false does not miss a service that no active profile names.
    static void drop_optional_dependencies(Node& service, const std::set<std::string>& dropped) {
        Node* dependencies = service.find("depends_on");
        if (dependencies == nullptr) {
            return;
        }
        std::erase_if(dependencies->entries, [&](const Entry& entry) {
            const Node* required = entry.value.find("required");
            return required != nullptr && required->text == "false" && dropped.contains(entry.key);
        });
    }

    void settle_service(Node& service, const std::string& path) {
        const Node* given = service.find("environment");
        if (given != nullptr && given->entries.size() > kEnvironmentMax) {
            report_.problem(given->place, path + ".environment",
                            fmt::format("has more than {} variables", kEnvironmentMax));
            return;
        }
        std::map<std::string, Node> variables;
        if (const Node* files = service.find("env_file")) {
            for (const Node& file : files->items) {
                if (env_bytes_ > kEnvBytesMax || variables_ > kStackVariablesMax) {
                    break;  // Reported where it was passed.
                }
                read_env_file(file, path + ".env_file", variables);
            }
            service.erase("env_file");
        }
        const Place place = given == nullptr ? service.place : given->place;
        if (Node* own = service.find("environment")) {
            fill_from_caller(*own);
            for (Entry& entry : own->entries) {
                variables.insert_or_assign(entry.key, std::move(entry.value));
            }
        }
        variables_ += variables.size();
        if (variables_ > kStackVariablesMax) {
            report_.problem(place, path + ".environment",
                            fmt::format("all services have more than {} variables together",
                                        kStackVariablesMax));
            return;
        }
        if (!variables.empty() || given != nullptr) {
            Node environment = Node::map(place);
            for (auto& [key, value] : variables) {
                const Place at = value.place;
                environment.entries.push_back({key, at, std::move(value)});
            }
            service.set("environment", std::move(environment));
        }
        if (Node* build = service.find("build")) {
            if (Node* args = build->find("args")) {
                fill_from_caller(*args);
            }
        }
    }

    /// Names without a value take the caller's.
    void fill_from_caller(Node& map) {
        for (Entry& entry : map.entries) {
            const std::string* value = variable(entry.key);
            if (entry.value.is_null() && value != nullptr) {
                entry.value = Node::string(*value, entry.value.place);
            }
        }
    }

    void read_env_file(const Node& file, const std::string& path,
                       std::map<std::string, Node>& variables) {
        const Node* name = file.find("path");
        if (name == nullptr || name->is_null()) {
            if (!report_.failed_below(path)) {
                report_.problem(file.place, path, "needs a path");
            }
            return;
        }
        const Node* required = file.find("required");
        const Node* format = file.find("format");
        const auto text = read_text_file(name->text, kEnvFileBytesMax);
        if (!text) {
            const bool may_miss = required != nullptr && required->text == "false";
            if (!may_miss || text.error().code() != ErrorCode::kNotFound) {
                report_.problem(name->place, path, text.error().text());
            }
            return;
        }
        env_bytes_ += text->size();
        if (env_bytes_ > kEnvBytesMax) {
            report_.problem(
                name->place, path,
                fmt::format("files of variables have more than {} bytes together", kEnvBytesMax));
            return;
        }
        const bool raw = format != nullptr && format->text == "raw";
        for (const DotenvLine& line :
             parse_dotenv(*text, name->text, raw ? DotenvFormat::kRaw : DotenvFormat::kCompose,
                          project_.variables, report_)) {
            if (variables.size() >= kEnvironmentMax) {
                report_.problem(name->place, path,
                                fmt::format("gives more than {} variables", kEnvironmentMax));
                return;
            }
            const std::string* outside = variable(line.key);
            if (line.value) {
                variables.insert_or_assign(line.key, Node::string(*line.value, name->place));
            } else if (outside != nullptr) {
                variables.insert_or_assign(line.key, Node::string(*outside, name->place));
            }
        }
    }

    /// `environment: NAME` of a config or secret becomes its content; of a `file` the digest is
    /// kept.
    void settle_files(std::string_view section) {
        Node* files = document_.find(section);
        if (files == nullptr) {
            return;
        }
        for (Entry& entry : files->entries) {
            keep_digest(entry, fmt::format("{}.{}.file", section, entry.key));
            const Node* name = entry.value.find("environment");
            if (name == nullptr || name->is_null()) {
                continue;
            }
            const std::string* value = variable(name->text);
            if (value == nullptr) {
                report_.problem(
                    name->place, fmt::format("{}.{}.environment", section, entry.key),
                    fmt::format("variable {} must be set", base::printable(name->text, 60)));
                continue;
            }
            Node content = Node::string(*value, name->place);
            entry.value.erase("environment");
            entry.value.set("content", std::move(content));
        }
    }

    void keep_digest(Entry& entry, const std::string& path) {
        entry.value.erase(kFileDigestKey);
        const Node* file = entry.value.find("file");
        if (file == nullptr || file->is_null()) {
            return;
        }
        const Place place = file->place;
        const size_t left = kFilesBytesMax - std::min(kFilesBytesMax, file_bytes_);
        const auto content = read_text_file(file->text, std::min(kFileBytesMax, left));
        if (!content) {
            report_.note(
                place, path,
                fmt::format("{}; a service that asks for it cannot start", content.error().text()));
            return;
        }
        file_bytes_ += content->size();
        entry.value.set(kFileDigestKey, Node::string(text_digest(*content), place));
    }

    /// Leaves under x-shore.environments only the environment that was loaded, with its offset
    /// written out.
    void settle_environment() {
        const std::string key =
            request_.environment.empty() ? std::string(kDefaultEnvironment) : request_.environment;
        if (!is_project_name(key)) {
            report_.problem(
                {}, "",
                fmt::format("environment \"{}\" must be lower-case letters, digits, - and _",
                            base::printable(key, 60)));
            return;
        }
        const Node* declared = document_.at("x-shore.environments");
        const int64_t offset = port_offset(declared, key);
        Node* shore = document_.find("x-shore");
        if (declared != nullptr) {
            shore->erase("environments");
        }
        if (offset == 0 && request_.environment.empty()) {
            return;
        }
        if (shore == nullptr) {
            shore = &document_.set("x-shore", Node::map(document_.place));
        }
        Node environment = Node::map(document_.place);
        environment.set("port_offset", Node::integer(offset, document_.place));
        Node environments = Node::map(document_.place);
        environments.set(key, std::move(environment));
        shore->set("environments", std::move(environments));
    }

    int64_t port_offset(const Node* declared, const std::string& key) {
        if (request_.port_offset) {
            return *request_.port_offset;
        }
        if (declared == nullptr || declared->entries.empty()) {
            return default_port_offset(request_.environment);
        }
        const auto found = std::ranges::find(declared->entries, key, &Entry::key);
        if (found == declared->entries.end()) {
            if (!request_.environment.empty()) {
                refuse_environment(*declared, key);
            }
            return 0;
        }
        const Node* given = found->value.find("port_offset");
        if (given != nullptr && !given->is_null()) {
            return as_int(*given).value_or(0);
        }
        if (request_.environment.empty()) {
            return 0;
        }
        return 100 * (found - declared->entries.begin() + 1);
    }

    void refuse_environment(const Node& declared, const std::string& key) {
        std::vector<std::string> names;
        for (const Entry& entry : declared.entries) {
            names.push_back(entry.key);
        }
        report_.problem(
            declared.place, "x-shore.environments",
            fmt::format("has no environment \"{}\", expected one of {}{}", base::printable(key, 60),
                        base::join(names, ", "), base::did_you_mean(key, names)));
    }

    Node& document_;
    Project& project_;
    const LoadRequest& request_;
    Report& report_;
    size_t env_bytes_ = 0;
    size_t file_bytes_ = 0;
    size_t variables_ = 0;
};

}  // namespace

void settle(Project& project, const LoadRequest& request, Report& report) {
    Settler(project, request, report).settle();
}

uint16_t default_port_offset(std::string_view environment) {
    if (environment.empty()) {
        return 0;
    }
    // FNV-1a: stable across machines and versions, which is all that is asked of it here.
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : environment) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    return static_cast<uint16_t>(100 * (1 + hash % 99));
}

}  // namespace shore::config
