#include "config/options.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "config/canonical.h"
#include "config/limits.h"
#include "config/reference.h"
#include "config/text_file.h"
#include "config/value_check.h"
#include "config/yaml_reader.h"

namespace shore::config {

TEST(Options, HaveUniquePathsAndSentences) {
    std::set<std::string_view> paths;
    for (const Option* option : all_options()) {
        EXPECT_TRUE(paths.insert(option->path).second) << option->path;
        const bool is_element = option->path.ends_with("*") || option->path.ends_with("[]");
        EXPECT_TRUE(is_element || option->sentence.ends_with('.')) << option->path;
    }
}

TEST(Options, StandBelowARowThatHoldsThem) {
    for (const Option* option : all_options()) {
        const size_t dot = option->path.rfind('.');
        if (dot != std::string_view::npos) {
            EXPECT_NE(find_option(option->path.substr(0, dot)), nullptr) << option->path;
        }
    }
}

TEST(Options, HaveDefaultsAndExamplesWithinTheirOwnBounds) {
    for (const Option* option : all_options()) {
        const bool is_checked = option->type == Type::kBool || option->type == Type::kInt ||
                                option->type == Type::kNumber || option->type == Type::kDuration ||
                                option->type == Type::kBytes || option->type == Type::kChoice ||
                                option->type == Type::kMode;
        if (!is_checked || option->example.empty()) {
            continue;
        }
        const std::string example = base::replace_all(std::string(option->example), "\"", "");
        Node node = Node::string(example, {});
        const auto checked = check_value(node, *option);
        EXPECT_TRUE(checked) << option->path << ": " << checked.error();
    }
}

TEST(Options, HaveExamplesThatAreYaml) {
    for (const Option* option : all_options()) {
        Report report;
        const std::string text = "a: " + std::string(option->example) + "\n";
        const bool is_entry = option->example.ends_with(':');
        read_yaml(is_entry ? std::string(option->example) : text, std::string(option->path),
                  report);
        EXPECT_FALSE(report.failed()) << to_text(report.problems());
    }
}

// tidy-allow(function-size): one list.
TEST(Options, CoverEveryServiceKeyOfTheComposeSpecification) {
    // compose-spec.json, definitions.service.properties, June 2026.
    for (const char* key : {"develop",
                            "deploy",
                            "annotations",
                            "attach",
                            "build",
                            "blkio_config",
                            "cap_add",
                            "cap_drop",
                            "cgroup",
                            "cgroup_parent",
                            "command",
                            "configs",
                            "container_name",
                            "cpu_count",
                            "cpu_percent",
                            "cpu_shares",
                            "cpu_quota",
                            "cpu_period",
                            "cpu_rt_period",
                            "cpu_rt_runtime",
                            "cpus",
                            "cpuset",
                            "credential_spec",
                            "depends_on",
                            "device_cgroup_rules",
                            "devices",
                            "dns",
                            "dns_opt",
                            "dns_search",
                            "domainname",
                            "entrypoint",
                            "env_file",
                            "label_file",
                            "environment",
                            "expose",
                            "extends",
                            "provider",
                            "external_links",
                            "extra_hosts",
                            "gpus",
                            "group_add",
                            "healthcheck",
                            "hostname",
                            "image",
                            "init",
                            "ipc",
                            "isolation",
                            "labels",
                            "links",
                            "logging",
                            "mac_address",
                            "mem_limit",
                            "mem_reservation",
                            "mem_swappiness",
                            "memswap_limit",
                            "models",
                            "network_mode",
                            "networks",
                            "oom_kill_disable",
                            "oom_score_adj",
                            "pid",
                            "pids_limit",
                            "platform",
                            "ports",
                            "post_start",
                            "pre_stop",
                            "privileged",
                            "profiles",
                            "pull_policy",
                            "pull_refresh_after",
                            "read_only",
                            "restart",
                            "runtime",
                            "scale",
                            "security_opt",
                            "shm_size",
                            "secrets",
                            "sysctls",
                            "stdin_open",
                            "stop_grace_period",
                            "stop_signal",
                            "storage_opt",
                            "tmpfs",
                            "tty",
                            "ulimits",
                            "use_api_socket",
                            "user",
                            "uts",
                            "userns_mode",
                            "volumes",
                            "volumes_from",
                            "working_dir"}) {
        EXPECT_NE(find_option("services.*." + std::string(key)), nullptr) << key;
    }
}

/// A page that is not current is written anew beside, to be looked at and copied.
TEST(Reference, PageIsWhatTheTableSays) {
    const std::filesystem::path page =
        std::filesystem::path(SHORE_SOURCE_DIR) / "docs/reference/manifest.md";
    const auto current = read_text_file(page, kManifestBytesMax);
    const std::string expected = reference_page();
    if (!current || *current != expected) {
        const std::filesystem::path written =
            std::filesystem::temp_directory_path() / "shore-manifest.md";
        std::ofstream(written, std::ios::binary) << expected;
        FAIL() << page << " is not current; copy " << written << " over it";
    }
}

}  // namespace shore::config
