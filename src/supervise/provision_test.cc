// Instances that engines give something to: variables, files, a port; agents and their health.
#include "supervise/supervisor_fixture_test.h"

namespace shore::supervise {

using model::InstanceState;

namespace {

/// Gives what the test says, and counts who asks.
class ScriptedProvider final : public Provider {
 public:
    async::Task<Result<Provided>> provide(InstanceOrder order) override {
        asked.push_back(order.id);
        if (!failure.empty()) {
            co_return fail(ErrorCode::kUnavailable, "{}", failure);
        }
        co_return gives;
    }
    Provided gives;
    std::string failure;
    std::vector<std::string> asked;
};

class ProvisionTest : public SupervisorTest {
 protected:
    ProvisionTest() {
        provider_ = &scripted_;
        start_daemon();
    }
    InstanceOrder user(std::string script) {
        InstanceOrder order = shell("web-1", std::move(script));
        order.service.uses = {{.service = "db", .database = "shop"}};
        return order;
    }
    InstanceOrder agent(std::string script) {
        InstanceOrder order = shell("db-1", std::move(script));
        order.service.engine = model::EngineRole{};
        order.service.engine->spec.service = "db";
        order.service.needs_port = true;
        return order;
    }

    ScriptedProvider scripted_;
};

TEST_F(ProvisionTest, AUserOfAnEngineGetsItsVariables) {
    scripted_.gives.environment = {{"DATABASE_URL", "postgresql://x"}, {"PGHOST", "h"}};
    InstanceOrder order = user("echo \"url=$DATABASE_URL mine=$MINE host=$PGHOST\"; sleep 1000");
    order.service.environment = {
        {"MINE", "<${DATABASE_URL}>"}, {"DATABASE_URL", ""}, {"PGHOST", "own"}};
    ASSERT_TRUE(supervisor_->start(order));
    EXPECT_TRUE(wait_until([&] {
        return log_text("web-1").find("url=postgresql://x mine=<postgresql://x> host=own") !=
               std::string::npos;
    })) << log_text("web-1");
}

TEST_F(ProvisionTest, WithoutAnEngineNobodyIsAsked) {
    ASSERT_TRUE(supervisor_->start(shell("web-1", "sleep 1000")));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    EXPECT_TRUE(scripted_.asked.empty());
}

TEST_F(ProvisionTest, AnEngineThatIsNotReadyIsTriedAgain) {
    scripted_.failure = "engine db: recovering";
    InstanceOrder order = user("sleep 1000");
    order.service.restart.delay = std::chrono::milliseconds(1);
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_until([&] { return scripted_.asked.size() >= 2; }));
    EXPECT_NE(get("web-1").reason.find("engine db: recovering"), std::string::npos);
    scripted_.failure.clear();
    EXPECT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
}

TEST_F(ProvisionTest, AnAgentGetsItsFileAndANewOneWithAHangup) {
    scripted_.gives.files = {{.content = "one", .target = "assignment.json", .mode = 0400}};
    InstanceOrder order = agent(
        "trap 'cat $SHORE_RUN_DIRECTORY/files/assignment.json; echo' HUP; "
        "cat $SHORE_RUN_DIRECTORY/files/assignment.json; echo; "
        "while :; do sleep 0.05; done");
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_until(
        [&] { return log_text("db-1").find("\"message\":\"one\"") != std::string::npos; }));
    const pid_t pid = get("db-1").pid;
    order.service.engine->spec.postgres.extensions = {"citext"};
    scripted_.gives.files[0].content = "two";
    ASSERT_TRUE(supervisor_->update(order));
    EXPECT_TRUE(wait_until(
        [&] { return log_text("db-1").find("\"message\":\"two\"") != std::string::npos; }));
    EXPECT_EQ(get("db-1").pid, pid);
    // The same order again says nothing new.
    const size_t asked = scripted_.asked.size();
    ASSERT_TRUE(supervisor_->update(order));
    EXPECT_EQ(scripted_.asked.size(), asked);
}

TEST_F(ProvisionTest, ARunningAgentGetsWhatItsProviderGivesNow) {
    scripted_.gives.files = {{.content = "one", .target = "assignment.json", .mode = 0400}};
    ASSERT_TRUE(
        supervisor_->start(agent("trap 'cat $SHORE_RUN_DIRECTORY/files/assignment.json; echo' HUP; "
                                 "echo up; while :; do sleep 0.05; done")));
    EXPECT_EQ(supervisor_->provide_anew(key("db-1")).error().code(), ErrorCode::kConflict);
    ASSERT_TRUE(wait_until(
        [&] { return log_text("db-1").find("\"message\":\"up\"") != std::string::npos; }));
    ASSERT_TRUE(wait_for_state("db-1", InstanceState::kRunning));
    const pid_t pid = get("db-1").pid;
    scripted_.gives.files[0].content = "two";
    ASSERT_TRUE(supervisor_->provide_anew(key("db-1")));
    EXPECT_TRUE(wait_until(
        [&] { return log_text("db-1").find("\"message\":\"two\"") != std::string::npos; }));
    EXPECT_EQ(get("db-1").pid, pid);
    ASSERT_TRUE(run(supervisor_->stop(key("db-1"))));
    EXPECT_EQ(supervisor_->provide_anew(key("db-1")).error().code(), ErrorCode::kConflict);
    EXPECT_EQ(supervisor_->provide_anew(key("db-2")).error().code(), ErrorCode::kNotFound);
}

TEST_F(ProvisionTest, AnAgentIsHealthyWhenItsSocketSaysSo) {
    const std::string directory = directory_.file("run/shop/.db");
    ASSERT_TRUE(os::make_directories(directory));
    InstanceOrder order = agent("");
    order.service.command = {"/usr/bin/python3", "-c",
                             "import os, socket, sys\n"
                             "s = socket.socket(socket.AF_UNIX)\n"
                             "s.bind(sys.argv[1])\n"
                             "s.listen()\n"
                             "ready = [False] * 2\n"
                             "while True:\n"
                             "    c = s.accept()[0]\n"
                             "    c.recv(4000)\n"
                             "    bad = bool(ready) and not ready.pop()\n"
                             "    body = b'{\"ready\": false, \"detail\": \"recovering\"}' if bad "
                             "else b'{\"ready\": true, "
                             "\"detail\": \"primary\"}'\n"
                             "    c.sendall(b'HTTP/1.1 %d X\\r\\nContent-Length: "
                             "%d\\r\\nConnection: close\\r\\n\\r\\n' % "
                             "(503 if bad else 200, len(body)) + body)\n"
                             "    c.close()\n",
                             directory + "/db-1.sock"};
    order.service.health = {.probe = model::HealthProbe::kEngine,
                            .start_period = std::chrono::seconds(60),
                            .start_interval = std::chrono::milliseconds(5)};
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("db-1", InstanceState::kRunning));
    const auto history = supervisor_->health(key("db-1"));
    ASSERT_TRUE(history && !history->results.empty());
    EXPECT_EQ(history->results.back().message, "primary");
    // A later daemon finds the agent and leaves its sockets alone.
    start_daemon();
    ASSERT_TRUE(run(supervisor_->adopt()));
    EXPECT_TRUE(wait_for_state("db-1", InstanceState::kRunning));
    EXPECT_TRUE(events_.of("instance.not_adopted").empty());
}

}  // namespace
}  // namespace shore::supervise
