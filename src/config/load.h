// Loading a manifest: files in, one StackSpec and one self-contained normalised manifest out; or
// every error of the run.
//
// Order of work, per file: read (own tree with places), interpolate values, bring short forms into
// long ones, resolve extends and include; then merge the files, drop services of inactive profiles,
// check what names what, and build the StackSpec. Pure but for reading files: nothing is kept, any
// thread. Blocks on the disk: call it from a worker.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/finding.h"
#include "model/stack_spec.h"

namespace shore::config {

using Variables = std::map<std::string, std::string>;

struct LoadRequest {
    /// Manifests in merge order; relative ones are searched in `directory`. Empty: COMPOSE_FILE of
    /// `variables`, else the default names (default_file_names) and their *.override.* in
    /// `directory` and then its parents.
    std::vector<std::filesystem::path> files;
    /// Where the command was given; absolute.
    std::filesystem::path directory;
    /// Base of relative paths and place of .env. Empty: the directory of the first file.
    std::filesystem::path project_directory;
    /// "testing": reads .env.testing over .env and shifts ports (port_offset below). Empty: the
    /// default environment.
    std::string environment;
    /// The caller's environment: wins over .env files. Also read: COMPOSE_FILE, COMPOSE_PROFILES,
    /// COMPOSE_PROJECT_NAME.
    Variables variables;
    /// Active profiles; "*" is all of them. Empty: COMPOSE_PROFILES.
    std::vector<std::string> profiles;
    /// Empty: COMPOSE_PROJECT_NAME, then `name:` of the manifest, then the project directory's
    /// name.
    std::string project_name;
    /// Read instead of .env and .env.<environment>, the later one winning.
    std::vector<std::filesystem::path> env_files;
    /// Absent: x-shore.environments.<environment>.port_offset; see default_port_offset().
    std::optional<uint16_t> port_offset;
};

/// What executes the services. check_runtime() says what a manifest asks that a runtime cannot do.
enum class Runtime : uint8_t { kProcess = 1 };

struct Loaded {
    /// Ports in it are final: the environment's offset has been added.
    model::StackSpec stack;
    /// Compose YAML: merged, interpolated, long forms, absolute paths, sorted keys. The same input
    /// gives the same bytes. Any `$` is written `$$`, so that the text is itself an ordinary
    /// manifest with the same meaning.
    std::string manifest_yaml;
    std::vector<Note> notes;
    /// What check_runtime() answers for Runtime::kProcess.
    Problems refused_by_processes;
};

using Outcome = std::expected<Loaded, Problems>;

/// Loads for one environment. Every error found is in the Problems, not only the first.
Outcome load(const LoadRequest& request);

/// Re-reads Loaded::manifest_yaml (a stored release): no variables, no files, every profile. Gives
/// an equal StackSpec. `directory` is the project directory, `environment` the one it was loaded
/// for.
Outcome load_normalised(std::string_view manifest_yaml, const std::filesystem::path& directory,
                        std::string_view environment);

/// What `runtime` cannot do: image, build, udp ports, … Empty when the stack can be started there.
/// `shore config` does not ask; `up`, `deploy` and `plan` do.
Problems check_runtime(const Loaded& loaded, Runtime runtime);

/// Services of the stack in the order of their names (`shore config --services`).
std::vector<std::string> services(const Loaded& loaded);

/// The normalised manifest as one JSON document (`shore config --json`), indented, ended by a
/// newline. kInvalid when the text is not a manifest that load() wrote.
Result<std::string> to_json(std::string_view manifest_yaml);

/// The same manifest with the content of secrets replaced by "***": what is printed for people.
Result<std::string> without_secrets(std::string_view manifest_yaml);

/// shore.yaml, compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml: the first one
/// found is used.
std::vector<std::string> default_file_names();

/// The manifest that a load without `files` begins with, of `directory` or the nearest parent that
/// has one.
std::optional<std::filesystem::path> find_manifest(std::filesystem::path directory);

/// Port offset of an environment that no manifest gives one: 0 for the default environment, else
/// 100..9900 in steps of 100, the same for the same name on every machine.
uint16_t default_port_offset(std::string_view environment);

}  // namespace shore::config
