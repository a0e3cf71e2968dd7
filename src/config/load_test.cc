#include "config/load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/diff.h"
#include "config/digest.h"
#include "config/limits.h"
#include "config/test_project.h"

namespace shore::config {

using model::HealthProbe;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
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

/// The service `api` of a manifest that gives it these lines.
model::ServiceSpec api(std::string_view lines) {
    TestProject project;
    std::string text = "services:\n  api:\n    command: [./api]\n";
    text += lines;
    project.file("shore.yaml", text);
    return service_of(project.load(), "api");
}

}  // namespace

TEST(Load, ReadsTheDesignsExample) {
    TestProject project;
    project.file("shore.yaml", R"(
name: shop
services:
  api:
    command: ["python3", "api.py"]
    environment: {DATABASE_URL: "${DATABASE_URL}"}
    healthcheck: {test: ["CMD", "curl", "-f", "http://127.0.0.1:$PORT/healthz"], interval: 7s}
    deploy:
      replicas: 2
      resources: {limits: {cpus: "0.5", memory: 256M}}
      update_config: {parallelism: 1, order: start-first, failure_action: rollback}
    x-shore:
      http: {route: "/api", health: /healthz}
x-shore:
  gateway: {listen: ["http://:8081"]}
)");
    LoadRequest request = project.request();
    request.variables["DATABASE_URL"] = "sqlite:shop.db";
    const Outcome outcome = load(request);
    const model::ServiceSpec service = service_of(outcome, "api");
    EXPECT_EQ(outcome->stack.name, "shop");
    EXPECT_EQ(outcome->stack.directory, project.directory().string());
    EXPECT_EQ(outcome->stack.gateway.listen, std::vector<model::ListenAddress>({{"", 8081}}));
    EXPECT_THAT(service.command, ElementsAre("python3", "api.py"));
    EXPECT_THAT(service.environment, ElementsAre(Pair("DATABASE_URL", "sqlite:shop.db")));
    EXPECT_EQ(service.replicas, 2u);
    EXPECT_EQ(service.limits.cpus, 0.5);
    EXPECT_EQ(service.limits.memory, Bytes::mib(256));
    EXPECT_EQ(service.health.probe, HealthProbe::kHttp);
    EXPECT_EQ(service.health.http_path, "/healthz");
    EXPECT_EQ(service.health.interval, seconds(7));
    EXPECT_EQ(service.http->path_prefix, "/api");
    EXPECT_TRUE(service.needs_port);
    EXPECT_EQ(service.working_dir, project.directory().string());
}

TEST(Load, TakesAListOfRoutesAndTheirDefaults) {
    const auto service = api(R"(    x-shore:
      http:
        host: shop.test
        timeout: 9s
        port: 3000
        routes:
          - /api
          - {path: /api/health, method: [get], name: health, timeout: 1s}
          - {path_regex: "/u/[0-9]+", host: ["*.shop.test"], header: {X-Kind: ~a+, X-Any: "*"},
             query: [q=1], source: 10.0.0.0/8}
)");
    EXPECT_EQ(service.fixed_port, 3000);
    EXPECT_EQ(service.http->path_prefix, "/api");
    EXPECT_THAT(service.http->hosts, ElementsAre("shop.test"));
    ASSERT_EQ(service.further_routes.size(), 2u);
    const model::HttpRoute& health = service.further_routes[0];
    EXPECT_EQ(health.conditions.path_exact, "/api/health");
    EXPECT_THAT(health.conditions.methods, ElementsAre("GET"));
    EXPECT_EQ(health.timeout, seconds(1));
    EXPECT_EQ(health.actions.name, "health");
    const model::HttpRoute& user = service.further_routes[1];
    EXPECT_THAT(user.hosts, ElementsAre("*.shop.test"));
    EXPECT_EQ(user.timeout, seconds(9));
    EXPECT_EQ(
        model::describe_match(user, "*.shop.test"),
        "host *.shop.test, path ~/u/[0-9]+, header x-any, header x-kind~a+, query q=1, source "
        "10.0.0.0/8");
}

TEST(Load, ReadsWhatARouteDoes) {
    TestProject project;
    project.file("shore.yaml", R"(
services:
  api:
    command: [./api]
    x-shore:
      http:
        circuit: {connections: 10, waiting: 2, wait: 1s, retries: 0.1}
        outlier: {failures: 9, max_ejected: 0.25}
        slow_start: 30s
        deadline: 1m
        routes:
          - {route: /, split: {api: 9, next: 1}, sticky: cookie shop, sticky_for: 1h}
          - {route: /u, balance: hash header X-User, try_timeout: 2s, rewrite: "/v2{rest}"}
          - {host: www.test, redirect: {to: "https://test{path}", status: 301}}
          - {route: /h, request_headers: {set: {Host: in}}, response_headers: {add: [A=b], remove: X}}
  next: {command: [./next]}
  old: {x-shore: {http: {host: old.test, redirect: "https://test{path}"}}}
)");
    const Outcome outcome = project.load();
    const model::ServiceSpec api = service_of(outcome, "api");
    EXPECT_EQ(api.upstream, (model::UpstreamPolicy{.requests_max = 10,
                                                   .waiting_max = 2,
                                                   .wait = seconds(1),
                                                   .retry_share = 0.1,
                                                   .ejected_share = 0.25,
                                                   .failures_max = 9,
                                                   .slow_start = seconds(30)}));
    const model::RouteActions& first = api.http->actions;
    EXPECT_EQ(first.split, (std::vector<model::Share>{{"api", 9}, {"next", 1}}));
    EXPECT_TRUE(first.session);
    EXPECT_EQ(first.key_name, "shop");
    EXPECT_EQ(first.session_life, std::chrono::hours(1));
    EXPECT_EQ(first.deadline, seconds(60));
    const model::RouteActions& user = api.further_routes[0].actions;
    EXPECT_EQ(user.balance, model::Balance::kHash);
    EXPECT_EQ(user.key_name, "x-user");
    EXPECT_EQ(user.rewrite, "/v2{rest}");
    EXPECT_EQ(user.try_timeout, seconds(2));
    EXPECT_EQ(api.further_routes[1].actions.redirect,
              (model::Redirect{.to = "https://test{path}", .status = 301}));
    const model::RouteActions& edits = api.further_routes[2].actions;
    EXPECT_EQ(edits.request.set[0].value, "in");
    EXPECT_THAT(edits.response.remove, ElementsAre("X"));
    const model::ServiceSpec next = service_of(outcome, "next");
    EXPECT_TRUE(next.needs_port && next.shares_routes);
    EXPECT_EQ(next.health.probe, HealthProbe::kTcp);
    EXPECT_EQ(service_of(outcome, "old").http->actions.redirect.status, 308);
    // The stored form means the same.
    const Outcome again = load_normalised(outcome->manifest_yaml, project.directory(), "");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->stack, outcome->stack);
}

TEST(Load, TakesAListInPlaceOfTheRoute) {
    const auto service = api("    x-shore: {http: [/a, {route: /b, strip_prefix: true}]}\n");
    EXPECT_EQ(service.http->path_prefix, "/a");
    ASSERT_EQ(service.further_routes.size(), 1u);
    EXPECT_TRUE(service.further_routes[0].strip_prefix);
}

TEST(Load, LeavesPortToTheStartOfEachInstance) {
    const auto service =
        api("    environment: [\"URL=http://127.0.0.1:${PORT}/$SHORE_INSTANCE\"]\n");
    EXPECT_THAT(service.environment,
                ElementsAre(Pair("URL", "http://127.0.0.1:${PORT}/$SHORE_INSTANCE")));
}

TEST(Load, KeepsPortOfAHostProcessWhateverTheCallersPortIs) {
    TestProject project;
    project.file("shore.yaml",
                 "services:\n  api: {command: [./api, $PORT], ports: [\"$PORT:80\"]}\n"
                 "  db: {image: db, command: [db, $PORT]}\n");
    LoadRequest request = project.request();
    request.variables["PORT"] = "3000";
    const Outcome outcome = load(request);
    EXPECT_THAT(service_of(outcome, "api").command, ElementsAre("./api", "$PORT"));
    EXPECT_EQ(service_of(outcome, "api").ports[0].published, 3000);
    EXPECT_THAT(service_of(outcome, "db").command, ElementsAre("db", "3000"));
}

TEST(Load, SplitsACommandTextAsAShellWould) {
    TestProject project;
    project.file("shore.yaml", "services: {api: {command: \"sh -c 'echo \\\"a b\\\"' c\\\\ d\"}}");
    EXPECT_THAT(service_of(project.load(), "api").command,
                ElementsAre("sh", "-c", "echo \"a b\"", "c d"));
}

TEST(Load, ProbesAServiceWithARouteByTcpWhenNothingElseIsSaid) {
    EXPECT_EQ(api("    x-shore: {http: /api}\n").health.probe, HealthProbe::kTcp);
    EXPECT_EQ(api("").health.probe, HealthProbe::kNone);
    EXPECT_EQ(api("    x-shore: {http: /api}\n    healthcheck: {disable: true}\n").health.probe,
              HealthProbe::kNone);
}

TEST(Load, KeepsPortInTheArgumentsOfACommandProbe) {
    const auto service = api("    healthcheck: {test: [CMD, curl, \"127.0.0.1:$PORT\"]}\n");
    EXPECT_EQ(service.health.probe, HealthProbe::kCommand);
    EXPECT_THAT(service.health.command, ElementsAre("curl", "127.0.0.1:$PORT"));
}

TEST(Load, RunsATextProbeByTheShell) {
    EXPECT_THAT(api("    healthcheck: {test: pg_isready || exit 1}\n").health.command,
                ElementsAre("/bin/sh", "-c", "pg_isready || exit 1"));
}

TEST(Load, ReadsRestartWithItsNumber) {
    const auto service =
        api("    restart: on-failure:5\n    x-shore: {restart_backoff: {initial: 1s, max: 1m}}\n");
    EXPECT_EQ(service.restart.condition, model::RestartCondition::kOnFailure);
    EXPECT_EQ(service.restart.attempts_max, 5u);
    EXPECT_EQ(service.restart.delay, seconds(1));
    EXPECT_EQ(service.restart.delay_max, seconds(60));
}

TEST(Load, TakesAServiceThatOthersWaitToCompleteForOneShot) {
    TestProject project;
    project.file("shore.yaml", R"(
services:
  migrate: {command: [./migrate]}
  api: {command: [./api], depends_on: {migrate: {condition: service_completed_successfully}}}
)");
    const auto service = service_of(project.load(), "migrate");
    EXPECT_TRUE(service.one_shot);
    EXPECT_EQ(service.restart.condition, model::RestartCondition::kNo);
}

TEST(Load, ShiftsPortsByTheEnvironmentsOffset) {
    TestProject project;
    project.file("shore.yaml", R"(
services:
  api: {command: [./api], ports: ["9000:80"]}
x-shore:
  environments: {staging: {}, testing: {}, load: {port_offset: 7}}
)");
    LoadRequest request = project.request();
    request.environment = "testing";
    const Outcome testing = load(request);
    EXPECT_EQ(service_of(testing, "api").ports[0].published, 9200);
    EXPECT_EQ(testing->stack.gateway.listen[0].port, 8280);
    EXPECT_EQ(model::stack_id(testing->stack), "shop@testing");
    request.environment = "load";
    EXPECT_EQ(load(request)->stack.gateway.listen[0].port, 8087);
    request.environment = "tseting";
    EXPECT_THAT(to_text(load(request).error()), HasSubstr("did you mean \"testing\"?"));
}

TEST(Load, ReadsTheEnvironmentsOwnVariablesOverDotEnv) {
    TestProject project;
    project
        .file("shore.yaml",
              "services: {api: {command: [./api], environment: {A: $A, B: $B, C: $C}}}")
        .file(".env", "A=1\nB=1\nC=1\n")
        .file(".env.testing", "B=2\nC=2\n");
    LoadRequest request = project.request();
    request.environment = "testing";
    request.variables["C"] = "3";
    EXPECT_THAT(service_of(load(request), "api").environment,
                ElementsAre(Pair("A", "1"), Pair("B", "2"), Pair("C", "3")));
}

TEST(Load, FindsTheManifestInAParentDirectory) {
    TestProject project;
    project.file("compose.yaml", "services: {api: {command: [./api]}}").file("deep/er/x", "");
    LoadRequest request = project.request();
    request.directory = project.directory() / "deep/er";
    EXPECT_EQ(load(request)->stack.directory, project.directory().string());
}

TEST(Load, SaysWhereItLookedWhenThereIsNoManifest) {
    const TestProject project;
    EXPECT_THAT(to_text(project.load().error()),
                HasSubstr("expected one of shore.yaml, compose.yaml"));
}

TEST(Load, MergesTheOverrideFile) {
    TestProject project;
    project
        .file(
            "compose.yaml",
            "services: {api: {command: [./api, a], environment: {A: 1, B: 1}, ports: [\"80:80\"]}}")
        .file("compose.override.yaml",
              "services: {api: {command: [./api, b], environment: [B=2], ports: [\"81:80\"]}}");
    const auto service = service_of(project.load(), "api");
    EXPECT_THAT(service.command, ElementsAre("./api", "b"));
    EXPECT_THAT(service.environment, ElementsAre(Pair("A", "1"), Pair("B", "2")));
    EXPECT_EQ(service.ports.size(), 2u);
}

TEST(Load, LeavesOutServicesOfInactiveProfiles) {
    TestProject project;
    project.file(
        "shore.yaml",
        "services: {api: {command: [./api]}, debug: {command: [./debug], profiles: [dev]}}");
    EXPECT_THAT(services(*project.load()), ElementsAre("api"));
    LoadRequest request = project.request();
    request.profiles = {"dev"};
    EXPECT_THAT(services(*load(request)), ElementsAre("api", "debug"));
    request.profiles = {};
    request.variables["COMPOSE_PROFILES"] = "x,dev";
    EXPECT_THAT(services(*load(request)), ElementsAre("api", "debug"));
}

TEST(Load, NotesWhatAHostProcessCannotDo) {
    TestProject project;
    project.file(
        "shore.yaml",
        "services: {api: {command: [./api], cap_add: [NET_ADMIN], networks: [back], tty: true}}\n"
        "networks: {back: }\n");
    const Outcome outcome = project.load();
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    const std::string notes = to_text(outcome->notes);
    EXPECT_THAT(notes, HasSubstr("services.api.cap_add: needs a container engine"));
    EXPECT_THAT(notes, HasSubstr("services.api.networks: needs a container engine"));
    EXPECT_THAT(notes, HasSubstr("services.api.tty: has no effect"));
    EXPECT_TRUE(check_runtime(*outcome, Runtime::kProcess).empty());
}

TEST(Load, NamesTheVariableOfAVolumeUnlessTheServiceUsesIt) {
    TestProject project;
    project.file("shore.yaml",
                 "services:\n"
                 "  api: {command: [./api], volumes: [\"my-data:/data\", \"./conf:/conf\"]}\n"
                 "  web: {command: [./web, $SHORE_VOLUME_MY_DATA], volumes: [\"my-data:/data\"]}\n"
                 "volumes: {my-data: }\n");
    const Outcome outcome = project.load();
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    ASSERT_EQ(outcome->notes.size(), 2u) << to_text(outcome->notes);
    EXPECT_EQ(outcome->notes[0].message,
              "mounting at /data needs a container engine; let the process use "
              "$SHORE_VOLUME_MY_DATA, the directory "
              "of volume my-data");
    EXPECT_THAT(
        outcome->notes[1].message,
        HasSubstr("a host process uses " + (project.directory() / "conf").string() + " itself"));
}

TEST(Load, RefusesImagesOnlyWhenTheyAreToRunAsProcesses) {
    TestProject project;
    project.file("shore.yaml", "services:\n  db:\n    image: postgres:16\n");
    const Outcome outcome = project.load();
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    const Problems problems = check_runtime(*outcome, Runtime::kProcess);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_THAT(to_text(problems),
                HasSubstr("shore.yaml:3:12: services.db.image: needs a container engine"));
    EXPECT_THAT(to_text(problems), HasSubstr("a command and no image"));
}

TEST(Load, ReportsEveryErrorOfARun) {
    TestProject project;
    EXPECT_EQ(project.problems_of(R"(services:
  api:
    comand: [./api]
    deploy: {replicas: -1}
    restart: allways
    ports: ["80:x"]
  web:
    command: [./web]
    depends_on: [apy]
)"),
              "shore.yaml:3:5: services.api: unknown key \"comand\", did you mean \"command\"?\n"
              "shore.yaml:4:24: services.api.deploy.replicas: must be 0..1000, got \"-1\"\n"
              "shore.yaml:5:14: services.api.restart: must be no, always, on-failure[:max-retries] "
              "or unless-stopped, "
              "got \"allways\", did you mean \"always\"?\n"
              "shore.yaml:6:13: services.api.ports: \"80:x\" is no port, expected "
              "[ADDRESS:][PUBLISHED:]TARGET[/tcp|/udp] "
              "with ports 1..65535\n"
              "shore.yaml:9:18: services.web.depends_on: there is no active service \"apy\", did "
              "you mean \"api\"?\n");
}

TEST(Load, GivesTheSameStackFromItsNormalisedForm) {
    TestProject project;
    project.file("shore.yaml", R"(
services:
  api:
    command: "echo $$HOME ${PORT}"
    ports: ["127.0.0.1:9000:80"]
    secrets: [key]
    x-shore:
      http: {route: /api, host: Shop.Example.com, health: /h, health_status: 200-204}
      umask: "0027"
  site: {x-shore: {static: ./public}}
secrets: {key: {environment: KEY}}
)");
    LoadRequest request = project.request();
    request.environment = "testing";
    request.variables["KEY"] = "hu$sh";
    const Outcome first = load(request);
    ASSERT_TRUE(first) << to_text(first.error());
    const Outcome again = load_normalised(first->manifest_yaml, project.directory(), "testing");
    ASSERT_TRUE(again) << to_text(again.error());
    EXPECT_TRUE(first->stack == again->stack);
    EXPECT_EQ(first->manifest_yaml, again->manifest_yaml);
    EXPECT_EQ(model::find_service(again->stack, "api")->files[0].content, "hu$sh");
    EXPECT_THAT(*without_secrets(first->manifest_yaml), testing::Not(HasSubstr("hu$")));
}

TEST(Load, ReadsBackWhatIsLargerWrittenOutThanWhatWasRead) {
    TestProject project;
    std::string text = "services:\n";
    for (int service = 0; service < 170; ++service) {
        text += fmt::format("  s{}: {{command: [./s], ports: [", service);
        for (int port = 0; port < 150; ++port) {
            text += fmt::format("{}\"{}\"", port == 0 ? "" : ",", 1000 + port);
        }
        text += "]}\n";
    }
    project.file("shore.yaml", text);
    const Outcome first = project.load();
    ASSERT_TRUE(first) << to_text(first.error());
    EXPECT_GT(first->manifest_yaml.size(), kManifestBytesMax);
    const Outcome again = load_normalised(first->manifest_yaml, project.directory(), "");
    ASSERT_TRUE(again) << to_text(again.error());
    EXPECT_TRUE(first->stack == again->stack);
    EXPECT_EQ(first->manifest_yaml, again->manifest_yaml);
    const auto changes = diff(first->manifest_yaml, again->manifest_yaml);
    EXPECT_TRUE(changes && changes->empty());
}

TEST(Load, RefusesWhatWouldBeTooLargeToKeepAsARelease) {
    TestProject project;
    std::string variables;
    for (int i = 0; i < 8; ++i) {
        variables += fmt::format("V{}={}\n", i, std::string(110'000, 'x'));
    }
    project.file("big.env", variables);
    std::string text = "services:\n";
    for (int service = 0; service < 19; ++service) {
        text += fmt::format(
            "  s{}: {{command: [./s], env_file: big.env, environment: {{A: \"{}\"}}}}\n", service,
            std::string(45'000, 'y'));
    }
    EXPECT_THAT(project.problems_of(text), HasSubstr("too large to keep as a release"));
}

TEST(Load, ChecksThePatternOfAHealthProbe) {
    TestProject project;
    EXPECT_EQ(project.problems_of("services:\n  api:\n    command: [./api]\n    x-shore:\n"
                                  "      http: {health: /h, health_body: \"ok(\"}\n"),
              "shore.yaml:5:39: services.api.x-shore.http.health_body: must be a pattern as RE2 "
              "reads it, got "
              "\"ok(\": missing ): ok(\n");
    EXPECT_EQ(project.problems_of("services:\n  api:\n    command: [./api]\n    x-shore:\n"
                                  "      http: {health: /h, health_body: \"^ok\"}\n"),
              "");
}

TEST(Load, TakesTheRouteOffTheFilesPathByChoice) {
    TestProject project;
    project.file("public/index.html", "x");
    project.file("shore.yaml",
                 "services:\n  site:\n    x-shore: {static: {root: ./public, route: /assets, "
                 "strip_prefix: true}}\n");
    const Outcome outcome = project.load();
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    EXPECT_TRUE(outcome->stack.services[0].http->strip_prefix);
}

TEST(Load, NotesADirectoryOfFilesThatIsNotThere) {
    TestProject project;
    project.file("shore.yaml", "services:\n  site:\n    x-shore: {static: ./public}\n");
    const std::string missing = (project.directory() / "public").string();
    EXPECT_THAT(
        to_text(project.load()->notes),
        HasSubstr("shore.yaml:3:23: services.site.x-shore.static.root: there is no directory " +
                  missing));
    project.file("public/index.html", "");
    EXPECT_TRUE(project.load()->notes.empty());
}

TEST(Load, MakesAChangedFileOfAConfigAnotherManifestAndAnotherInstance) {
    TestProject project;
    project.file("shore.yaml",
                 "services: {api: {command: [./api], configs: [conf], secrets: [key]}, web: "
                 "{command: [./web]}}\n"
                 "configs: {conf: {file: ./conf}}\n"
                 "secrets: {key: {file: ./key}}\n");
    project.file("conf", "a=1").file("key", "hush");
    const auto digest = [](const Outcome& outcome, std::string_view name) {
        return service_digest(service_of(outcome, name));
    };
    const Outcome before = project.load();
    EXPECT_EQ(before->manifest_yaml, project.load()->manifest_yaml);
    project.file("conf", "a=2");
    const Outcome changed = project.load();
    EXPECT_NE(before->manifest_yaml, changed->manifest_yaml);
    EXPECT_NE(digest(before, "api"), digest(changed, "api"));
    EXPECT_EQ(digest(before, "web"), digest(changed, "web"));
    project.file("key", "hush hush");
    const Outcome again = project.load();
    EXPECT_NE(digest(changed, "api"), digest(again, "api"));
    const auto changes = diff(changed->manifest_yaml, again->manifest_yaml);
    ASSERT_EQ(changes->size(), 1u);
    EXPECT_EQ(to_text(changes->front()), "~ secrets.key.x-digest: *** -> ***");
    EXPECT_THAT(*without_secrets(again->manifest_yaml), HasSubstr("x-digest: \"***\""));

    // A stored release keeps the digests it was made with, whatever the files are by now.
    project.file("conf", "a=3");
    const Outcome stored = load_normalised(again->manifest_yaml, project.directory(), "");
    EXPECT_EQ(digest(again, "api"), digest(stored, "api"));
}

TEST(Load, NotesAFileOfASecretThatIsNotThere) {
    TestProject project;
    project.file(
        "shore.yaml",
        "services: {api: {command: [./api], secrets: [key]}}\nsecrets: {key: {file: ./key}}\n");
    EXPECT_THAT(to_text(project.load()->notes),
                HasSubstr("shore.yaml:2:23: secrets.key.file: there is no file"));
}

}  // namespace shore::config
