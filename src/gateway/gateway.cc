#include "gateway/gateway.h"

#include <array>
#include <csignal>
#include <cstdio>

#include "async/block_on.h"
#include "async/event.h"
#include "async/scope.h"
#include "async/signal_watch.h"
#include "base/clock.h"
#include "gateway/control.h"
#include "gateway/hand_over.h"
#include "gateway/limits.h"
#include "gateway/predecessors.h"
#include "gateway/service.h"
#include "observe/log.h"
#include "os/file.h"
#include "os/signal.h"

namespace shore::gateway {

using async::Task;

namespace {

/// The newest snapshot on disk; an empty one when there is none yet.
Result<model::Snapshot> read_snapshot(const std::string& path) {
    auto text = os::read_file(path, Bytes{kControlLineMax});
    if (!text && text.error().code() == ErrorCode::kNotFound) {
        return model::Snapshot{};
    }
    if (!text) {
        return fail(std::move(text).error());
    }
    auto snapshot = model::parse_snapshot(*text);
    if (!snapshot) {
        return fail(std::move(snapshot).error().with(path));
    }
    return std::move(*snapshot);
}

Task<void> end_by_signal(async::SignalWatch& signals, observe::Log log, async::Event& ended) {
    const os::ReceivedSignal received = co_await signals.next();
    log.info("gateway stops", {{"signal", os::signal_name(received.number)}});
    ended.set();
}

Task<void> end_by_successor(Control& control, Service& service, observe::Log log,
                            async::Event& ended) {
    co_await control.taken_over();
    log.info("another gateway has taken over; ending what is open", {});
    co_await service.retire();
    log.info("gateway leaves", {});
    ended.set();
}

Task<Result<void>> serve(async::Loop& loop, const base::Clock& clock, const Options& options,
                         os::SignalSet signal_set, observe::Log log) {
    async::SignalWatch signals(loop, std::move(signal_set));
    SHORE_CO_CHECK(signals.start());
    SHORE_CO_TRY(model::Snapshot snapshot, read_snapshot(options.snapshot_path));
    SHORE_CO_TRY(auto service,
                 Service::start(loop, clock, snapshot.threads, options.log_directory));
    service->keep_answers_in(options.cache_directory, [log](std::string what) {
        log.error("answers are kept in memory only", {{"error", what}});
    });
    service->names().report_to([log](const std::string& name, const std::string& why) {
        if (why.empty()) {
            log.info("an upstream's name can be looked up again", {{"upstream", name}});
        } else {
            log.warning("an upstream's name cannot be looked up",
                        {{"upstream", name}, {"error", why}});
        }
    });
    HandOver inheritance;
    if (options.take_over) {
        SHORE_CO_TRY(inheritance, co_await HandOver::ask(loop, options.socket_path));
        service->inherit(inheritance.take_sockets());
        service->ticket_keys().restore(inheritance.ticket_keys(), loop.now());
    }
    Predecessors predecessors(loop, options.socket_path);
    // Before the listeners: a second gateway must not take the first one's port.
    SHORE_CO_TRY(auto control, Control::open(loop, *service, predecessors, options.socket_path));
    for (const ListenError& error : co_await service->apply(std::move(snapshot))) {
        log.error("cannot listen", {{"listen", to_text(error.listen)}, {"error", error.reason}});
    }
    co_await predecessors.find();
    SHORE_CO_CHECK(co_await inheritance.confirm());
    log.info("gateway serves",
             {{"version", service->version()}, {"predecessors", predecessors.count()}});
    async::Event ended(loop);
    async::Scope ends(loop);
    ends.spawn(end_by_signal(signals, log, ended));
    ends.spawn(end_by_successor(*control, *service, log, ended));
    co_await ended.wait();
    ends.stop();
    co_await service->stop();
    co_return Result<void>();
}

}  // namespace

int run_gateway(const Options& options) {
    os::ignore_broken_pipe();
    const base::SystemClock clock;
    observe::FdLogSink sink(2);
    const observe::Log log = observe::Log(sink, clock).with({{"component", "gateway"}});
    auto signals = os::SignalSet::open(std::array{SIGTERM, SIGINT});
    auto loop = async::Loop::open(clock);
    if (!signals || !loop) {
        log.error("cannot start", signals ? loop.error() : signals.error());
        return 1;
    }
    const auto served =
        async::block_on(**loop, serve(**loop, clock, options, std::move(*signals), log));
    if (!served) {
        log.error("cannot start", served.error());
        return 1;
    }
    return 0;
}

}  // namespace shore::gateway
