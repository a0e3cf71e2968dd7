// The way to the primary, with real sockets: a connection is what a pool would make.
#include "engines/pgbouncer_gate.h"

#include <array>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "async/block_on.h"
#include "async/loop.h"
#include "engines/pgbouncer_config.h"
#include "net/dial.h"
#include "os/directory.h"

namespace shore::engines {
namespace {

using async::Deadline;
using async::Task;

class PgBouncerGateTest : public testing::Test {
 protected:
    Deadline soon() { return Deadline::in(*loop_, std::chrono::seconds(10)); }

    net::Address address(const std::string& name) {
        return *net::Address::unix_path(directory_.path() + "/" + name);
    }
    std::unique_ptr<net::Listener> server(const std::string& name) {
        return *net::Listener::open(*loop_, address(name));
    }
    std::unique_ptr<net::Stream> connect() {
        const std::string path = fmt::format("{}/.s.PGSQL.{}", gate_.directory(), kLinkedPort);
        auto stream =
            async::block_on(*loop_, net::dial(*loop_, *net::Address::unix_path(path), soon()));
        EXPECT_TRUE(stream) << stream.error().text();
        return std::move(*stream);
    }
    /// What the server reads of the next connection, whose answer is "hello".
    Task<std::string> serve(net::Listener& listener) {
        auto accepted = co_await listener.accept(soon());
        if (!accepted) {
            co_return accepted.error().text();
        }
        auto stream = net::Stream::open(*loop_, std::move(accepted->socket));
        std::array<char, 64> buffer{};
        const auto count = co_await (*stream)->read_some(buffer, soon());
        (void)co_await (*stream)->write_all("hello", soon());
        co_return std::string(buffer.data(), count.value_or(0));
    }
    std::string read(net::Stream& stream) {
        std::array<char, 64> buffer{};
        const auto count = async::block_on(*loop_, stream.read_some(buffer, soon()));
        return std::string(buffer.data(), count.value_or(0));
    }
    void write(net::Stream& stream, std::string_view text) {
        EXPECT_TRUE(async::block_on(*loop_, stream.write_all(text, soon())));
    }

    base::SystemClock clock_;
    os::TemporaryDirectory directory_ = *os::TemporaryDirectory::create();
    std::unique_ptr<async::Loop> loop_ = *async::Loop::open(clock_);
    PgBouncerGate gate_{*loop_, directory_.path() + "/primary"};
};

TEST_F(PgBouncerGateTest, LeadsToThePrimaryItself) {
    const auto primary = server("one");
    ASSERT_TRUE(gate_.start());
    ASSERT_TRUE(gate_.open(primary->address().path()));
    const auto client = connect();
    write(*client, "login");
    EXPECT_EQ(async::block_on(*loop_, serve(*primary)), "login");
    EXPECT_EQ(read(*client), "hello");
    EXPECT_EQ(gate_.passing(), 0U);
}

TEST_F(PgBouncerGateTest, PassesOnWhoCameWhileItWasShut) {
    ASSERT_TRUE(gate_.start());
    const auto client = connect();
    write(*client, "login");
    const auto primary = server("one");
    ASSERT_TRUE(gate_.open(primary->address().path()));
    EXPECT_EQ(async::block_on(*loop_, serve(*primary)), "login");
    EXPECT_EQ(read(*client), "hello");
    // The server has closed the connection.
    EXPECT_EQ(read(*client), "");
}

TEST_F(PgBouncerGateTest, PassesOnWhoCameBetweenThePrimarysDeathAndItsBeingNoticed) {
    auto primary = server("one");
    ASSERT_TRUE(gate_.start());
    ASSERT_TRUE(gate_.open(primary->address().path()));
    gate_.keep(os::Fd(::dup(primary->descriptor())));
    // A killed process leaves its socket's file.
    (void)primary->release();
    const auto early = connect();
    write(*early, "early");
    ASSERT_TRUE(gate_.shut());
    ASSERT_TRUE(gate_.serve_kept());
    const auto late = connect();
    write(*late, "late");
    const auto next = server("two");
    ASSERT_TRUE(gate_.open(next->address().path()));
    std::set<std::string> served;
    served.insert(async::block_on(*loop_, serve(*next)));
    served.insert(async::block_on(*loop_, serve(*next)));
    EXPECT_EQ(served, (std::set<std::string>{"early", "late"}));
    EXPECT_EQ(read(*early), "hello");
    EXPECT_EQ(read(*late), "hello");
}

TEST_F(PgBouncerGateTest, RefusesADirectoryWhosePathPgBouncerWouldCutOff) {
    PgBouncerGate gate(*loop_, directory_.path() + "/" + std::string(90, 'd'));
    EXPECT_FALSE(gate.start());
}

TEST_F(PgBouncerGateTest, IsTightOnlyWithACopyOfThePrimarysSocket) {
    ASSERT_TRUE(gate_.start());
    EXPECT_TRUE(gate_.is_tight());
    const auto primary = server("one");
    gate_.keep_none();
    EXPECT_FALSE(gate_.is_tight());
    ASSERT_TRUE(gate_.open(primary->address().path()));
    gate_.keep(os::Fd(::dup(primary->descriptor())));
    EXPECT_TRUE(gate_.is_tight());
}

TEST_F(PgBouncerGateTest, WaitsForTheNextPrimaryWhenOneDiesBeforeItAnswers) {
    ASSERT_TRUE(gate_.start());
    const auto client = connect();
    write(*client, "login");
    ASSERT_TRUE(gate_.open(directory_.path() + "/nobody"));
    ASSERT_TRUE(gate_.shut());
    const auto next = server("two");
    ASSERT_TRUE(gate_.open(next->address().path()));
    EXPECT_EQ(async::block_on(*loop_, serve(*next)), "login");
}

}  // namespace
}  // namespace shore::engines
