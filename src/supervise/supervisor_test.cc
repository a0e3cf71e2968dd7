#include "supervise/supervisor.h"

#include <sstream>

#include "supervise/supervisor_fixture_test.h"

namespace shore::supervise {
namespace {

/// Answers 200 and "state: fine" on $PORT, or 500 while a file named sick stands in its directory.
constexpr const char* kServer = R"(
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if os.path.exists('sick') else 200)
        self.end_headers()
        self.wfile.write(b'state: fine')
    def log_message(self, *a): pass
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever())";

using model::InstanceState;
using model::RestartCondition;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(SupervisorTest, StartsAndStopsLeavingNothingBehind) {
    std::vector<InstanceState> seen;
    supervisor_->set_on_change(
        [&](const model::Instance& instance) { seen.push_back(instance.state); });
    ASSERT_TRUE(supervisor_->start(shell("web-1", "echo hello; exec sleep 1000")));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    const pid_t pid = get("web-1").pid;
    EXPECT_TRUE(process_exists(pid));
    EXPECT_TRUE(os::file_exists(run_file("web-1", "shim.sock")));

    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
    EXPECT_EQ(get("web-1").state, InstanceState::kStopped);
    EXPECT_FALSE(process_exists(pid));
    EXPECT_FALSE(os::file_exists(run_file("web-1", "shim.sock")));
    EXPECT_NE(log_text("web-1").find(R"("message":"hello"})"), std::string::npos);
    ASSERT_TRUE(supervisor_->forget(key("web-1")));
    EXPECT_FALSE(os::file_exists(directory_.file("run/shop")));
    EXPECT_FALSE(supervisor_->find(key("web-1")));
    const auto children = os::all_processes();
    for (const auto& process : *children) {
        EXPECT_NE(process.parent, ::getpid()) << process.command;
    }
    EXPECT_EQ(seen.back(), InstanceState::kStopped);
}

TEST_F(SupervisorTest, ANewerReleaseChangesProbeAndStopSignalWithoutARestart) {
    auto order =
        shell("web-1", "trap 'echo usr1; exit 0' USR1; echo up; while :; do sleep 0.02; done");
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_until([&] { return log_text("web-1").find("up") != std::string::npos; }));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    const pid_t pid = get("web-1").pid;

    order.release = 2;
    order.service.stop_signal = SIGUSR1;
    order.service.restart.condition = RestartCondition::kNo;
    order.service.health.probe = model::HealthProbe::kCommand;
    order.service.health.command = {"/bin/false"};
    order.service.health.interval = order.service.health.start_interval = milliseconds(10);
    order.service.health.retries = 2;
    ASSERT_TRUE(supervisor_->update(order));
    EXPECT_EQ(get("web-1").release, 2u);
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kUnhealthy));
    EXPECT_EQ(get("web-1").pid, pid);
    EXPECT_EQ(get("web-1").restarts, 0u);

    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
    EXPECT_NE(log_text("web-1").find("usr1"), std::string::npos);
    order.id = "web-9";
    EXPECT_EQ(supervisor_->update(order).error().code(), ErrorCode::kNotFound);
}

TEST_F(SupervisorTest, SendsTheStopSignalAndKillsWhatRemainsAfterTheGracePeriod) {
    auto deaf = shell("deaf-1", "trap '' TERM; echo ready; while :; do sleep 1; done");
    deaf.service.stop_grace_period = milliseconds(200);
    ASSERT_TRUE(supervisor_->start(deaf));
    auto polite =
        shell("polite-1", "trap 'echo bye; exit 0' USR1; echo ready; while :; do sleep 0.05; done");
    polite.service.stop_signal = SIGUSR1;
    ASSERT_TRUE(supervisor_->start(polite));
    ASSERT_TRUE(wait_until([&] {
        return log_text("deaf-1").find("ready") != std::string::npos &&
               log_text("polite-1").find("ready") != std::string::npos;
    }));
    ASSERT_TRUE(run(supervisor_->stop(key("deaf-1"))));
    ASSERT_TRUE(run(supervisor_->stop(key("polite-1"))));
    EXPECT_EQ(get("deaf-1").exit_code, 137);
    EXPECT_EQ(get("polite-1").exit_code, 0);
    EXPECT_NE(log_text("polite-1").find("bye"), std::string::npos);
}

TEST_F(SupervisorTest, KillsDescendantsThatLeftTheSession) {
    const std::string pids = directory_.file("pids");
    ASSERT_TRUE(supervisor_->start(shell(
        "web-1", fmt::format("setsid sh -c 'echo $$ >> {0}; sleep 1000' & "
                             "(setsid sh -c 'echo $$ >> {0}; exec sleep 1000' &) ; exec sleep 1000",
                             pids))));
    const auto escaped = [&] {
        std::vector<pid_t> found;
        std::istringstream text(os::read_file(pids, Bytes{1000}).value_or(""));
        for (pid_t pid = 0; text >> pid;) {
            found.push_back(pid);
        }
        return found;
    };
    ASSERT_TRUE(wait_until([&] { return escaped().size() == 2; }));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
    for (const pid_t pid : escaped()) {
        EXPECT_FALSE(process_exists(pid)) << pid;
    }
}

TEST_F(SupervisorTest, GivesTheAppItsEnvironmentAndNothingElse) {
    auto order = shell("web-3", "env; echo url $URL; echo arg ${SHORE_SLOT}");
    order.slot = 2;
    order.release = 9;
    order.environment = "testing";
    order.service.environment = {{"URL", "http://127.0.0.1:$PORT/$HOME/${SHORE_INSTANCE}"}};
    order.service.needs_port = true;
    order.service.one_shot = true;
    order.service.volumes.push_back({.source = "my-data"});
    order.service.files.push_back(
        {.content = "s3cret", .target = "/run/secrets/db.password", .secret = true});
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-3", InstanceState::kCompleted));
    const std::string log = log_text("web-3");
    const std::string port = std::to_string(get("web-3").port);
    EXPECT_NE(log.find("\"PORT=" + port), std::string::npos) << log;
    EXPECT_NE(log.find("url http://127.0.0.1:" + port + "/$HOME/web-3"), std::string::npos) << log;
    EXPECT_NE(log.find("arg 2"), std::string::npos);
    for (const char* line : {"SHORE_STACK=shop", "SHORE_ENVIRONMENT=testing", "SHORE_SERVICE=web",
                             "SHORE_INSTANCE=web-3", "SHORE_SLOT=2", "SHORE_RELEASE=9"}) {
        EXPECT_NE(log.find(fmt::format("\"message\":\"{}\"", line)), std::string::npos) << line;
    }
    const std::string volume = directory_.file("volumes/shop/my-data");
    EXPECT_NE(log.find("SHORE_VOLUME_MY_DATA=" + volume), std::string::npos);
    EXPECT_TRUE(os::file_exists(volume));
    EXPECT_NE(
        log.find("SHORE_FILE_DB_PASSWORD=" + run_file("web-3", "files/run/secrets/db.password")),
        std::string::npos);
    EXPECT_EQ(log.find("XDG_"), std::string::npos);
}

TEST_F(SupervisorTest, NamesAMissingExecutableAndDoesNotTryAgain) {
    auto order = shell("web-1", "");
    order.service.command = {"pyhton3", "api.py"};
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kFailed));
    EXPECT_NE(get("web-1").reason.find("pyhton3: command not found in PATH"), std::string::npos)
        << get("web-1").reason;
    EXPECT_NE(get("web-1").reason.find("did you mean \"python3\""), std::string::npos)
        << get("web-1").reason;
    EXPECT_EQ(get("web-1").restarts, 0u);

    order = shell("web-2", "");
    order.service.command = {"/etc/passwd"};
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-2", InstanceState::kFailed));
    EXPECT_NE(get("web-2").reason.find("not executable"), std::string::npos) << get("web-2").reason;

    order = shell("web-3", "");
    order.service.working_dir = "/no/such/place";
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-3", InstanceState::kFailed));
    EXPECT_NE(get("web-3").reason.find("/no/such/place"), std::string::npos) << get("web-3").reason;
}

TEST_F(SupervisorTest, RestartsByPolicyAndNamesACrashLoopWithTheLastLines) {
    auto order = shell("web-1", "echo about to fail >&2; exit 3");
    order.service.restart = {.condition = RestartCondition::kAlways,
                             .delay = milliseconds(10),
                             .delay_max = milliseconds(20)};
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_until([&] { return !events_.of("instance.crash_loop").empty(); }));
    const std::string message = events_.of("instance.crash_loop")[0];
    EXPECT_NE(message.find("crash loop: exited 5 times"), std::string::npos) << message;
    EXPECT_NE(message.find("exit code 3"), std::string::npos) << message;
    EXPECT_NE(message.find("about to fail"), std::string::npos) << message;
    EXPECT_GE(get("web-1").restarts, 5u);
    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
    EXPECT_EQ(get("web-1").state, InstanceState::kStopped);
}

TEST_F(SupervisorTest, EndsOneShotsAsCompletedOrFailed) {
    auto good = shell("good-1", "exit 0");
    good.service.one_shot = true;
    auto bad = shell("bad-1", "echo no such table; exit 4");
    bad.service.one_shot = true;
    bad.service.restart.condition = RestartCondition::kNo;
    ASSERT_TRUE(supervisor_->start(good));
    ASSERT_TRUE(supervisor_->start(bad));
    ASSERT_TRUE(wait_for_state("good-1", InstanceState::kCompleted));
    ASSERT_TRUE(wait_for_state("bad-1", InstanceState::kFailed));
    EXPECT_EQ(get("bad-1").exit_code, 4);
    EXPECT_EQ(get("bad-1").reason, "exit code 4; last output: no such table");
}

TEST_F(SupervisorTest, SaysThatThePortWasNeverOpenedWithTheLastLines) {
    auto order = shell("web-1", "echo listening on 3000; exec sleep 1000");
    order.service.needs_port = true;
    order.service.health.probe = model::HealthProbe::kTcp;
    order.service.health.interval = milliseconds(100);
    order.service.health.retries = 2;
    order.service.restart.condition = RestartCondition::kNo;
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kUnhealthy));
    EXPECT_EQ(get("web-1").reason, fmt::format("did not listen on $PORT={} within 200ms; does the "
                                               "app read PORT?",
                                               get("web-1").port));
    ASSERT_TRUE(wait_until([&] { return !events_.of("instance.port_not_opened").empty(); }));
    EXPECT_NE(events_.of("instance.port_not_opened")[0].find("\n  listening on 3000"),
              std::string::npos);
}

TEST_F(SupervisorTest, RunsAtOnceWhenItsHealthCheckIsDisabled) {
    auto order = shell("web-1", "exec sleep 1000");
    order.service.needs_port = true;
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    EXPECT_NE(get("web-1").port, 0);
}

TEST_F(SupervisorTest, ProbesByHttpAndRestartsWhatStaysUnhealthy) {
    const std::string flag = directory_.file("sick");
    InstanceOrder order{.id = "web-1", .stack = "shop"};
    order.service.name = "web";
    order.service.working_dir = directory_.path();
    order.service.command = {"/usr/bin/python3", "-c", kServer};
    order.service.needs_port = true;
    order.service.health = {.probe = model::HealthProbe::kHttp,
                            .http_path = "/healthz",
                            .http_body = "state: f[a-z]+e",
                            .interval = milliseconds(50),
                            .retries = 2,
                            .start_period = seconds(20)};
    order.service.restart.delay = milliseconds(10);
    order.service.stop_grace_period = milliseconds(100);
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    const pid_t pid = get("web-1").pid;
    const auto history = supervisor_->health(key("web-1"));
    ASSERT_TRUE(history);
    EXPECT_EQ(history->results.back().message, "GET /healthz: 200 OK");

    ASSERT_TRUE(os::write_file_atomically(flag, ""));
    ASSERT_TRUE(wait_until([&] { return !events_.of("instance.unhealthy").empty(); }));
    EXPECT_NE(events_.of("instance.unhealthy")[0].find("500"), std::string::npos);
    ASSERT_TRUE(os::remove_file(flag));
    ASSERT_TRUE(wait_until(
        [&] { return get("web-1").state == InstanceState::kRunning && get("web-1").pid != pid; }));
    EXPECT_EQ(get("web-1").restarts, 1u);
}

TEST_F(SupervisorTest, ProbesByCommandAndKillsTheOneThatHangs) {
    auto order = shell("web-1", "exec sleep 1000");
    order.service.restart.condition = RestartCondition::kNo;
    order.service.health = {
        .probe = model::HealthProbe::kCommand,
        .command = {"/bin/sh", "-c", "test -e $0 && sleep 1001; echo $SHORE_INSTANCE is fine",
                    directory_.file("hang")},
        .interval = milliseconds(20),
        .timeout = milliseconds(300),
        .retries = 1};
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    EXPECT_EQ(supervisor_->health(key("web-1"))->results.back().message,
              "exit code 0: web-1 is fine");
    ASSERT_TRUE(os::write_file_atomically(directory_.file("hang"), ""));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kUnhealthy));
    EXPECT_EQ(get("web-1").reason, "unhealthy: no answer within 300ms");
}

TEST_F(SupervisorTest, RunsHooksAfterTheStartAndBeforeTheStop) {
    auto order = shell("web-1", "echo app; exec sleep 1000");
    const std::string trace = directory_.file("trace");
    order.service.post_start.push_back({.command = {"/bin/sh", "-c", "echo post $WHO >> " + trace},
                                        .user = std::to_string(::geteuid()),
                                        .environment = {{"WHO", "me"}}});
    order.service.pre_stop.push_back({.command = {"/bin/sh", "-c", "echo pre >> " + trace}});
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    EXPECT_EQ(*os::read_file(trace, Bytes{100}), "post me\n");
    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
    EXPECT_EQ(*os::read_file(trace, Bytes{100}), "post me\npre\n");
}

TEST_F(SupervisorTest, ExecutesACommandAsTheInstance) {
    auto order = shell("web-1", "exec sleep 1000");
    order.service.environment = {{"COLOUR", "blue"}};
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    std::string out;
    std::string err;
    const auto end =
        run(supervisor_->exec(key("web-1"), {"sh", "-c", "pwd; echo $COLOUR >&2; exit 5"},
                              [&](async::OutputStream stream, std::string_view bytes) {
                                  (stream == async::OutputStream::kStdout ? out : err) += bytes;
                              }));
    ASSERT_TRUE(end) << end.error().text();
    EXPECT_EQ(end->code, 5);
    EXPECT_EQ(out, "/tmp\n");
    EXPECT_EQ(err, "blue\n");
    EXPECT_EQ(run(supervisor_->exec(key("web-9"), {"true"}, nullptr)).error().code(),
              ErrorCode::kNotFound);
}

TEST_F(SupervisorTest, RestartsOnRequestWithTheSameOrder) {
    ASSERT_TRUE(supervisor_->start(shell("web-1", "exec sleep 1000")));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    const pid_t pid = get("web-1").pid;
    ASSERT_TRUE(run(supervisor_->restart(key("web-1"))));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    EXPECT_NE(get("web-1").pid, pid);
    EXPECT_FALSE(process_exists(pid));
}

}  // namespace
}  // namespace shore::supervise
