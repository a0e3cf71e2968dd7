#include "engines/redis_session.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"
#include "support/allocations.h"

namespace shore::engines {
namespace {

constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kWait = "*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n5000\r\n";

std::string command(const std::vector<std::string_view>& parts) {
    std::string text;
    wire::append_command(text, parts);
    return text;
}

/// A client, the session, and two servers that do what the test says; time moved by hand.
class Stage {
 public:
    explicit Stage(bool replicated = false, RedisDoor door = RedisDoor::kPrimary)
        : loop_(async::Loop::open(clock_).value()) {
        std::vector<RedisShard::Address> addresses(1);
        for (os::Fd& listener : listeners_) {
            listener = net::open_listening_socket(net::Address::loopback(0)).value();
            RedisShard::Address address;
            address.length = net::Address::local_of(listener.get())->to_socket(address.raw);
            addresses.push_back(address);
        }
        shard_ = std::make_unique<RedisShard>(
            std::move(addresses),
            RedisSessionOptions{.replicated = replicated, .hold = std::chrono::seconds(10)},
            [this](uint64_t serial) { suspected_ = serial; });
        shard_->adopt(*loop_);
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        client_ = os::Fd(ends[0]);
        shard_->accept(os::Fd(ends[1]), door, RedisWire::kPlain);
    }
    ~Stage() { shard_->stop(); }

    void route(uint32_t primary, bool hold = false, std::vector<uint32_t> readers = {}) {
        shard_->publish(
            {.serial = ++serial_, .primary = primary, .hold = hold, .readers = std::move(readers)});
        turn();
    }
    void turn() {
        while (loop_->poll()) {
        }
    }
    void advance(Duration by) {
        clock_.advance(by);
        turn();
    }
    void client_sends(std::string_view text) {
        ASSERT_EQ(send(client_.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
        turn();
    }
    void server_sends(std::string_view text) {
        ASSERT_EQ(send(server_.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
        turn();
    }
    /// The session's connection to that server.
    void accept(uint32_t slot) {
        server_ = os::Fd();
        for (int i = 0; i < 1'000'000 && !server_; ++i) {
            turn();
            server_ = os::Fd(accept4(listeners_[slot - 1].get(), nullptr, nullptr,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC));
        }
        ASSERT_TRUE(server_);
        turn();
    }
    void dismiss() {
        shard_->dismiss();
        turn();
    }
    void server_closes() {
        server_.close();
        turn();
    }
    std::string at_server(size_t size) { return receive(server_.get(), size); }
    std::string at_client(size_t size) { return receive(client_.get(), size); }
    /// Whatever has come by now.
    std::string client_has() { return receive(client_.get(), 0); }
    std::string server_has() { return receive(server_.get(), 0); }
    bool client_is_closed() {
        turn();
        char byte = 0;
        return recv(client_.get(), &byte, 1, MSG_DONTWAIT) == 0;
    }
    uint64_t suspected() const { return suspected_; }
    uint64_t serial() const { return serial_; }

 private:
    std::string receive(int descriptor, size_t size) {
        std::string text;
        for (int i = 0; i < 100'000 && (text.size() < size || i < 3); ++i) {
            turn();
            char buffer[4096];
            const ssize_t got = recv(descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
            if (got > 0) {
                text.append(buffer, static_cast<size_t>(got));
            }
        }
        return text;
    }

    base::ManualClock clock_;
    std::unique_ptr<async::Loop> loop_;
    os::Fd listeners_[2];
    std::unique_ptr<RedisShard> shard_;
    os::Fd client_;
    os::Fd server_;
    uint64_t serial_ = 0;
    uint64_t suspected_ = 0;
};

TEST(RedisSession, PassesCommandsAndReplies) {
    Stage stage;
    stage.route(1);
    stage.accept(1);
    const std::string ping = command({"PING"});
    stage.client_sends(ping + ping);
    EXPECT_EQ(stage.at_server(ping.size() * 2), ping + ping);
    stage.server_sends("+PONG\r\n+PO");
    EXPECT_EQ(stage.at_client(7), "+PONG\r\n");
    stage.server_sends("NG\r\n");
    EXPECT_EQ(stage.at_client(7), "+PONG\r\n");
}

TEST(RedisSession, WithholdsTheAnswersOfWritesUntilAReplicaHasThem) {
    Stage stage(true);
    stage.route(1);
    stage.accept(1);
    const std::string run =
        command({"SET", "a", "1"}) + command({"GET", "a"}) + command({"INCR", "n"});
    stage.client_sends(run);
    EXPECT_EQ(stage.at_server(run.size() + kWait.size()), run + std::string(kWait));
    stage.server_sends("+OK\r\n$1\r\n1\r\n:1\r\n");
    EXPECT_EQ(stage.client_has(), "");
    stage.server_sends(":2\r\n");
    EXPECT_EQ(stage.at_client(16), "+OK\r\n$1\r\n1\r\n:1\r\n");
}

TEST(RedisSession, IsDismissedWithTheAnswersThatAreDue) {
    Stage stage(true);
    stage.route(1);
    stage.accept(1);
    const std::string set = command({"SET", "a", "1"});
    stage.client_sends(set + set.substr(0, 9));
    stage.at_server(set.size() + kWait.size());
    stage.dismiss();
    stage.server_sends("+OK\r\n");
    EXPECT_EQ(stage.client_has(), "");
    EXPECT_FALSE(stage.client_is_closed());
    stage.server_sends(":1\r\n");
    EXPECT_EQ(stage.at_client(5), "+OK\r\n");
    EXPECT_TRUE(stage.client_is_closed());
    EXPECT_EQ(stage.server_has(), "");
}

TEST(RedisSession, IsDismissedAtOnceWithNothingDueOrInABlockingCommand) {
    for (const std::string& sent : {std::string(), command({"BLPOP", "a", "0"})}) {
        Stage stage;
        stage.route(1);
        stage.accept(1);
        stage.client_sends(sent);
        stage.at_server(sent.size());
        stage.dismiss();
        EXPECT_TRUE(stage.client_is_closed()) << sent;
    }
}

TEST(RedisSession, LetsReadsPassWithoutWaiting) {
    Stage stage(true);
    stage.route(1);
    stage.accept(1);
    const std::string get = command({"GET", "a"});
    stage.client_sends(get);
    EXPECT_EQ(stage.at_server(get.size()), get);
    stage.server_sends("$-1\r\n");
    EXPECT_EQ(stage.at_client(5), "$-1\r\n");
}

TEST(RedisSession, GathersWhatComesDuringAWaitIntoOneRun) {
    Stage stage(true);
    stage.route(1);
    stage.accept(1);
    const std::string set = command({"SET", "a", "1"});
    stage.client_sends(set);
    stage.at_server(set.size() + kWait.size());
    stage.client_sends(set);
    stage.client_sends(set);
    EXPECT_EQ(stage.server_has(), "");
    stage.server_sends("+OK\r\n:1\r\n");
    EXPECT_EQ(stage.at_server(set.size() * 2 + kWait.size()), set + set + std::string(kWait));
}

TEST(RedisSession, SaysWhenNoReplicaHasAWrite) {
    Stage stage(true);
    stage.route(1);
    stage.accept(1);
    stage.client_sends(command({"GET", "a"}) + command({"SET", "a", "1"}) + command({"GET", "a"}) +
                       command({"LPUSH", "a", "1"}));
    stage.server_sends("$-1\r\n+OK\r\n$1\r\n1\r\n-WRONGTYPE\r\n:0\r\n");
    const std::string got = stage.at_client(60);
    EXPECT_TRUE(got.starts_with("$-1\r\n-SHORENOTREPLICATED ")) << got;
    EXPECT_TRUE(got.ends_with("\r\n$1\r\n1\r\n-WRONGTYPE\r\n")) << got;
}

TEST(RedisSession, WaitsForATransactionAtItsEnd) {
    Stage stage(true);
    stage.route(1);
    stage.accept(1);
    const std::string begin = command({"MULTI"}) + command({"SET", "a", "1"});
    stage.client_sends(begin);
    EXPECT_EQ(stage.at_server(begin.size()), begin);
    stage.server_sends("+OK\r\n+QUEUED\r\n");
    EXPECT_EQ(stage.at_client(14), "+OK\r\n+QUEUED\r\n");
    const std::string exec = command({"EXEC"});
    stage.client_sends(exec);
    EXPECT_EQ(stage.at_server(exec.size() + kWait.size()), exec + std::string(kWait));
}

TEST(RedisSession, SendsNoWaitIntoAnOpenTransaction) {
    Stage stage(true);
    stage.route(1);
    stage.accept(1);
    const std::string set = command({"SET", "a", "1"});
    const std::string multi = command({"MULTI"});
    stage.client_sends(set + multi + set);
    EXPECT_EQ(stage.at_server(set.size() + kWait.size()), set + std::string(kWait));
    stage.server_sends("+OK\r\n:1\r\n");
    EXPECT_EQ(stage.at_server(multi.size() + set.size()), multi + set);
}

TEST(RedisSession, RepeatsReadsAndTellsOfWritesWhoseOutcomeIsUnknown) {
    Stage stage;
    stage.route(1);
    stage.accept(1);
    const std::string get = command({"GET", "a"});
    stage.client_sends(get + command({"INCR", "n"}) + get);
    stage.server_has();
    stage.server_sends("$1\r");  // A part of an answer is of no use.
    stage.server_closes();
    EXPECT_EQ(stage.suspected(), stage.serial());
    EXPECT_EQ(stage.client_has(), "");
    stage.route(2);
    stage.accept(2);
    EXPECT_EQ(stage.at_server(get.size()), get);
    stage.server_sends("$1\r\nx\r\n");
    const std::string got = stage.at_client(60);
    EXPECT_TRUE(got.starts_with("$1\r\nx\r\n-SHOREUNKNOWN ")) << got;
    EXPECT_EQ(stage.at_server(get.size()), get);
    stage.server_sends("$1\r\ny\r\n");
    EXPECT_EQ(stage.at_client(7), "$1\r\ny\r\n");
}

TEST(RedisSession, SendsAgainWhatADemotedPrimaryRefused) {
    Stage stage;
    stage.route(1);
    stage.accept(1);
    const std::string run = command({"SET", "a", "1"}) + command({"INCR", "n"});
    stage.client_sends(run);
    stage.at_server(run.size());
    stage.server_sends("-READONLY You can't write against a read only replica.\r\n");
    EXPECT_EQ(stage.suspected(), stage.serial());
    stage.route(2);
    stage.advance(kRedisRetry);
    stage.accept(2);
    EXPECT_EQ(stage.at_server(run.size()), run);
    stage.server_sends("+OK\r\n:1\r\n");
    EXPECT_EQ(stage.at_client(9), "+OK\r\n:1\r\n");
}

TEST(RedisSession, MakesTheNextConnectionWhatTheLastOneWas) {
    Stage stage;
    stage.route(1);
    stage.accept(1);
    const std::string setup = command({"AUTH", "web", "secret"}) + command({"SELECT", "3"});
    const std::string wrong = command({"SELECT", "99"});
    stage.client_sends(setup + wrong);
    stage.server_sends("+OK\r\n+OK\r\n-ERR DB index is out of range\r\n");
    stage.client_has();
    const std::string subscribe = command({"SUBSCRIBE", "news"});
    stage.client_sends(subscribe);
    stage.server_sends("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    EXPECT_EQ(stage.at_client(34), "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    stage.route(2);
    stage.accept(2);
    EXPECT_EQ(stage.at_server(setup.size() + subscribe.size()), setup + subscribe);
    stage.server_sends("+OK\r\n+OK\r\n*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    EXPECT_EQ(stage.client_has(), "");
    stage.server_sends("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n");
    EXPECT_EQ(stage.at_client(37), "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n");
}

TEST(RedisSession, EndsALostTransactionByTheBook) {
    Stage stage;
    stage.route(1);
    stage.accept(1);
    stage.client_sends(command({"MULTI"}) + command({"SET", "a", "1"}));
    stage.server_sends("+OK\r\n+QUEUED\r\n");
    stage.client_has();
    stage.server_closes();
    stage.route(2);
    stage.client_sends(command({"SET", "a", "2"}) + command({"EXEC"}));
    const std::string got = stage.at_client(30);
    EXPECT_TRUE(got.starts_with("+QUEUED\r\n-EXECABORT ")) << got;
    const std::string get = command({"GET", "a"});
    stage.client_sends(get);
    stage.accept(2);
    EXPECT_EQ(stage.at_server(get.size()), get);
}

TEST(RedisSession, TakesWatchedKeysForChangedWhenTheirServerIsLost) {
    Stage stage;
    stage.route(1);
    stage.accept(1);
    stage.client_sends(command({"WATCH", "a"}));
    stage.server_sends(kOk);
    stage.client_has();
    stage.server_closes();
    stage.route(2);
    stage.client_sends(command({"MULTI"}) + command({"GET", "a"}) + command({"EXEC"}));
    EXPECT_EQ(stage.at_client(19), "+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST(RedisSession, HoldsCommandsForAsLongAsItMay) {
    Stage stage;
    stage.route(1, true);
    stage.client_sends(command({"SET", "a", "1"}));
    stage.advance(std::chrono::seconds(9));
    EXPECT_EQ(stage.client_has(), "");
    stage.advance(std::chrono::seconds(2));
    EXPECT_TRUE(stage.at_client(20).starts_with("-SHOREUNAVAILABLE "));
    const std::string get = command({"GET", "a"});
    stage.client_sends(get);
    stage.route(2);
    stage.accept(2);
    EXPECT_EQ(stage.at_server(get.size()), get);
}

TEST(RedisSession, SendsNoWriteToAServerForReads) {
    Stage stage(true, RedisDoor::kReads);
    stage.route(1, false, {2});
    stage.accept(2);
    const std::string get = command({"GET", "a"});
    stage.client_sends(get + command({"SET", "a", "1"}));
    EXPECT_EQ(stage.at_server(get.size()), get);
    stage.server_sends("$-1\r\n");
    EXPECT_TRUE(stage.at_client(20).starts_with("$-1\r\n-READONLY "));
}

TEST(RedisSession, AnswersNonsenseAndEnds) {
    Stage stage;
    stage.route(1);
    stage.accept(1);
    const std::string ping = command({"PING"});
    stage.client_sends(ping + "*1\r\n!\r\n");
    stage.at_server(ping.size());
    stage.server_sends("+PONG\r\n");
    EXPECT_EQ(stage.at_client(28), "+PONG\r\n-ERR Protocol error\r\n");
    EXPECT_TRUE(stage.client_is_closed());
}

TEST(RedisSession, AllocatesNothingPerCommand) {
    if (!support::allocations_are_counted()) {
        return;
    }
    Stage stage(true);
    stage.route(1);
    stage.accept(1);
    const std::string run = command({"SET", "a", "1"}) + command({"GET", "a"});
    uint64_t before = 0;
    constexpr int kRounds = 100;
    for (int i = 0; i < 2 * kRounds; ++i) {
        if (i == kRounds) {
            before = support::allocations();
        }
        stage.client_sends(run);
        stage.server_sends("+OK\r\n$1\r\n1\r\n:1\r\n");
    }
    EXPECT_EQ(support::allocations() - before, 0U);
}

}  // namespace
}  // namespace shore::engines
