// A second opinion: Debian's docker-compose 1.29 normalises the same files; both results must mean
// the same.
#include <array>
#include <cstdio>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/diff.h"
#include "config/load.h"
#include "config/settle.h"

namespace shore::config {

namespace {

const std::filesystem::path kFixtures =
    std::filesystem::path(SHORE_SOURCE_DIR) / "tests/fixtures/compose";

struct Fixture {
    std::string name;
    std::string directory = "";
    std::vector<std::string> files;
    /// Paths that may differ, each with its reason beside the fixture.
    std::vector<std::string> known = {};
};

void PrintTo(const Fixture& fixture, std::ostream* out) {
    *out << fixture.name;
}

const std::vector<Fixture>& fixtures() {
    static const std::vector<Fixture> all = {
        {.name = "wordpress", .files = {"wordpress.yaml"}},
        // 1.29 drops fragments under x- that nothing refers to any more.
        {.name = "django", .files = {"django.yaml"}, .known = {"x-app"}},
        {.name = "monitoring", .files = {"monitoring.yaml"}},
        {.name = "swarm", .files = {"swarm-vote.yaml"}},
        {.name = "elastic", .files = {"elastic.yaml"}},
        // 1.29 rewrites `disable: true` as `test: [NONE]`; the stacks are still equal.
        {.name = "healthchecks",
         .files = {"healthchecks.yaml"},
         .known = {"services.nocheck.healthcheck.disable", "services.nocheck.healthcheck.test"}},
        {.name = "secrets", .files = {"secrets.yaml"}},
        {.name = "env_files", .files = {"env-files.yaml"}},
        {.name = "override", .files = {"base.yaml", "override.yaml"}},
        {.name = "extends", .files = {"extends.yaml"}},
        {.name = "traefik", .files = {"traefik.yaml"}},
        {.name = "gitlab", .files = {"gitlab.yaml"}},
        {.name = "dotenv", .directory = "dotenv", .files = {"compose.yaml"}},
        // 1.29 spells `data` as `service:data:rw`.
        {.name = "legacy", .files = {"legacy.yaml"}, .known = {"services.cache.volumes_from"}},
    };
    return all;
}

LoadRequest request_for(const Fixture& fixture) {
    LoadRequest request{.directory = kFixtures / fixture.directory};
    request.files.assign(fixture.files.begin(), fixture.files.end());
    request.variables = {{"GITLAB_HOME", "/srv/gitlab"}, {"HOST_NAME", "box"}};
    return request;
}

/// stdout of a shell command, and whether it ended with 0.
std::pair<std::string, bool> output_of(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    std::string text;
    std::array<char, 4096> buffer{};
    while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
        text.append(buffer.data(), size);
    }
    return {text, pclose(pipe) == 0};
}

bool has_docker_compose() {
    return output_of("docker-compose version --short 2>/dev/null").first.starts_with("1.29");
}

class Agreement : public testing::TestWithParam<Fixture> {};

}  // namespace

TEST_P(Agreement, WithDockerComposeOnTheNormalisedFile) {
    ASSERT_TRUE(has_docker_compose())
        << "docker-compose 1.29 is missing: run scripts/bootstrap test";
    const Fixture& fixture = GetParam();
    const LoadRequest request = request_for(fixture);
    std::string command = "cd " + request.directory.string() +
                          " && GITLAB_HOME=/srv/gitlab HOST_NAME=box docker-compose";
    for (const std::string& file : fixture.files) {
        command += " -f " + file;
    }
    const auto [theirs, ended_well] = output_of(command + " config 2>/dev/null");
    ASSERT_TRUE(ended_well) << command;
    const Outcome ours = load(request);
    ASSERT_TRUE(ours) << to_text(ours.error());
    Outcome other = load_normalised(theirs, request.directory, "");
    ASSERT_TRUE(other) << to_text(other.error()) << theirs;

    const auto changes = diff(other->manifest_yaml, ours->manifest_yaml);
    ASSERT_TRUE(changes) << changes.error().text();
    std::vector<std::string> known = fixture.known;
    known.insert(known.end(), {"name", "version"});  // 1.29 has no name and keeps the version.
    for (const Change& change : *changes) {
        if (!change.path.ends_with(kFileDigestKey)) {
            EXPECT_THAT(known, testing::Contains(change.path)) << to_text(change);
        }
    }
    model::StackSpec stack = ours->stack;
    for (model::ServiceSpec& service : stack.services) {
        for (model::FileMount& file : service.files) {
            file.digest.clear();  // Shore's own.
        }
    }
    other->stack.name = stack.name;
    EXPECT_TRUE(other->stack == stack);
}

TEST_P(Agreement, OfTheNormalisedFormWithItself) {
    const LoadRequest request = request_for(GetParam());
    const Outcome first = load(request);
    ASSERT_TRUE(first) << to_text(first.error());
    const Outcome again = load_normalised(first->manifest_yaml, request.directory, "");
    ASSERT_TRUE(again) << to_text(again.error());
    EXPECT_TRUE(first->stack == again->stack);
    EXPECT_EQ(first->manifest_yaml, again->manifest_yaml);
    EXPECT_EQ(first->manifest_yaml, load(request)->manifest_yaml)
        << "the same input, the same bytes";
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Agreement, testing::ValuesIn(fixtures()),
                         [](const auto& info) { return info.param.name; });

}  // namespace shore::config
