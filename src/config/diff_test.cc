#include "config/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/digest.h"

namespace shore::config {

namespace {

std::string shown(std::string_view before, std::string_view after) {
    const auto changes = diff(before, after);
    if (!changes) {
        return changes.error().text();
    }
    std::string text;
    for (const Change& change : *changes) {
        text += to_text(change) + "\n";
    }
    return text;
}

}  // namespace

TEST(Diff, NamesWhatChangedByPath) {
    EXPECT_EQ(
        shown("services: {api: {command: [a], deploy: {replicas: 2}}, old: {command: [o]}}",
              "services: {api: {command: [a, b], deploy: {replicas: 3}}, new: {command: [m]}}"),
        "~ services.api.command: [a] -> [a, b]\n"
        "~ services.api.deploy.replicas: 2 -> 3\n"
        "+ services.new: {command: [m]}\n"
        "- services.old: {command: [o]}\n");
}

TEST(Diff, IsEmptyForTheSameMeaning) {
    EXPECT_EQ(shown("a: {b: 1, c: 2}", "a:\n  c: 2\n  b: 1\n"), "");
}

TEST(Diff, DoesNotPrintSecrets) {
    EXPECT_EQ(
        shown("secrets: {a: {content: one}}", "secrets: {a: {content: two}, b: {content: three}}"),
        "~ secrets.a.content: *** -> ***\n+ secrets.b: ***\n");
}

TEST(Diff, RefusesWhatIsNoManifest) {
    EXPECT_THAT(shown("a: [", ""), testing::HasSubstr("not YAML"));
}

TEST(Digest, IsTheSha256OfTheText) {
    EXPECT_EQ(text_digest("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, DoesNotChangeWithWhatIsAppliedToRunningInstances) {
    const model::ServiceSpec service{.name = "api", .command = {"a"}};
    const std::string digest = service_digest(service);
    model::ServiceSpec other = service;
    other.replicas = 7;
    other.http = model::HttpRoute{.hosts = {"a"}, .path_prefix = "/b"};
    other.update.parallelism = 3;
    other.rollback.delay = std::chrono::seconds(1);
    other.health.interval = std::chrono::seconds(9);
    other.restart.attempts_max = 2;
    other.depends_on = {{.service = "db"}};
    other.stop_signal = 2;
    other.stop_grace_period = std::chrono::seconds(1);
    other.post_start = {{.command = {"x"}}};
    other.pre_stop = {{.command = {"x"}}};
    other.ports = {{.published = 80, .target = 80}};
    other.labels = {{"a", "b"}};
    other.profiles = {"p"};
    EXPECT_EQ(service_digest(other), digest);
}

TEST(Digest, ChangesWithEverythingAnInstanceIsStartedWith) {
    using Edit = void (*)(model::ServiceSpec&);
    const Edit edits[] = {
        [](model::ServiceSpec& s) { s.name = "b"; },
        [](model::ServiceSpec& s) { s.image = "b"; },
        [](model::ServiceSpec& s) { s.has_build = true; },
        [](model::ServiceSpec& s) { s.command = {"a", "b"}; },
        [](model::ServiceSpec& s) { s.command = {"a b"}; },
        [](model::ServiceSpec& s) { s.entrypoint = {"a"}; },
        [](model::ServiceSpec& s) { s.environment = {{"A", "b"}}; },
        [](model::ServiceSpec& s) { s.environment = {{"A", ""}, {"b", ""}}; },
        [](model::ServiceSpec& s) { s.working_dir = "/b"; },
        [](model::ServiceSpec& s) { s.user = "b"; },
        [](model::ServiceSpec& s) { s.umask = 0; },
        [](model::ServiceSpec& s) { s.limits.cpus = 1; },
        [](model::ServiceSpec& s) { s.limits.memory = Bytes::mib(1); },
        [](model::ServiceSpec& s) { s.reservations.cpus = 1; },
        [](model::ServiceSpec& s) { s.ulimits = {{.name = "core"}}; },
        [](model::ServiceSpec& s) { s.volumes = {{.source = "v", .target = "/v"}}; },
        [](model::ServiceSpec& s) { s.files = {{.content = "c", .target = "t"}}; },
        [](model::ServiceSpec& s) { s.log.files_max = 9; },
        [](model::ServiceSpec& s) { s.one_shot = true; },
        [](model::ServiceSpec& s) { s.needs_port = true; },
        [](model::ServiceSpec& s) { s.fixed_port = 80; },
        [](model::ServiceSpec& s) { s.static_files.emplace(); },
    };
    std::set<std::string> digests = {service_digest({.name = "api", .command = {"a"}})};
    for (const Edit edit : edits) {
        model::ServiceSpec service{.name = "api", .command = {"a"}};
        edit(service);
        EXPECT_TRUE(digests.insert(service_digest(service)).second) << "edit " << digests.size();
    }
}

}  // namespace shore::config
