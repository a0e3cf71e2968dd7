// A scripted daemon and surroundings for tests of the command line: answers by method and target,
// on its own thread and a real Unix socket.
#pragma once

#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "cli/run.h"
#include "net/http_server.h"
#include "support/test_directory.h"

namespace shore::cli {

using support::TestDirectory;

/// What the daemon says to one request.
struct Script {
    uint16_t status = 200;
    std::string body;
    std::string content_type = "application/json";
    bool never_ends = false;  ///< The stream stays open after the body.
};

class FakeDaemon final : public net::HttpHandler {
 public:
    /// Listens at STATE/run/api.sock.
    explicit FakeDaemon(const std::string& state) {
        std::filesystem::create_directories(state + "/run");
        server_.emplace(*loop_, *this);
        const auto listening = server_->listen(*net::Address::unix_path(state + "/run/api.sock"));
        EXPECT_TRUE(listening) << listening.error().text();
        answers["GET /readyz"] = {.body = "ok\n", .content_type = "text/plain"};
        thread_ = std::thread([this] { loop_->run(); });
    }
    ~FakeDaemon() override {
        loop_->post([this] { loop_->stop(); });
        thread_.join();
        server_.reset();
    }

    async::Task<void> handle(const net::HttpRequest& request,
                             net::HttpResponder& responder) override {
        Script script{404, R"({"code":"not_found","detail":"not in the script"})"};
        {
            const std::lock_guard lock(mutex_);
            const std::string key = request.method + " " + request.target;
            requests_.push_back(key + (request.body.empty() ? "" : " " + request.body));
            if (const auto found = answers.find(key); found != answers.end()) {
                script = found->second;
            }
        }
        net::HttpResponse response;
        response.status = script.status;
        response.fields.set("Content-Type", script.content_type);
        if (!script.never_ends) {
            response.body = script.body;
            (void)co_await responder.send(std::move(response));
            co_return;
        }
        (void)co_await responder.begin(std::move(response));
        (void)co_await responder.write(script.body);
        async::Event never(*loop_);
        co_await never.wait();
    }

    /// Everything asked so far: "POST /v1/stacks {…}". Any thread.
    std::vector<std::string> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

    std::map<std::string, Script> answers;  ///< Set before the command line runs.

 private:
    base::SystemClock clock_;
    std::unique_ptr<async::Loop> loop_ = std::move(*async::Loop::open(clock_));
    std::mutex mutex_;
    std::vector<std::string> requests_;  // Guarded by mutex_.
    std::optional<net::HttpServer> server_;
    std::thread thread_;
};

class FakeTerminal final : public Terminal {
 public:
    bool write_stdout(std::string_view text) override {
        out += text;
        return !closed;
    }
    void write_stderr(std::string_view text) override { err += text; }
    bool stdout_is_terminal() const override { return is_terminal; }
    bool stderr_is_terminal() const override { return is_terminal; }
    bool stdin_is_terminal() const override { return is_terminal; }
    Size size() const override { return {24, 80}; }
    std::string out;
    std::string err;
    bool is_terminal = false;
    bool closed = false;
};

class FakeManifests final : public Manifests {
 public:
    Result<ManifestText> read(const ManifestQuery& query) override {
        queries.push_back(query);
        if (error) {
            return fail(*error);
        }
        return ManifestText{
            .stack = query.environment.empty() ? "shop" : "shop@" + query.environment,
            .yaml = "name: shop\n",
            .json = "{\"name\": \"shop\"}\n",
            .services = {"api", "web"},
            .notes = notes};
    }
    std::optional<Error> error;
    std::string notes;
    std::vector<ManifestQuery> queries;
};

class FakeShells final : public EngineShells {
 public:
    Result<int> run(const EngineShell& shell) override {
        asked.push_back(shell);
        return 0;
    }
    std::vector<EngineShell> asked;
};

class FakeStarter final : public DaemonStarter {
 public:
    Result<void> start() override {
        ++starts;
        return on_start ? on_start() : Result<void>();
    }
    std::string log_path() const override { return "/state/logs/_shore/daemon.log"; }
    int starts = 0;
    std::function<Result<void>()> on_start;
};

}  // namespace shore::cli
