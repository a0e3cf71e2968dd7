#include "net/stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "async/block_on.h"
#include "async/scope.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/pass_descriptors.h"
#include "net/port_probe.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::net {
namespace {

using async::block_on;
using async::Deadline;
using async::Loop;
using async::Scope;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

class StreamTest : public testing::Test {
 protected:
    StreamTest()
        : loop_(std::move(*Loop::open(clock_))),
          directory_(std::move(*os::TemporaryDirectory::create())) {}

    Deadline soon() { return Deadline::in(*loop_, seconds(10)); }
    Address path(std::string_view name) { return *Address::unix_path(directory_.file(name)); }
    std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pair() {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        return {std::move(*Stream::open(*loop_, os::Fd(ends[0]))),
                std::move(*Stream::open(*loop_, os::Fd(ends[1])))};
    }

    base::SystemClock clock_;
    std::unique_ptr<Loop> loop_;
    os::TemporaryDirectory directory_;
};

Task<Result<void>> echo(std::unique_ptr<Stream> stream) {
    std::vector<char> buffer(4096);
    while (true) {
        SHORE_CO_TRY(const size_t got, co_await stream->read_some(buffer, Deadline::never()));
        if (got == 0) {
            co_return stream->shutdown_write();
        }
        SHORE_CO_CHECK(co_await stream->write_all({buffer.data(), got}, Deadline::never()));
    }
}

Task<void> serve_echo(Loop& loop, Listener& listener, Scope& scope);

Task<void> echo_one(std::unique_ptr<Stream> stream) {
    EXPECT_TRUE(co_await echo(std::move(stream)));
}

Task<void> serve_echo(Loop& loop, Listener& listener, Scope& scope) {
    while (auto accepted = co_await listener.accept()) {
        scope.spawn(echo_one(std::move(*Stream::open(loop, std::move(accepted->socket)))));
    }
}

Task<Result<void>> send_all(Stream& stream, std::string text) {
    SHORE_CO_CHECK(co_await stream.write_all(text, Deadline::never()));
    co_return stream.shutdown_write();
}

Task<void> send_in_background(Stream& stream, std::string text) {
    EXPECT_TRUE(co_await send_all(stream, std::move(text)));
}

Task<Result<std::string>> receive_all(Stream& stream, Deadline deadline) {
    std::string text;
    std::vector<char> buffer(1000);
    while (true) {
        SHORE_CO_TRY(const size_t got, co_await stream.read_some(buffer, deadline));
        if (got == 0) {
            co_return text;
        }
        text.append(buffer.data(), got);
    }
}

std::string numbered(size_t size) {
    std::string text;
    for (size_t i = 0; text.size() < size; ++i) {
        text += fmt::format("{} ", i);
    }
    return text;
}

TEST_F(StreamTest, EchoesMoreThanTheKernelsBuffersOverTcpAndUnix) {
    for (const Address& address :
         {*Address::parse("127.0.0.1:0"), *Address::parse("[::1]:0"), path("echo.sock")}) {
        auto listener = Listener::open(*loop_, address);
        ASSERT_TRUE(listener) << listener.error().text();
        Scope scope(*loop_);
        scope.spawn(serve_echo(*loop_, **listener, scope));
        auto stream = block_on(*loop_, dial(*loop_, (*listener)->address(), soon()));
        ASSERT_TRUE(stream) << stream.error().text();
        const std::string text = numbered(8'000'000);
        scope.spawn(send_in_background(**stream, text));
        const auto back = block_on(*loop_, receive_all(**stream, soon()));
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_TRUE(*back == text);
    }
    EXPECT_FALSE(os::file_exists(path("echo.sock").path()));
}

TEST_F(StreamTest, AWriterWaitsForAPeerThatDoesNotReadUntilItsDeadline) {
    auto [a, b] = pair();
    const auto written =
        block_on(*loop_, a->write_all(numbered(4'000'000), Deadline::in(*loop_, milliseconds(30))));
    EXPECT_EQ(written.error().code(), ErrorCode::kTimeout);
}

TEST_F(StreamTest, AReaderWaitsUntilItsDeadline) {
    auto [a, b] = pair();
    char buffer[8];
    const auto got = block_on(*loop_, a->read_some(buffer, Deadline::in(*loop_, milliseconds(10))));
    EXPECT_EQ(got.error().code(), ErrorCode::kTimeout);
    EXPECT_EQ(loop_->timers().size(), 0u);
    // And works on afterwards.
    EXPECT_TRUE(block_on(*loop_, b->write_all("x", "yz", soon())));
    EXPECT_EQ(block_on(*loop_, a->read_some(buffer, soon())).value(), 3u);
}

TEST_F(StreamTest, WritingToAPeerThatIsGoneIsAnError) {
    auto [a, b] = pair();
    b->close();
    EXPECT_TRUE(block_on(*loop_, a->peer_closes(soon())));
    EXPECT_TRUE(a->peer_closed());
    EXPECT_EQ(block_on(*loop_, a->write_all("x", soon())).error().code(), ErrorCode::kUnavailable);
    a->close();
    EXPECT_EQ(block_on(*loop_, a->write_all("x", soon())).error().code(), ErrorCode::kUnavailable);
}

TEST_F(StreamTest, BytesEndTheWaitForAClosingPeerUnread) {
    auto [a, b] = pair();
    EXPECT_FALSE(block_on(*loop_, a->peer_closes(Deadline::in(*loop_, milliseconds(5)))));
    EXPECT_TRUE(block_on(*loop_, b->write_all("x", soon())));
    EXPECT_FALSE(block_on(*loop_, a->peer_closes(soon())));
    char byte = 0;
    EXPECT_EQ(block_on(*loop_, a->read_some({&byte, 1}, soon())).value(), 1u);
}

TEST_F(StreamTest, SendsAPartOfAFileAndNoticesAShortOne) {
    const std::string text = numbered(3'000'000);
    ASSERT_TRUE(os::write_file_atomically(directory_.file("f"), text));
    const os::Fd file(::open(directory_.file("f").c_str(), O_RDONLY | O_CLOEXEC));
    auto [a, b] = pair();
    Scope scope(*loop_);
    std::optional<Result<void>> sent;
    scope.spawn(async::internal::store_result(
        a->send_file(file.get(), 10, text.size() - 10 + 5, soon()), sent));
    std::string got(text.size() - 10, '\0');
    size_t used = 0;
    while (used < got.size()) {
        const auto part = block_on(*loop_, b->read_some(std::span(got).subspan(used), soon()));
        ASSERT_TRUE(part);
        used += *part;
    }
    EXPECT_TRUE(got == text.substr(10));
    while (!sent) {
        loop_->turn();
    }
    EXPECT_EQ(sent->error().code(), ErrorCode::kCorrupt);
}

TEST_F(StreamTest, DiallingSaysThatNobodyListens) {
    auto listener = Listener::open(*loop_, Address::loopback(0));
    ASSERT_TRUE(listener);
    const Address address = (*listener)->address();
    listener->reset();
    const auto refused = block_on(*loop_, dial(*loop_, address, soon()));
    EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
    EXPECT_EQ(refused.error().text(),
              fmt::format("connect to {}: Connection refused", address.to_text()));
    const auto missing = block_on(*loop_, dial(*loop_, path("none"), soon()));
    EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
}

TEST_F(StreamTest, DiallingAFullUnixSocketWaitsUntilItsDeadline) {
    const auto socket = open_listening_socket(path("full"), {.backlog = 0});
    ASSERT_TRUE(socket);
    std::vector<std::unique_ptr<Stream>> streams;
    while (true) {
        auto stream =
            block_on(*loop_, dial(*loop_, path("full"), Deadline::in(*loop_, milliseconds(20))));
        if (!stream) {
            EXPECT_EQ(stream.error().code(), ErrorCode::kTimeout);
            break;
        }
        streams.push_back(std::move(*stream));
        ASSERT_LT(streams.size(), 10u);
    }
}

TEST_F(StreamTest, AnAcceptHasADeadline) {
    auto listener = Listener::open(*loop_, Address::loopback(0));
    const auto none = block_on(*loop_, (*listener)->accept(Deadline::in(*loop_, milliseconds(5))));
    EXPECT_EQ(none.error().code(), ErrorCode::kTimeout);
    EXPECT_FALSE((*listener)->try_accept().value());
}

TEST_F(StreamTest, AnAcceptOutlivesALackOfDescriptors) {
    auto listener = Listener::open(*loop_, Address::loopback(0));
    auto stream = block_on(*loop_, dial(*loop_, (*listener)->address(), soon()));
    ASSERT_TRUE(stream);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const os::Fd lowest(dup(0));
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(lowest.get());
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
    std::optional<Result<Accepted>> accepted;
    Scope scope(*loop_);
    scope.spawn(async::internal::store_result((*listener)->accept(), accepted));
    loop_->turn();
    EXPECT_FALSE(accepted);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (!accepted) {
        loop_->turn();
    }
    EXPECT_TRUE(*accepted);
}

TEST_F(StreamTest, AStaleUnixSocketIsReplacedAndALiveOneIsNot) {
    const Address address = path("s");
    {
        const auto abandoned = open_listening_socket(address);  // Its file stays behind.
        ASSERT_TRUE(abandoned);
        EXPECT_EQ(open_listening_socket(address).error().code(), ErrorCode::kConflict);
    }
    ASSERT_TRUE(os::file_exists(address.path()));
    auto listener = Listener::open(*loop_, address, {.unix_mode = 0660});
    ASSERT_TRUE(listener);
    struct stat about{};
    ASSERT_EQ(stat(address.path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0660u);

    const std::string file = directory_.file("plain");
    ASSERT_TRUE(os::write_file_atomically(file, "precious"));
    EXPECT_EQ(open_listening_socket(*Address::unix_path(file)).error().code(),
              ErrorCode::kConflict);
    EXPECT_TRUE(os::file_exists(file));
}

TEST_F(StreamTest, AListenerLeavesAFileThatIsNoLongerItsOwn) {
    const Address address = path("s");
    auto old = Listener::open(*loop_, address);
    ASSERT_TRUE(old);
    ASSERT_TRUE(os::remove_file(address.path()));
    ASSERT_TRUE(os::write_file_atomically(directory_.file("x"), ""));  // Takes the inode's number.
    const auto successor = open_listening_socket(address);
    ASSERT_TRUE(successor);
    old->reset();
    EXPECT_TRUE(os::file_exists(address.path()));
}

TEST_F(StreamTest, ListenersShareAPortOnlyWhenAsked) {
    auto first = Listener::open(*loop_, Address::loopback(0), {.reuse_port = true});
    ASSERT_TRUE(first);
    EXPECT_TRUE(Listener::open(*loop_, (*first)->address(), {.reuse_port = true}));
    EXPECT_EQ(Listener::open(*loop_, (*first)->address()).error().code(), ErrorCode::kConflict);
}

TEST_F(StreamTest, DescriptorsTravelWithTheirBytes) {
    auto [a, b] = pair();
    ASSERT_TRUE(os::write_file_atomically(directory_.file("f"), "inside"));
    const os::Fd file(::open(directory_.file("f").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(block_on(*loop_, send_parcel(*a, "take", {file.get(), file.get()}, soon())));
    auto parcel = block_on(*loop_, receive_parcel(*b, 100, soon()));
    ASSERT_TRUE(parcel);
    EXPECT_EQ(parcel->bytes, "take");
    ASSERT_EQ(parcel->descriptors.size(), 2u);
    char text[16];
    EXPECT_EQ(read(parcel->descriptors[1].get(), text, sizeof text), 6);
    EXPECT_NE(fcntl(parcel->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);

    const auto late =
        block_on(*loop_, receive_parcel(*b, 100, Deadline::in(*loop_, milliseconds(5))));
    EXPECT_EQ(late.error().code(), ErrorCode::kTimeout);
    a->close();
    EXPECT_EQ(block_on(*loop_, receive_parcel(*b, 100, soon())).error().code(),
              ErrorCode::kUnavailable);
}

TEST_F(StreamTest, PortsAreProbed) {
    auto listener = Listener::open(*loop_, Address::loopback(0));
    const uint16_t port = (*listener)->address().port();
    EXPECT_FALSE(is_tcp_port_free(port).value());
    EXPECT_TRUE(is_tcp_port_open(port));
    EXPECT_EQ(find_free_tcp_port(port, port, port).error().code(), ErrorCode::kExhausted);
    listener->reset();
    EXPECT_TRUE(is_tcp_port_free(port).value());
    EXPECT_FALSE(is_tcp_port_open(port));
    EXPECT_EQ(find_free_tcp_port(port, port, 1).value(), port);
    EXPECT_EQ(find_free_tcp_port(9, 8, 1).error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace shore::net
