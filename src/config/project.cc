#include "config/project.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/canonical.h"
#include "config/dotenv.h"
#include "config/interpolate.h"
#include "config/limits.h"
#include "config/merge.h"
#include "config/text_file.h"
#include "config/yaml_reader.h"

namespace shore::config {

namespace {

namespace fs = std::filesystem;

const std::string* variable(const Variables& variables, const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() || found->second.empty() ? nullptr : &found->second;
}

fs::path absolute(const fs::path& path, const fs::path& directory) {
    return (directory / path).lexically_normal();
}

bool is_there(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
}

/// Reads the files of one project, following include and extends. Lives for one load.
class ProjectReader final {
 public:
    ProjectReader(const LoadRequest& request, Report& report)
        : request_(request), report_(report) {}

    std::optional<Project> read() {
        const std::vector<fs::path> files = find_files();
        if (files.empty()) {
            return std::nullopt;
        }
        Project project;
        project.directory = request_.project_directory.empty()
                                ? files[0].parent_path()
                                : absolute(request_.project_directory, request_.directory);
        project.directory = directory_name(project.directory);
        project.variables = read_variables(project.directory);
        const Scope scope{project.directory, project.variables};
        for (const fs::path& file : files) {
            std::optional<Node> document = read_document(file, scope, {});
            if (document) {
                if (project.document.is_null()) {
                    project.document = Node::map(document->place);
                }
                merge_documents(project.document, std::move(*document));
            }
        }
        if (project.document.is_null()) {
            return std::nullopt;
        }
        drop_merge_tags(project.document);
        return project;
    }

 private:
    /// What a file is read with.
    struct Scope {
        fs::path directory;
        Variables variables;
    };
    using Trail = std::vector<fs::path>;

    void problem(std::string message) { report_.problem({}, "", std::move(message)); }

    /// As people write it: relative to where they stand when it lies below.
    std::string display(const fs::path& path) const {
        const fs::path relative = path.lexically_relative(request_.directory);
        return relative.empty() || *relative.begin() == ".." ? path.string() : relative.string();
    }

    std::vector<fs::path> find_files() {
        std::vector<fs::path> files;
        for (const fs::path& file : request_.files) {
            files.push_back(absolute(file, request_.directory));
        }
        if (const std::string* listed = variable(request_.variables, "COMPOSE_FILE");
            files.empty() && listed) {
            for (const std::string_view name : base::split(*listed, ':')) {
                files.push_back(absolute(name, request_.directory));
            }
        }
        if (!files.empty()) {
            return files;
        }
        if (const auto file = find_manifest(request_.directory)) {
            return with_override(*file);
        }
        problem(fmt::format(
            "no manifest in {} or a directory above it, expected one of {}; name one with -f",
            request_.directory.string(), base::join(default_file_names(), ", ")));
        return {};
    }

    static std::vector<fs::path> with_override(const fs::path& file) {
        for (const std::string_view extension : {file.extension() == ".yml" ? ".yml" : ".yaml",
                                                 file.extension() == ".yml" ? ".yaml" : ".yml"}) {
            fs::path candidate = file;
            candidate.replace_extension(fmt::format(".override{}", extension));
            if (is_there(candidate)) {
                return {file, candidate};
            }
        }
        return {file};
    }

    /// .env and .env.<environment> of the directory, or the files the caller named; the caller's
    /// variables win.
    Variables read_variables(const fs::path& directory) {
        std::vector<fs::path> files;
        for (const fs::path& file : request_.env_files) {
            files.push_back(absolute(file, request_.directory));
        }
        const bool named = !files.empty();
        if (!named) {
            files.push_back(directory / ".env");
            if (!request_.environment.empty()) {
                files.push_back(directory / (".env." + request_.environment));
            }
        }
        return read_env_files(files, named, request_.variables);
    }

    Variables read_env_files(const std::vector<fs::path>& files, bool required,
                             const Variables& winning) {
        Variables lower;
        for (const fs::path& file : files) {
            const auto text = read_text_file(file, kEnvFileBytesMax);
            if (!text) {
                if (required || text.error().code() != ErrorCode::kNotFound) {
                    problem(text.error().text());
                }
                continue;
            }
            for (DotenvLine& line :
                 parse_dotenv(*text, display(file), DotenvFormat::kCompose, winning, report_)) {
                if (line.value) {
                    lower[line.key] = std::move(*line.value);
                }
            }
        }
        Variables merged = winning;
        merged.merge(lower);
        return merged;
    }

    /// One file to its canonical tree; nothing when it cannot be read. Extends and include are
    /// still in it.
    std::optional<Node> read_canonical(const fs::path& file, const Scope& scope) {
        if (++files_read_ > kFilesMax) {
            problem(fmt::format("more than {} files belong to this manifest", kFilesMax));
            return std::nullopt;
        }
        const auto text = read_text_file(file, kManifestBytesMax);
        if (!text) {
            report_.problem({std::make_shared<const std::string>(display(file)), 0, 0}, "",
                            text.error().text());
            return std::nullopt;
        }
        std::optional<Node> tree = read_yaml(*text, display(file), report_);
        if (!tree) {
            return std::nullopt;
        }
        if (!charge(*tree)) {
            return std::nullopt;
        }
        interpolate_tree(*tree, scope.variables, report_);
        const std::string* home = variable(scope.variables, "HOME");
        Node document = canonical(*tree, {scope.directory, home == nullptr ? "" : *home}, report_);
        const Node* services = document.find("services");
        if (services != nullptr && services->entries.size() > kServicesMax) {
            report_.problem(services->place, "services",
                            fmt::format("has more than {} services", kServicesMax));
            return std::nullopt;
        }
        return document;
    }

    /// Counts nodes against the project's budget; false when it is used up.
    bool charge(const Node& tree) {
        nodes_ += count_nodes(tree);
        if (nodes_ > kProjectNodesMax) {
            report_.problem(
                tree.place, "",
                fmt::format("the project expands to more than {} nodes", kProjectNodesMax));
        }
        return nodes_ <= kProjectNodesMax;
    }

    std::optional<Node> read_document(const fs::path& file, const Scope& scope, Trail trail) {
        if (std::ranges::find(trail, file) != trail.end()) {
            problem(fmt::format("include goes in a circle: {}", circle(trail, file)));
            return std::nullopt;
        }
        if (trail.size() >= kIncludeDepthMax) {
            problem(fmt::format("include is nested deeper than {} files", kIncludeDepthMax));
            return std::nullopt;
        }
        std::optional<Node> document = read_canonical(file, scope);
        if (!document) {
            return std::nullopt;
        }
        resolve_extends(*document, file, scope);
        trail.push_back(file);
        resolve_includes(*document, scope, trail);
        return document;
    }

    std::string circle(const Trail& trail, const fs::path& again) const {
        std::string text;
        for (auto step = std::ranges::find(trail, again); step != trail.end(); ++step) {
            text += display(*step) + " -> ";
        }
        return text + display(again);
    }

    // ---- include ----

    void resolve_includes(Node& document, const Scope& scope, const Trail& trail) {
        const Node* found = document.find("include");
        if (found == nullptr) {
            return;
        }
        const Node includes = *found;
        document.erase("include");
        for (const Node& include : includes.items) {
            if (files_read_ > kFilesMax) {
                break;  // Reported once; a thousand further items would only repeat it.
            }
            const Node* paths = include.find("path");
            if (paths == nullptr || paths->items.empty()) {
                if (!report_.failed_below("include")) {
                    report_.problem(include.place, "include", "an item needs a path");
                }
                continue;
            }
            include_project(document, include, *paths, scope, trail);
        }
    }

    void include_project(Node& document, const Node& include, const Node& paths, const Scope& scope,
                         const Trail& trail) {
        std::vector<fs::path> files;
        for (const Node& path : paths.items) {
            files.push_back(absolute(path.text, scope.directory));
        }
        Scope inner;
        const Node* directory = include.find("project_directory");
        inner.directory = directory == nullptr ? files[0].parent_path()
                                               : absolute(directory->text, scope.directory);
        std::vector<fs::path> env_files;
        if (const Node* named = include.find("env_file")) {
            for (const Node& file : named->items) {
                env_files.push_back(absolute(file.text, scope.directory));
            }
        }
        const bool required = !env_files.empty();
        if (!required) {
            env_files.push_back(inner.directory / ".env");
        }
        inner.variables = read_env_files(env_files, required, scope.variables);
        Node included = Node::map(include.place);
        for (const fs::path& file : files) {
            if (auto part = read_document(file, inner, trail)) {
                merge_documents(included, std::move(*part));
            }
        }
        import(document, std::move(included));
    }

    void import(Node& document, Node included) {
        constexpr std::array<std::string_view, 6> kSections = {"services", "networks", "volumes",
                                                               "configs",  "secrets",  "models"};
        for (const std::string_view section : kSections) {
            Node* found = included.find(section);
            if (found == nullptr) {
                continue;
            }
            Node* own = document.find(section);
            if (own == nullptr) {
                own = &document.set(section, Node::map(found->place));
            }
            for (Entry& entry : found->entries) {
                const Node* existing = own->find(entry.key);
                if (existing == nullptr) {
                    own->entries.push_back(std::move(entry));
                } else if (!same(*existing, entry.value)) {
                    report_.problem(
                        entry.place, fmt::format("{}.{}", section, entry.key),
                        fmt::format(
                            "is included, but {} line {} defines it too; rename one of them",
                            existing->place.file ? *existing->place.file : "the manifest",
                            existing->place.line));
                }
            }
        }
        if (const Node* shore = included.find("x-shore")) {
            report_.note(shore->place, "x-shore",
                         "settings of the stack are not taken from an included file");
        }
    }

    // ---- extends ----

    struct Link {
        fs::path file;
        std::string service;
        friend bool operator==(const Link&, const Link&) = default;
    };

    void resolve_extends(Node& document, const fs::path& file, const Scope& scope) {
        Node* services = document.find("services");
        if (services == nullptr) {
            return;
        }
        for (Entry& entry : services->entries) {
            if (entry.value.find("extends") != nullptr && nodes_ <= kProjectNodesMax) {
                entry.value = extended(*services, entry.key, {}, file, scope);
            }
        }
    }

    /// The service with everything it extends merged below it.
    Node extended(const Node& services, const std::string& name, std::vector<Link> trail,
                  const fs::path& file, const Scope& scope) {
        Node service = *services.find(name);
        const Node* extends = service.find("extends");
        if (extends == nullptr) {
            return service;
        }
        const Node target = *extends;
        service.erase("extends");
        const std::string path = fmt::format("services.{}.extends", name);
        const Link here{file, name};
        const bool is_circle = std::ranges::find(trail, here) != trail.end();
        if (is_circle || trail.size() >= kExtendsDepthMax) {
            report_.problem(
                target.place, path,
                is_circle ? fmt::format("goes in a circle: {}", circle(trail, here))
                          : fmt::format("is nested deeper than {} services", kExtendsDepthMax));
            return service;
        }
        trail.push_back(here);
        const Node* other_name = target.find("service");
        if (other_name == nullptr || other_name->text.empty()) {
            if (!report_.failed_below(path)) {
                report_.problem(target.place, path, "needs a service");
            }
            return service;
        }
        const Node* file_node = target.find("file");
        const fs::path other_file = file_node == nullptr ? file : fs::path(file_node->text);
        const Node* other_services = &services;
        if (other_file != file) {
            other_services = services_of(other_file, scope);
            if (other_services == nullptr) {
                return service;
            }
        }
        if (other_services->find(other_name->text) == nullptr) {
            report_.problem(other_name->place, path,
                            no_such_service(*other_services, other_name->text, other_file));
            return service;
        }
        if (!charge(*other_services->find(other_name->text))) {
            return service;
        }
        Node base = extended(*other_services, other_name->text, trail, other_file,
                             {other_file.parent_path(), scope.variables});
        merge_services(base, std::move(service));
        return base;
    }

    std::string no_such_service(const Node& services, const std::string& name,
                                const fs::path& file) const {
        std::vector<std::string> names;
        for (const Entry& entry : services.entries) {
            names.push_back(entry.key);
        }
        return fmt::format("{} has no service \"{}\"{}", display(file), base::printable(name, 60),
                           base::did_you_mean(name, names));
    }

    static std::string circle(const std::vector<Link>& trail, const Link& again) {
        std::string text;
        for (auto step = std::ranges::find(trail, again); step != trail.end(); ++step) {
            text += step->service + " -> ";
        }
        return text + again.service;
    }

    /// Services of a file that extends names; read once per load. nullptr when it cannot be read.
    const Node* services_of(const fs::path& file, const Scope& scope) {
        auto found = extended_files_.find(file);
        if (found == extended_files_.end()) {
            std::optional<Node> document =
                read_canonical(file, {file.parent_path(), scope.variables});
            found = extended_files_.emplace(file, std::move(document)).first;
        }
        return found->second ? found->second->find("services") : nullptr;
    }

    const LoadRequest& request_;
    Report& report_;
    size_t files_read_ = 0;
    size_t nodes_ = 0;
    std::map<fs::path, std::optional<Node>> extended_files_;
};

}  // namespace

std::optional<Project> read_project(const LoadRequest& request, Report& report) {
    return ProjectReader(request, report).read();
}

std::optional<std::filesystem::path> find_manifest(std::filesystem::path directory) {
    for (size_t depth = 0; depth < kParentsMax; ++depth) {
        for (const std::string& name : default_file_names()) {
            if (is_there(directory / name)) {
                return directory / name;
            }
        }
        if (directory == directory.parent_path()) {
            break;
        }
        directory = directory.parent_path();
    }
    return std::nullopt;
}

std::vector<std::string> default_file_names() {
    return {"shore.yaml", "compose.yaml", "compose.yml", "docker-compose.yml",
            "docker-compose.yaml"};
}

}  // namespace shore::config
