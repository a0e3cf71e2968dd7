#include "net/dial.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "async/ready_by.h"
#include "async/timer.h"
#include "net/limits.h"

namespace shore::net {

namespace {

/// Connects `socket`; on success it is still the caller's and unwatched.
async::Task<Result<void>> finish_connecting(async::Loop& loop, int socket, std::string what,
                                            async::Deadline deadline) {
    async::Watch watch(loop);
    SHORE_CO_CHECK(watch.start(socket));
    watch.write_full();
    if (!co_await async::ReadyBy(watch, async::Direction::kWrite, deadline)) {
        co_return fail(ErrorCode::kTimeout, "{}: no answer in the time allowed", what);
    }
    int failed = 0;
    socklen_t length = sizeof failed;
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &failed, &length) < 0) {
        co_return fail(os::last_error(what));
    }
    if (failed != 0) {
        co_return fail(Error::from_errno(failed, what));
    }
    co_return Result<void>();
}

}  // namespace

async::Task<Result<std::unique_ptr<Stream>>> dial(async::Loop& loop, Address address,
                                                  async::Deadline deadline) {
    const std::string what = "connect to " + address.to_text();
    const int domain = address.is_unix()                            ? AF_UNIX
                       : address.family() == Address::Family::kIpv6 ? AF_INET6
                                                                    : AF_INET;
    os::Fd socket(::socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) {
        co_return fail(os::last_error(what));
    }
    if (!address.is_unix()) {
        const int on = 1;
        setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    sockaddr_storage raw;
    const socklen_t length = address.to_socket(raw);
    while (connect(socket.get(), reinterpret_cast<sockaddr*>(&raw), length) < 0) {
        if (errno == EINPROGRESS || errno == EINTR) {
            SHORE_CO_CHECK(co_await finish_connecting(loop, socket.get(), what, deadline));
            break;
        }
        if (errno != EAGAIN || !address.is_unix()) {
            co_return fail(os::last_error(what));
        }
        if (deadline.at <= loop.now()) {
            co_return fail(ErrorCode::kTimeout, "{}: its queue stayed full", what);
        }
        co_await async::sleep_for(loop, kDialRetry);
    }
    co_return Stream::open(loop, std::move(socket));
}

}  // namespace shore::net
