#include "engines/redis_lane.h"

#include <array>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "engines/redis_session.h"
#include "net/listener.h"

namespace shore::engines {
namespace {

constexpr size_t kServers = 2;

std::string command(const std::vector<std::string_view>& parts) {
    std::string text;
    wire::append_command(text, parts);
    return text;
}

std::string bulk(std::string_view text) {
    return fmt::format("${}\r\n{}\r\n", text.size(), text);
}

/// A connection of the endpoint at a server, and what has come on it.
struct Line {
    os::Fd socket;
    std::string received;
    std::string unsent;
    bool ended = false;

    void receive() {
        char buffer[16384];
        ssize_t got = 0;
        while ((got = recv(socket.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
            received.append(buffer, static_cast<size_t>(got));
        }
        ended |= got == 0;
    }
    void send_some(size_t size) {
        const ssize_t sent = ::send(socket.get(), unsent.data(), std::min(size, unsent.size()),
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        unsent.erase(0, sent > 0 ? static_cast<size_t>(sent) : 0);
    }
};

/// A loop with sessions; servers and clients are the test's.
class Harbour {
 public:
    explicit Harbour(bool replicated = false) : loop_(async::Loop::open(clock_).value()) {
        std::vector<RedisShard::Address> addresses(1);
        for (os::Fd& listener : listeners_) {
            listener = net::open_listening_socket(net::Address::loopback(0)).value();
            RedisShard::Address address;
            address.length = net::Address::local_of(listener.get())->to_socket(address.raw);
            addresses.push_back(address);
        }
        shard_ = std::make_unique<RedisShard>(
            std::move(addresses),
            RedisSessionOptions{.replicated = replicated, .hold = std::chrono::seconds(1000)},
            [this](uint64_t) { suspected_ = true; });
        shard_->adopt(*loop_);
    }
    ~Harbour() { shard_->stop(); }

    void turn() {
        while (loop_->poll()) {
        }
    }
    void advance(Duration by) {
        clock_.advance(by);
        turn();
    }
    void route(uint32_t primary, bool hold = false) {
        shard_->publish({.serial = ++serial_, .primary = primary, .hold = hold, .readers = {}});
        turn();
    }
    os::Fd connect() {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        shard_->accept(os::Fd(ends[1]), RedisDoor::kPrimary, RedisWire::kPlain);
        turn();
        return os::Fd(ends[0]);
    }
    /// The endpoint's next connection to that server; empty when there is none.
    os::Fd accept(uint32_t slot) {
        return os::Fd(
            accept4(listeners_[slot - 1].get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    }
    os::Fd await(uint32_t slot) {
        os::Fd socket;
        for (int i = 0; i < 1'000'000 && !socket; ++i) {
            turn();
            socket = accept(slot);
        }
        EXPECT_TRUE(socket);
        return socket;
    }
    bool suspected() { return std::exchange(suspected_, false); }
    uint64_t lanes() const { return shard_->counters().lanes; }
    uint64_t shared() const { return shard_->counters().shared; }

 private:
    base::ManualClock clock_;
    std::unique_ptr<async::Loop> loop_;
    std::array<os::Fd, kServers> listeners_;
    std::unique_ptr<RedisShard> shard_;
    uint64_t serial_ = 0;
    bool suspected_ = false;
};

// -- One thing at a time --------------------------------------------------------------------------

/// Clients that are logged in, most of them busy, so that the others share.
class Crowd : public Harbour {
 public:
    static constexpr size_t kClients = kRedisCrowd + 3;
    explicit Crowd(bool replicated = false) : Harbour(replicated) {
        route(1);
        for (size_t i = 0; i < kClients; ++i) {
            clients_.push_back({.socket = connect()});
            own_.push_back({.socket = await(1)});
            send(i, kLogin);
            expect_at(own_[i], kLogin);
            answer(own_[i], "+OK\r\n");
            EXPECT_EQ(take(i), "+OK\r\n");
        }
        for (size_t i = 3; i < kClients; ++i) {
            send(i, command({"GET", "busy"}));
        }
    }

    void send(size_t client, std::string_view text) {
        EXPECT_EQ(::send(clients_[client].socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
        turn();
    }
    /// What the client has been answered since.
    std::string take(size_t client) {
        turn();
        clients_[client].receive();
        return std::exchange(clients_[client].received, {});
    }
    bool is_closed(size_t client) {
        (void)take(client);
        return clients_[client].ended;
    }
    Line& own(size_t client) { return own_[client]; }
    std::string at(Line& line) {
        turn();
        line.receive();
        return std::exchange(line.received, {});
    }
    void expect_at(Line& line, std::string_view text) { EXPECT_EQ(at(line), text); }
    void answer(Line& line, std::string_view text) {
        line.unsent += text;
        while (!line.unsent.empty() && !line.ended) {
            line.send_some(line.unsent.size());
            turn();
        }
    }
    void expect_unknown(size_t client) {
        const std::string got = take(client);
        EXPECT_TRUE(got.starts_with("-SHOREUNKNOWN ")) << got;
        EXPECT_EQ(got.find('\n') + 1, got.size()) << got;
    }
    /// Makes the session open a lane for such a command, which its own connection takes meanwhile.
    Line open_lane(std::string_view text, std::string_view reply) {
        send(0, text);
        Line lane{.socket = await(1)};
        expect_at(lane, kLogin);
        answer(lane, "+OK\r\n");
        EXPECT_TRUE(at(own_[0]).starts_with(text));
        answer(own_[0], reply);
        EXPECT_NE(take(0), "");
        return lane;
    }
    static inline const std::string kLogin = command({"AUTH", "web", "secret"});
    static inline const std::string kGet = command({"GET", "a"});
    static inline const std::string kSet = command({"SET", "a", "1"});

 private:
    std::vector<Line> clients_;
    std::vector<Line> own_;
};

TEST(RedisLane, CarriesCommandsOfManyClientsInOneRun) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    crowd.send(0, crowd.kGet + crowd.kSet);
    crowd.send(1, crowd.kGet);
    crowd.send(2, crowd.kSet);
    crowd.expect_at(lane, crowd.kGet + crowd.kSet + crowd.kGet);
    crowd.answer(lane, "$1\r\n0\r\n+OK\r\n$1\r\n1\r\n");
    EXPECT_EQ(crowd.take(0), "$1\r\n0\r\n+OK\r\n");
    EXPECT_EQ(crowd.take(1), "$1\r\n1\r\n");
    crowd.expect_at(lane, crowd.kSet);
    crowd.answer(lane, "+OK\r\n");
    EXPECT_EQ(crowd.take(2), "+OK\r\n");
    EXPECT_EQ(crowd.shared(), 4U);
}

TEST(RedisLane, IsNotUsedByClientsThatAreNotLoggedInAlike) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    const std::string login = command({"AUTH", "other", "secret"});
    crowd.send(1, login);
    crowd.expect_at(crowd.own(1), login);
    crowd.answer(crowd.own(1), "-WRONGPASS\r\n");
    crowd.send(1, crowd.kGet);
    crowd.expect_at(lane, crowd.kGet);  // It is who it was.
    crowd.answer(lane, "$1\r\nx\r\n");
    crowd.send(1, login + crowd.kGet);
    crowd.expect_at(crowd.own(1), login + crowd.kGet);
    crowd.answer(crowd.own(1), "+OK\r\n$1\r\nx\r\n");
    crowd.send(1, crowd.kGet);
    Line other{.socket = crowd.await(1)};
    crowd.expect_at(other, login);
    crowd.expect_at(lane, "");
}

TEST(RedisLane, LeavesWhatConcernsTheConnectionToTheSessionsOwnInOrder) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    const std::string transaction =
        command({"MULTI"}) + command({"SET", "a", "2"}) + command({"EXEC"});
    crowd.send(0, crowd.kGet + transaction + crowd.kGet);
    crowd.expect_at(lane, crowd.kGet);
    crowd.expect_at(crowd.own(0), "");
    crowd.answer(lane, "$1\r\n1\r\n");
    crowd.expect_at(crowd.own(0), transaction + crowd.kGet);
    crowd.answer(crowd.own(0), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n$1\r\n2\r\n");
    EXPECT_EQ(crowd.take(0), "$1\r\n1\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n$1\r\n2\r\n");
    crowd.send(0, crowd.kGet);
    crowd.expect_at(lane, crowd.kGet);
}

TEST(RedisLane, IsNotUsedWhileSomethingIsOpenOnTheSessionsOwn) {
    const std::pair<std::string, std::string> openings[] = {
        {command({"MULTI"}), "+OK\r\n"},
        {command({"WATCH", "a"}), "+OK\r\n"},
        {command({"SUBSCRIBE", "c"}), "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"},
        {command({"CLIENT", "TRACKING", "ON"}), "+OK\r\n"},
        {command({"CLIENT", "NO-EVICT", "ON"}), "+OK\r\n"},
    };
    for (const auto& [opening, reply] : openings) {
        Crowd crowd;
        Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
        crowd.send(0, opening);
        crowd.expect_at(crowd.own(0), opening);
        crowd.answer(crowd.own(0), reply);
        crowd.send(0, crowd.kGet);
        crowd.expect_at(crowd.own(0), crowd.kGet);
        crowd.expect_at(lane, "");
    }
}

TEST(RedisLane, IsNotUsedByWhoMayHaveBecomeAnotherUnseen) {
    const std::pair<std::string, std::string> changes[] = {
        {command({"MULTI"}) + command({"AUTH", "other", "secret"}) + command({"EXEC"}),
         "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"},
        {command({"CLIENT", "REPLY", "SKIP"}) + command({"HELLO", "3"}), ""},
        {command({"CLIENT", "REPLY", "SKIP"}) + command({"SELECT", "3"}), ""},
        {command({"CLIENT", "REPLY", "SKIP"}) + command({"RESET"}), ""},
        {"CLIENT TRACKING ON\r\n", "+OK\r\n"},
        {command({"RESET"}), "+RESET\r\n"},
    };
    for (const auto& [change, reply] : changes) {
        Crowd crowd;
        Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
        crowd.send(0, change);
        crowd.expect_at(crowd.own(0), change);
        crowd.answer(crowd.own(0), reply);
        EXPECT_EQ(crowd.take(0), reply);
        crowd.send(0, crowd.kGet);
        crowd.expect_at(crowd.own(0), crowd.kGet);
        crowd.expect_at(lane, "");
    }
}

TEST(RedisLane, IsNotUsedForWhatIsNoPlainBriefCommand) {
    const std::string others[] = {command({"BLPOP", "a", "0"}),
                                  command({"EVAL", "return 1", "0"}),
                                  command({"NOSUCH", "a"}),
                                  command({"KEYS", "*"}),
                                  "GET a\r\n",
                                  "*2\r\n$03\r\nGET\r\n$1\r\na\r\n",
                                  "*2\r\n$3\r\nGETxx$1\r\na\r\n"};
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    for (const std::string& text : others) {
        crowd.send(0, text);
        crowd.expect_at(crowd.own(0), text);
        crowd.answer(crowd.own(0), "+OK\r\n");
    }
    crowd.expect_at(lane, "");
}

TEST(RedisLane, NamesAreTheSessionsOwn) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    const std::string name = command({"CLIENT", "SETNAME", "me"});
    crowd.send(0, name);
    crowd.expect_at(crowd.own(0), name);
    crowd.answer(crowd.own(0), "+OK\r\n");
    crowd.send(0, crowd.kGet);
    crowd.expect_at(lane, crowd.kGet);
}

TEST(RedisLane, ConfirmsARunOfManyWithOneWait) {
    Crowd crowd(true);
    Line lane = crowd.open_lane(crowd.kSet, "+OK\r\n:1\r\n");
    crowd.send(0, crowd.kSet);
    crowd.expect_at(lane, crowd.kSet + std::string(kRedisWaitText));
    crowd.send(1, crowd.kSet + crowd.kGet);
    crowd.send(2, crowd.kSet);
    crowd.expect_at(lane, "");
    crowd.answer(lane, "+OK\r\n");
    EXPECT_EQ(crowd.take(0), "");
    crowd.answer(lane, ":1\r\n");
    EXPECT_EQ(crowd.take(0), "+OK\r\n");
    crowd.expect_at(lane, crowd.kSet + crowd.kGet + crowd.kSet + std::string(kRedisWaitText));
    crowd.answer(lane, "+OK\r\n$1\r\n1\r\n-OOM\r\n:0\r\n");
    const std::string got = crowd.take(1);
    EXPECT_TRUE(got.starts_with("-SHORENOTREPLICATED ") && got.ends_with("\r\n$1\r\n1\r\n")) << got;
    EXPECT_EQ(crowd.take(2), "-OOM\r\n");
}

TEST(RedisLane, LetsReadsPassThoseThatAreConfirmed) {
    Crowd crowd(true);
    Line writes = crowd.open_lane(crowd.kSet, "+OK\r\n:1\r\n");
    Line reads = crowd.open_lane(crowd.kGet, "$1\r\n0\r\n");
    crowd.send(0, crowd.kSet);
    crowd.send(1, crowd.kGet);
    crowd.expect_at(writes, crowd.kSet + std::string(kRedisWaitText));
    crowd.expect_at(reads, crowd.kGet);
    crowd.answer(reads, "$1\r\n1\r\n");
    EXPECT_EQ(crowd.take(1), "$1\r\n1\r\n");
    crowd.answer(writes, "+OK\r\n:1\r\n");
    EXPECT_EQ(crowd.take(0), "+OK\r\n");
}

TEST(RedisLane, AWaitOfTheClientsCoversWhatWentOverIt) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    const std::string wait = command({"WAIT", "1", "0"});
    crowd.send(0, crowd.kSet + wait);
    crowd.expect_at(lane, crowd.kSet);
    crowd.answer(lane, "+OK\r\n");
    crowd.expect_at(crowd.own(0), command({"HELLO"}));
    crowd.answer(crowd.own(0), "*2\r\n$6\r\nserver\r\n$5\r\nredis\r\n");
    crowd.expect_at(crowd.own(0), wait);
    crowd.answer(crowd.own(0), ":1\r\n");
    EXPECT_EQ(crowd.take(0), "+OK\r\n:1\r\n");
}

TEST(RedisLane, OneThatIsLostIsALostServerForThoseWithSomethingOnIt) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    crowd.send(0, crowd.kSet + crowd.kSet);
    crowd.send(1, crowd.kGet);
    crowd.send(2, crowd.kSet);  // Waits: two runs are under way.
    crowd.expect_at(lane, crowd.kSet + crowd.kSet + crowd.kGet);
    crowd.answer(lane, "+OK\r\n");
    EXPECT_EQ(crowd.take(0), "+OK\r\n");
    lane.socket.close();
    crowd.turn();
    EXPECT_TRUE(crowd.suspected());
    crowd.expect_unknown(0);
    // What was not sent goes to the session's own connection, which lives.
    crowd.expect_at(crowd.own(2), crowd.kSet);
    // What was read is read again, when the route is known anew.
    crowd.route(1);
    std::array<Line, 3> next;  // A lane among them.
    std::string seen;
    for (Line& line : next) {
        line.socket = crowd.await(1);
        crowd.expect_at(line, crowd.kLogin);
        crowd.answer(line, "+OK\r\n");
    }
    for (Line& line : next) {
        seen += crowd.at(line);
    }
    EXPECT_EQ(seen, crowd.kGet);
}

TEST(RedisLane, RefusalsAreEachSessionsOwn) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    crowd.send(0, crowd.kSet);
    crowd.send(1, crowd.kGet);
    crowd.answer(lane, "-READONLY You can't write against a read only replica.\r\n$1\r\ny\r\n");
    EXPECT_EQ(crowd.take(0), "");
    EXPECT_EQ(crowd.take(1), "$1\r\ny\r\n");
    crowd.route(2);
    crowd.advance(kRedisRetry);
    bool found = false;
    for (size_t i = 0; i < Crowd::kClients && !found; ++i) {
        Line next{.socket = crowd.await(2)};
        (void)crowd.at(next);
        crowd.answer(next, "+OK\r\n");
        found = crowd.at(next) == crowd.kSet;
    }
    EXPECT_TRUE(found);
}

TEST(RedisLane, OneThatMayNotLogInLeavesTheSessionsAlone) {
    Crowd crowd;
    crowd.send(0, crowd.kGet);
    Line lane{.socket = crowd.await(1)};
    crowd.answer(lane, "-WRONGPASS\r\n");
    EXPECT_EQ(crowd.lanes(), 0U);
    crowd.expect_at(crowd.own(0), crowd.kGet);
    crowd.answer(crowd.own(0), "$1\r\nx\r\n");
    EXPECT_EQ(crowd.take(0), "$1\r\nx\r\n");
    crowd.advance(2 * kRedisLaneRetry);
    crowd.send(0, crowd.kGet);
    crowd.expect_at(crowd.own(0), crowd.kGet);
    EXPECT_EQ(crowd.lanes(), 0U);
}

TEST(RedisLane, DoesNotOutliveTheSessionsOwnConnectionForThem) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    crowd.own(0).socket.close();  // Its user was deleted, say.
    crowd.turn();
    crowd.route(1);
    crowd.send(0, crowd.kGet);
    Line next{.socket = crowd.await(1)};
    crowd.expect_at(next, crowd.kLogin);
    crowd.expect_at(lane, "");
    crowd.answer(next, "-WRONGPASS\r\n");
    EXPECT_TRUE(crowd.is_closed(0));
}

TEST(RedisLane, AClientThatDoesNotReadHoldsUpNobody) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    crowd.send(0, crowd.kGet);
    crowd.send(1, crowd.kGet);
    crowd.expect_at(lane, crowd.kGet + crowd.kGet);
    const std::string large(kRedisLaneBacklogMax / 2, 'y');
    crowd.answer(lane, bulk(large) + "$1\r\nz\r\n");
    EXPECT_EQ(crowd.take(1), "$1\r\nz\r\n");
    crowd.send(0, crowd.kGet);
    crowd.expect_at(lane, "");
    std::string got;
    while (got.size() < bulk(large).size()) {
        got += crowd.take(0);
    }
    EXPECT_EQ(got, bulk(large));
    crowd.expect_at(crowd.own(0), crowd.kGet);  // From now on.
}

TEST(RedisLane, WaitsForAClientThatTakesMoreThanIsKept) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    crowd.send(0, crowd.kGet);
    crowd.send(1, crowd.kGet);
    lane.unsent = bulk(std::string(4 * kRedisLaneBacklogMax, 'y')) + "$1\r\nz\r\n";
    const size_t size = lane.unsent.size() - 7;
    for (int i = 0; i < 1000; ++i) {
        lane.send_some(lane.unsent.size());
        crowd.turn();
    }
    EXPECT_GT(lane.unsent.size(), kRedisLaneBacklogMax);
    size_t got = 0;
    while (got < size) {
        const size_t taken = crowd.take(0).size();
        lane.send_some(lane.unsent.size());
        got += taken;
    }
    EXPECT_EQ(got, size);
    EXPECT_EQ(crowd.take(1), "$1\r\nz\r\n");
    // That lane ends, and there is another.
    crowd.expect_at(lane, crowd.kGet + crowd.kGet);
    crowd.send(1, crowd.kGet);
    Line next{.socket = crowd.await(1)};
    crowd.expect_at(next, crowd.kLogin);
    crowd.answer(next, "+OK\r\n");
    EXPECT_EQ(crowd.lanes(), 1U);
    crowd.expect_at(crowd.own(1), crowd.kGet);
    crowd.answer(crowd.own(1), "$1\r\nx\r\n");
    crowd.send(1, crowd.kGet);
    crowd.expect_at(next, crowd.kGet);
}

TEST(RedisLane, ALaneWaitsForAClientNoLongerThanItMay) {
    Crowd crowd;
    Line lane = crowd.open_lane(crowd.kGet, "$1\r\nx\r\n");
    crowd.send(0, crowd.kGet);
    crowd.send(1, crowd.kGet);
    lane.unsent = bulk(std::string(2 * kRedisLaneBacklogMax, 'y')) + "$1\r\nz\r\n";
    for (int i = 0; i < 1000; ++i) {
        lane.send_some(lane.unsent.size());
        crowd.turn();
    }
    EXPECT_EQ(crowd.take(1), "");
    crowd.advance(kRedisLanePause);
    crowd.answer(lane, "");
    EXPECT_EQ(crowd.take(1), "$1\r\nz\r\n");
}

// -- Everything at once ---------------------------------------------------------------------------

/// Servers that execute, clients that check.
class Walk {
 public:
    Walk(uint32_t seed, bool replicated)
        : harbour_(replicated), replicated_(replicated), random_(seed) {
        harbour_.route(1);
        for (size_t i = 0; i < kClients; ++i) {
            clients_.push_back({.line = {.socket = harbour_.connect()}});
            send(i, {.kind = Kind::kLogin, .text = Crowd::kLogin});
        }
    }

    void run(int steps) {
        for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
            step();
        }
        for (int i = 0; i < 100'000 && !is_done() && !testing::Test::HasFailure(); ++i) {
            if (harbour_.suspected()) {
                harbour_.route(primary_);
            }
            harbour_.advance(kRedisRetry);
            serve(1 << 20);
            for (size_t c = 0; c < clients_.size(); ++c) {
                read(c);
            }
        }
        EXPECT_TRUE(is_done());
        EXPECT_GT(harbour_.shared(), 0U);
        check_executed();
    }

 private:
    static constexpr size_t kClients = 10;
    enum class Kind : uint8_t { kLogin, kEcho, kSet, kMulti, kQueued, kExec };
    struct Sent {
        Kind kind = Kind::kEcho;
        std::string text;
        std::string token;
    };
    struct Client {
        Line line;
        std::vector<Sent> sent;
        size_t answered = 0;
        int next = 0;
    };
    struct Connection {
        Line line;
        bool in_multi = false;
        std::vector<std::string> queued;
        std::vector<std::string> written;  // Since the last WAIT.
    };

    size_t pick(size_t below) { return random_() % below; }
    bool is_done() const {
        return std::ranges::all_of(
            clients_, [](const Client& client) { return client.answered == client.sent.size(); });
    }

    void step() {
        switch (pick(40)) {
            case 0:
                if (!connections_.empty()) {
                    connections_.erase(connections_.begin() +
                                       static_cast<std::ptrdiff_t>(pick(connections_.size())));
                }
                break;
            case 1:
                if (pick(10) == 0) {  // The primary dies, and another becomes it.
                    connections_.clear();
                    harbour_.turn();
                    primary_ = 3 - primary_;
                    harbour_.route(primary_);
                }
                break;
            case 2:
                harbour_.route(primary_, true);
                harbour_.turn();
                harbour_.route(primary_);
                break;
            default:
                break;
        }
        for (size_t i = 0; i < 4; ++i) {
            send_something(pick(kClients));
        }
        if (pick(3) > 0) {
            harbour_.turn();
        }
        serve(pick(4) == 0 ? 5 : 4096);
        read(pick(kClients));
        read(pick(kClients));
        if (pick(3) == 0 && harbour_.suspected()) {
            harbour_.route(primary_);
        }
        harbour_.advance(kRedisRetry / 4);
    }

    void send(size_t index, Sent sent) {
        Client& client = clients_[index];
        ASSERT_EQ(
            ::send(client.line.socket.get(), sent.text.data(), sent.text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(sent.text.size()));
        client.sent.push_back(std::move(sent));
    }
    std::string token(size_t index) { return fmt::format("{}:{}", index, ++clients_[index].next); }
    void send_set(size_t index, Kind kind) {
        const std::string name = token(index);
        send(index, {.kind = kind, .text = command({"SET", name, "x"}), .token = name});
    }
    void send_something(size_t index) {
        if (clients_[index].sent.size() - clients_[index].answered > 50) {
            return;
        }
        for (size_t left = 1 + pick(6); left > 0; --left) {
            const size_t what = pick(20);
            if (what == 0) {
                send(index, {.kind = Kind::kMulti, .text = command({"MULTI"})});
                send_set(index, Kind::kQueued);
                send_set(index, Kind::kQueued);
                send(index, {.kind = Kind::kExec, .text = command({"EXEC"})});
            } else if (what < 10) {
                send_set(index, Kind::kSet);
            } else {
                const std::string name = token(index) + std::string(pick(10) == 0 ? 900 : 0, '.');
                send(index, {.kind = Kind::kEcho, .text = command({"ECHO", name}), .token = name});
            }
        }
    }

    /// The servers' side: everything that has come is executed, some of the answers leave.
    void serve(size_t piece) {
        while (os::Fd socket = harbour_.accept(primary_)) {
            connections_.push_back({.line = {.socket = std::move(socket)}});
        }
        for (Connection& connection : connections_) {
            connection.line.receive();
            execute(connection);
            connection.line.send_some(piece);
        }
        std::erase_if(connections_, [](const Connection& c) { return c.line.ended; });
        harbour_.turn();
    }
    void execute(Connection& connection) {
        std::string& text = connection.line.received;
        size_t at = 0;
        while (at < text.size()) {
            wire::RequestScanner scanner;
            const wire::RespStep step = scanner.feed(text.data() + at, text.size() - at);
            ASSERT_NE(step.status, wire::RespStatus::kBad);
            if (step.status == wire::RespStatus::kMore) {
                break;
            }
            answer(connection, wire::resp_parts(std::string_view(text).substr(at, step.used)));
            at += step.used;
        }
        text.erase(0, at);
    }
    void execute_set(Connection& connection, std::string name) {
        executed_.push_back(name);
        connection.written.push_back(std::move(name));
    }
    void answer(Connection& connection, const std::vector<std::string_view>& parts) {
        std::string& out = connection.line.unsent;
        if (parts[0] == "MULTI") {
            connection.in_multi = true;
            out += "+OK\r\n";
        } else if (parts[0] == "EXEC") {
            ASSERT_TRUE(connection.in_multi);
            out += fmt::format("*{}\r\n", connection.queued.size());
            for (std::string& name : connection.queued) {
                execute_set(connection, std::move(name));
                out += "+OK\r\n";
            }
            connection.queued.clear();
            connection.in_multi = false;
        } else if (connection.in_multi) {
            ASSERT_EQ(parts[0], "SET");
            connection.queued.emplace_back(parts[1]);
            out += "+QUEUED\r\n";
        } else if (parts[0] == "SET") {
            execute_set(connection, std::string(parts[1]));
            out += "+OK\r\n";
        } else if (parts[0] == "WAIT") {
            for (std::string& name : connection.written) {
                confirmed_.insert(std::move(name));
            }
            connection.written.clear();
            out += ":1\r\n";
        } else {
            out += parts[0] == "ECHO" ? bulk(parts[1]) : "+OK\r\n";
        }
    }

    /// The clients' side.
    void read(size_t index) {
        harbour_.turn();
        Client& client = clients_[index];
        client.line.receive();
        ASSERT_FALSE(client.line.ended);
        std::string& text = client.line.received;
        size_t at = 0;
        while (at < text.size()) {
            wire::ReplyScanner scanner;
            const wire::RespStep step = scanner.feed(text.data() + at, text.size() - at);
            ASSERT_NE(step.status, wire::RespStatus::kBad);
            if (step.status == wire::RespStatus::kMore) {
                break;
            }
            ASSERT_LT(client.answered, client.sent.size());
            check(client, std::string_view(text).substr(at, step.used));
            ++client.answered;
            at += step.used;
        }
        text.erase(0, at);
    }
    void check(const Client& client, std::string_view reply) {
        const Sent& sent = client.sent[client.answered];
        const bool unknown = reply.starts_with("-SHOREUNKNOWN ");
        switch (sent.kind) {
            case Kind::kEcho:
                ASSERT_EQ(reply, bulk(sent.token));
                break;
            case Kind::kSet:
                ASSERT_TRUE(unknown || reply == "+OK\r\n") << reply;
                if (!unknown) {
                    acknowledge(sent.token);
                }
                break;
            case Kind::kExec:
                ASSERT_TRUE(unknown || reply.starts_with("-EXECABORT ") ||
                            reply == "*2\r\n+OK\r\n+OK\r\n")
                    << reply;
                for (size_t back = 1; back <= 2 && reply.starts_with('*'); ++back) {
                    acknowledge(client.sent[client.answered - back].token);
                }
                break;
            default:
                ASSERT_EQ(reply, sent.kind == Kind::kQueued ? "+QUEUED\r\n" : "+OK\r\n");
                break;
        }
    }
    void acknowledge(const std::string& name) {
        acknowledged_.insert(name);
        ASSERT_TRUE(!replicated_ || confirmed_.contains(name)) << name << " is on no replica";
    }

    /// Nothing was executed twice, nothing out of order, and nothing was acknowledged that was not.
    void check_executed() const {
        std::map<std::string, int> last;
        std::set<std::string> once;
        for (const std::string& name : executed_) {
            ASSERT_TRUE(once.insert(name).second) << name << " was executed twice";
            const std::string client = name.substr(0, name.find(':'));
            const int number = std::stoi(name.substr(name.find(':') + 1));
            ASSERT_LT(last[client], number) << name << " came too late";
            last[client] = number;
        }
        for (const std::string& name : acknowledged_) {
            ASSERT_TRUE(once.contains(name)) << name << " was acknowledged";
        }
    }

    Harbour harbour_;
    const bool replicated_;
    std::mt19937 random_;
    uint32_t primary_ = 1;
    std::vector<Client> clients_;
    std::vector<Connection> connections_;
    std::vector<std::string> executed_;
    std::set<std::string> acknowledged_;
    std::set<std::string> confirmed_;
};

TEST(RedisLane, AnswersEverybodyByTheBookInARandomWalk) {
    for (const bool replicated : {false, true}) {
        const uint32_t seed = std::random_device{}();
        SCOPED_TRACE(fmt::format("seed {}, replicated {}", seed, replicated));
        Walk(seed, replicated).run(3000);
    }
}

}  // namespace
}  // namespace shore::engines
