#include "engines/pgbouncer_gate.h"

#include <vector>

#include <unistd.h>

#include "async/timer.h"
#include "engines/limits.h"
#include "engines/pgbouncer_config.h"
#include "net/dial.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::engines {

using async::Deadline;
using async::Task;

namespace {

constexpr std::chrono::milliseconds kDialAgain{20};
constexpr std::chrono::seconds kDialLimit{5};

// Until `from` has ended; an error of either side ends it too, and the other direction with it.
Task<void> copy(net::Stream& from, net::Stream& to) {
    std::vector<char> buffer(kGateBufferBytes);
    while (true) {
        const auto count = co_await from.read_some(buffer, Deadline::never());
        if (!count || *count == 0) {
            break;
        }
        if (!co_await to.write_all({buffer.data(), *count}, Deadline::never())) {
            break;
        }
    }
    (void)to.shutdown_write();
}

}  // namespace

PgBouncerGate::PgBouncerGate(async::Loop& loop, std::string directory)
    : loop_(loop),
      directory_(std::move(directory)),
      opened_(loop),
      serving_(loop),
      accepting_(loop),
      accepting_dead_(std::make_unique<async::Scope>(loop)) {
}

Result<void> PgBouncerGate::start() {
    SHORE_CHECK(os::make_directories(directory_, 0700));
    // PgBouncer would cut off a path that is too long.
    SHORE_CHECK(net::Address::unix_path(link_path()));
    SHORE_TRY(const net::Address address, net::Address::unix_path(directory_ + "/wait"));
    SHORE_TRY(waiting_, net::Listener::open(loop_, address));
    accepting_.spawn(accept_all(*waiting_));
    return shut();
}

std::string PgBouncerGate::link_path() const {
    return fmt::format("{}/.s.PGSQL.{}", directory_, kLinkedPort);
}

// In one step: a connection goes to the old or to the new place.
Result<void> PgBouncerGate::lead_to(const std::string& target) {
    const std::string link = link_path();
    const std::string fresh = directory_ + "/link.new";
    SHORE_CHECK(os::remove_file(fresh));
    if (::symlink(target.c_str(), fresh.c_str()) < 0) {
        return fail(os::last_error("make the link " + fresh));
    }
    if (::rename(fresh.c_str(), link.c_str()) < 0) {
        return fail(os::last_error("make the link " + link));
    }
    return {};
}

Result<void> PgBouncerGate::open(const std::string& path) {
    SHORE_CHECK(lead_to(path));
    path_ = path;
    opened_.set();
    return {};
}

Result<void> PgBouncerGate::shut() {
    opened_.reset();
    return lead_to("wait");
}

void PgBouncerGate::keep(os::Fd socket) {
    kept_ = std::move(socket);
    is_tight_ = true;
}

Result<void> PgBouncerGate::serve_kept() {
    if (!kept_) {
        return {};
    }
    accepting_dead_ = std::make_unique<async::Scope>(loop_);
    SHORE_TRY(dead_, net::Listener::adopt(loop_, std::move(kept_)));
    accepting_dead_->spawn(accept_all(*dead_));
    return {};
}

Task<void> PgBouncerGate::accept_all(net::Listener& listener) {
    while (auto accepted = co_await listener.accept()) {
        // Beyond that the pool is told at once that it cannot log in.
        if (serving_.size() < kGateConnectionsMax) {
            serving_.spawn(pass_on(std::move(accepted->socket)));
        }
    }
}

Task<void> PgBouncerGate::pass_on(os::Fd socket) {
    auto client = net::Stream::open(loop_, std::move(socket));
    if (!client) {
        co_return;
    }
    while (true) {
        co_await opened_.wait();
        const auto address = net::Address::unix_path(path_);
        if (!address) {
            co_return;
        }
        auto server = co_await net::dial(loop_, *address, Deadline::in(loop_, kDialLimit));
        if (!server) {
            // It has died again; nothing of the client's was read yet.
            co_await async::sleep_for(loop_, kDialAgain);
            continue;
        }
        async::Scope both(loop_);
        both.spawn(copy(**client, **server));
        both.spawn(copy(**server, **client));
        co_await both.join();
        co_return;
    }
}

}  // namespace shore::engines
