#include "config/load.h"

#include <fmt/format.h>

#include "config/canonical.h"
#include "config/check.h"
#include "config/interpolate.h"
#include "config/limits.h"
#include "config/project.h"
#include "config/settle.h"
#include "config/stack_builder.h"
#include "config/yaml_reader.h"
#include "config/yaml_writer.h"

namespace shore::config {

namespace {

Outcome finish(Node document, const StackContext& context, Report& report) {
    check_names(document, report);
    Loaded loaded;
    loaded.stack = build_stack(document, context, report);
    loaded.refused_by_processes = check_process_runtime(document, report);
    if (report.failed()) {
        return std::unexpected(report.problems());
    }
    escape_dollars(document);
    const size_t nodes = count_nodes(document);
    if (nodes <= kNormalisedNodesMax) {
        loaded.manifest_yaml = write_yaml(document);
    }
    if (nodes > kNormalisedNodesMax || loaded.manifest_yaml.size() > kNormalisedBytesMax) {
        report.problem(
            document.place, "",
            fmt::format(
                "the manifest with everything written out is too large to keep as a release: "
                "more than {} nodes or {} bytes",
                kNormalisedNodesMax, kNormalisedBytesMax));
        return std::unexpected(report.problems());
    }
    loaded.notes = report.notes();
    return loaded;
}

/// A stored manifest as a tree; the problem otherwise.
Result<Node> stored_tree(std::string_view manifest_yaml) {
    Report report;
    std::optional<Node> tree = read_yaml(manifest_yaml, "manifest", report, kNormalisedLimits);
    if (!tree) {
        return fail(to_error(report.problems()));
    }
    return std::move(*tree);
}

}  // namespace

Outcome load(const LoadRequest& request) {
    Report report;
    std::optional<Project> project = read_project(request, report);
    if (!project) {
        return std::unexpected(report.problems());
    }
    settle(*project, request, report);
    return finish(std::move(project->document), {project->directory, request.environment}, report);
}

Outcome load_normalised(std::string_view manifest_yaml, const std::filesystem::path& directory,
                        std::string_view environment) {
    Report report;
    std::optional<Node> tree = read_yaml(manifest_yaml, "manifest", report, kNormalisedLimits);
    if (!tree) {
        return std::unexpected(report.problems());
    }
    unescape_dollars(*tree);
    const std::filesystem::path base = directory_name(directory);
    Node document = canonical(*tree, {.directory = base, .home = ""}, report);
    sort_keys(document);
    return finish(std::move(document), {base, std::string(environment)}, report);
}

Problems check_runtime(const Loaded& loaded, Runtime runtime) {
    switch (runtime) {
        case Runtime::kProcess:
            return loaded.refused_by_processes;
    }
    return {};
}

std::vector<std::string> services(const Loaded& loaded) {
    std::vector<std::string> names;
    for (const model::ServiceSpec& service : loaded.stack.services) {
        names.push_back(service.name);
    }
    return names;
}

Result<std::string> to_json(std::string_view manifest_yaml) {
    SHORE_TRY(const Node tree, stored_tree(manifest_yaml));
    return write_json(tree);
}

Result<std::string> without_secrets(std::string_view manifest_yaml) {
    SHORE_TRY(Node tree, stored_tree(manifest_yaml));
    mask_secrets(tree);
    return write_yaml(tree);
}

}  // namespace shore::config
