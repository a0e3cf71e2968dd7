// Files: merging, include, extends, env_file, and their circles.
#include "config/project.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "config/test_project.h"

namespace shore::config {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

namespace {

model::ServiceSpec service_of(const Outcome& outcome, std::string_view name) {
    if (!outcome) {
        ADD_FAILURE() << to_text(outcome.error());
        return {};
    }
    const model::ServiceSpec* service = model::find_service(outcome->stack, name);
    EXPECT_NE(service, nullptr) << name;
    return service == nullptr ? model::ServiceSpec() : *service;
}

std::string problems_of(const TestProject& project) {
    const Outcome outcome = project.load();
    return outcome ? "" : to_text(outcome.error());
}

/// Service `api` after merging `over` into `base`.
model::ServiceSpec merged(std::string_view base, std::string_view over) {
    TestProject project;
    project
        .file("a.yaml",
              "services: {api: {command: [./api], " + std::string(base) + "}}\nvolumes: {v: , w: }")
        .file("b.yaml", "services: {api: {" + std::string(over) + "}}");
    LoadRequest request = project.request();
    request.files = {"a.yaml", "b.yaml"};
    return service_of(load(request), "api");
}

}  // namespace

TEST(Merge, ReplacesCommandEntrypointAndTest) {
    const auto service = merged("entrypoint: [a, b], healthcheck: {test: [CMD, a], interval: 7s}",
                                "command: x y, entrypoint: [c], healthcheck: {test: [CMD, b]}");
    EXPECT_THAT(service.command, ElementsAre("x", "y"));
    EXPECT_THAT(service.entrypoint, ElementsAre("c"));
    EXPECT_THAT(service.health.command, ElementsAre("b"));
    EXPECT_EQ(service.health.interval, std::chrono::seconds(7));
}

TEST(Merge, AppendsListsAndMergesMaps) {
    const auto service = merged("labels: {a: 1, b: 1}, profiles: []", "labels: [b=2, c]");
    EXPECT_THAT(service.labels, ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("c", "")));
}

TEST(Merge, KeepsMountsUniqueByTarget) {
    const auto service =
        merged("volumes: [\"v:/data\", \"./conf:/conf\"]", "volumes: [\"w:/data:ro\"]");
    ASSERT_EQ(service.volumes.size(), 2u);
    EXPECT_EQ(service.volumes[0].source, "w");
    EXPECT_TRUE(service.volumes[0].read_only);
}

TEST(Merge, KeepsPortsUniqueByWhatTheyOccupy) {
    const auto service = merged("ports: [\"80:80\"]", "ports: [\"80:80/tcp\", \"81:80\"]");
    EXPECT_EQ(service.ports.size(), 2u);
}

TEST(Merge, ResetRemovesAndOverrideReplaces) {
    const auto service =
        merged("ports: [\"80:80\"], environment: {A: 1, B: 1}, labels: {a: 1}",
               "ports: !override [\"81:81\"], environment: {A: !reset null}, labels: !reset {}");
    ASSERT_EQ(service.ports.size(), 1u);
    EXPECT_EQ(service.ports[0].published, 81);
    EXPECT_THAT(service.environment, ElementsAre(Pair("B", "1")));
    EXPECT_THAT(service.labels, IsEmpty());
}

TEST(Include, BringsInAnotherProjectWithItsOwnDirectoryAndVariables) {
    TestProject project;
    project
        .file("shore.yaml",
              "include: [db/compose.yaml]\nservices: {api: {command: [./api], depends_on: [db]}}")
        .file("db/compose.yaml", "services: {db: {command: [\"./run\", $NAME], working_dir: data}}")
        .file("db/.env", "NAME=inner\n");
    const auto service = service_of(project.load(), "db");
    EXPECT_THAT(service.command, ElementsAre("./run", "inner"));
    EXPECT_EQ(service.working_dir, (project.directory() / "db/data").string());
}

TEST(Include, TakesTheLongForm) {
    TestProject project;
    project
        .file("shore.yaml",
              "include: [{path: [x/a.yaml, x/b.yaml], project_directory: y, env_file: x/vars}]")
        .file("x/a.yaml", "services: {a: {command: [\"$V\"], working_dir: w}}")
        .file("x/b.yaml", "services: {a: {environment: {B: 1}}}")
        .file("x/vars", "V=v\n");
    const auto service = service_of(project.load(), "a");
    EXPECT_THAT(service.command, ElementsAre("v"));
    EXPECT_EQ(service.working_dir, (project.directory() / "y/w").string());
    EXPECT_THAT(service.environment, ElementsAre(Pair("B", "1")));
}

TEST(Include, RefusesToRedefineWhatIsThere) {
    TestProject project;
    project.file("shore.yaml", "include: [a.yaml]\nservices: {api: {command: [one]}}")
        .file("a.yaml", "services: {api: {command: [two]}}");
    EXPECT_EQ(problems_of(project),
              "a.yaml:1:12: services.api: is included, but shore.yaml line 2 defines it too; "
              "rename one of them\n");
}

TEST(Include, RefusesACircle) {
    TestProject project;
    project.file("shore.yaml", "include: [a.yaml]\nservices: {api: {command: [one]}}")
        .file("a.yaml", "include: [b.yaml]")
        .file("b.yaml", "include: [a.yaml]");
    EXPECT_THAT(problems_of(project),
                HasSubstr("include goes in a circle: a.yaml -> b.yaml -> a.yaml"));
}

TEST(Include, IsBoundedInFiles) {
    TestProject project;
    std::string twice = "include: [next/shore.yaml, next/./shore.yaml]\n";
    std::string path = "shore.yaml";
    for (int depth = 0; depth < 30; ++depth) {
        project.file(path, twice);
        path = "next/" + path;
    }
    EXPECT_THAT(problems_of(project), HasSubstr("more than 256 files belong to this manifest"));
}

TEST(Include, NamesAMissingFile) {
    TestProject project;
    project.file("shore.yaml", "include: [gone.yaml]\nservices: {api: {command: [one]}}");
    EXPECT_THAT(problems_of(project), HasSubstr("gone.yaml: there is no file"));
}

TEST(Extends, TakesOverAServiceOfTheSameAndOfAnotherFile) {
    TestProject project;
    project
        .file("shore.yaml",
              "services:\n"
              "  base: {command: [./base], environment: {A: 1, B: 1}}\n"
              "  api: {extends: base, environment: {B: 2}}\n"
              "  job: {extends: {file: lib/jobs.yaml, service: job}, environment: {C: 3}}\n")
        .file("lib/jobs.yaml",
              "services:\n  root: {working_dir: here, environment: {R: 1}}\n"
              "  job: {extends: {service: root}, command: [./job]}\n");
    const Outcome outcome = project.load();
    EXPECT_THAT(service_of(outcome, "api").command, ElementsAre("./base"));
    EXPECT_THAT(service_of(outcome, "api").environment,
                ElementsAre(Pair("A", "1"), Pair("B", "2")));
    EXPECT_THAT(service_of(outcome, "job").environment,
                ElementsAre(Pair("C", "3"), Pair("R", "1")));
    EXPECT_EQ(service_of(outcome, "job").working_dir, (project.directory() / "lib/here").string());
}

TEST(Extends, RefusesCircles) {
    TestProject project;
    project.file(
        "shore.yaml",
        "services:\n  a: {extends: b, command: [x]}\n  b: {extends: c}\n  c: {extends: a}\n");
    EXPECT_THAT(problems_of(project),
                HasSubstr("services.a.extends: goes in a circle: a -> b -> c -> a"));
    TestProject across;
    across.file("shore.yaml", "services: {a: {extends: {file: b.yaml, service: b}, command: [x]}}")
        .file("b.yaml", "services: {b: {extends: {file: shore.yaml, service: a}}}");
    EXPECT_THAT(problems_of(across), HasSubstr("goes in a circle"));
}

TEST(Extends, NamesTheNearestService) {
    TestProject project;
    project.file("shore.yaml", "services: {base: {command: [x]}, a: {extends: bse}}");
    EXPECT_THAT(problems_of(project),
                HasSubstr("shore.yaml has no service \"bse\", did you mean \"base\"?"));
}

TEST(DependsOn, RefusesACircle) {
    TestProject project;
    project.file(
        "shore.yaml",
        "services:\n  a: {command: [x], depends_on: [b]}\n  b: {command: [x], depends_on: [c]}\n"
        "  c: {command: [x], depends_on: [a]}\n  d: {command: [x], depends_on: [a, d]}\n");
    const std::string problems = problems_of(project);
    EXPECT_THAT(problems, HasSubstr("services.a.depends_on: goes in a circle: a -> b -> c -> a"));
    EXPECT_THAT(problems, HasSubstr("services.d.depends_on: goes in a circle: d -> d"));
}

TEST(EnvFile, IsReadBelowEnvironment) {
    TestProject project;
    project
        .file("shore.yaml",
              "services:\n  api:\n    command: [./api]\n"
              "    env_file: [one.env, {path: gone.env, required: false}, {path: raw.env, format: "
              "raw}]\n"
              "    environment: {B: own, HOME: , UNSET: }\n")
        .file("one.env", "A=1\nB=file\nC=\"$HOME\"\n")
        .file("raw.env", "D=\"$HOME\"\n");
    LoadRequest request = project.request();
    request.variables["HOME"] = "/root";
    EXPECT_THAT(service_of(load(request), "api").environment,
                ElementsAre(Pair("A", "1"), Pair("B", "own"), Pair("C", "/root"),
                            Pair("D", "\"$HOME\""), Pair("HOME", "/root")));
}

TEST(EnvFile, MustExistUnlessSaidOtherwise) {
    TestProject project;
    project.file("shore.yaml", "services: {api: {command: [./api], env_file: gone.env}}");
    EXPECT_THAT(problems_of(project),
                HasSubstr("shore.yaml:1:46: services.api.env_file: there is no file"));
}

TEST(Name, ComesFromTheRequestTheVariableTheFileOrTheDirectory) {
    TestProject project;
    project.file("shore.yaml", "services: {api: {command: [./api]}}");
    LoadRequest request = project.request();
    EXPECT_EQ(load(request)->stack.name, "shop");
    project.file("shore.yaml", "name: \"in-${WHERE}\"\nservices: {api: {command: [./api]}}");
    request.variables["WHERE"] = "file";
    EXPECT_EQ(load(request)->stack.name, "in-file");
    request.variables["COMPOSE_PROJECT_NAME"] = "variable";
    EXPECT_EQ(load(request)->stack.name, "variable");
    request.project_name = "request";
    EXPECT_EQ(load(request)->stack.name, "request");
    request.project_name = "No Name";
    EXPECT_THAT(to_text(load(request).error()), HasSubstr("got \"No Name\""));
}

TEST(Files, ComeFromComposeFileWhenNoneIsNamed) {
    TestProject project;
    project.file("a.yaml", "services: {a: {command: [x]}}")
        .file("b.yaml", "services: {b: {command: [x]}}");
    LoadRequest request = project.request();
    request.variables["COMPOSE_FILE"] = "a.yaml:b.yaml";
    EXPECT_THAT(services(*load(request)), ElementsAre("a", "b"));
}

TEST(Files, NameWhatCannotBeRead) {
    TestProject project;
    LoadRequest request = project.request();
    request.files = {"gone.yaml", "."};
    const Outcome outcome = load(request);
    ASSERT_FALSE(outcome);
    EXPECT_THAT(to_text(outcome.error()), HasSubstr("gone.yaml: there is no file"));
    EXPECT_THAT(to_text(outcome.error()), HasSubstr("is no regular file"));
}

TEST(Secrets, BecomeFilesWithTheirContent) {
    TestProject project;
    project.file("shore.yaml", R"(
services:
  api:
    command: [./api]
    secrets: [key, {source: cert, target: /etc/cert, mode: 0440}]
    configs: [ini]
secrets: {key: {environment: KEY}, cert: {file: ./cert.pem}}
configs: {ini: {content: "debug=$LEVEL"}}
)");
    LoadRequest request = project.request();
    request.variables = {{"KEY", "k"}, {"LEVEL", "1"}};
    const auto service = service_of(load(request), "api");
    ASSERT_EQ(service.files.size(), 3u);
    EXPECT_EQ(service.files[0],
              (model::FileMount{.content = "debug=1", .target = "configs/ini", .mode = 0444}));
    EXPECT_EQ(
        service.files[1],
        (model::FileMount{.content = "k", .target = "secrets/key", .mode = 0400, .secret = true}));
    EXPECT_EQ(service.files[2],
              (model::FileMount{.source = (project.directory() / "cert.pem").string(),
                                .target = "/etc/cert",
                                .mode = 0440,
                                .secret = true}));
    request.variables.erase("KEY");
    EXPECT_THAT(to_text(load(request).error()),
                HasSubstr("secrets.key.environment: variable KEY must be set"));
}

}  // namespace shore::config
