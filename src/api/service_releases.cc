// Calls about releases: list, show, diff, roll back.
#include "api/encode.h"
#include "api/limits.h"
#include "api/page.h"
#include "api/service.h"
#include "config/load.h"

namespace shore::api {

async::Task<Answered> Service::list_releases(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    SHORE_CO_TRY(const Page page, read_page(call.arguments));
    // The cursor is the number above which everything has been shown; numbers fall by one, so the
    // page can be cut here.
    SHORE_CO_TRY(const auto releases, co_await ports_.stacks.releases(stack.name, UINT32_MAX));
    wire::Json items = wire::Json::array();
    uint64_t last = 0;
    bool more = false;
    for (const model::Release& release : releases) {
        if (page.cursor != 0 && release.number >= page.cursor) {
            continue;
        }
        if (items.items().size() == page.limit) {
            more = true;
            break;
        }
        items.push(to_json(release));
        last = release.number;
    }
    wire::Json body = wire::Json::object().set("releases", std::move(items));
    if (more) {
        body.set("next_cursor", std::to_string(last));
    }
    co_return Reply::of(body);
}

async::Task<Answered> Service::show_release(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    SHORE_CO_TRY(const model::Release release,
                 co_await ports_.stacks.release(stack.name, *call.arguments.integer("release")));
    SHORE_CO_TRY(std::string manifest, config::without_secrets(release.manifest));
    co_return Reply::of(to_json(release).set("manifest", std::move(manifest)));
}

async::Task<Answered> Service::diff(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    uint64_t to = call.arguments.integer("to").value_or(0);
    if (to == 0) {
        SHORE_CO_TRY(const auto newest, co_await ports_.stacks.releases(stack.name, 1));
        to = newest.empty() ? 0 : newest.front().number;
    }
    const uint64_t from = call.arguments.integer("from").value_or(to == 0 ? 0 : to - 1);
    if (from == 0) {
        co_return std::unexpected(Problem(Error(
            ErrorCode::kNotFound,
            fmt::format("release {} of {} is the first one; name two releases", to, stack.name))));
    }
    SHORE_CO_TRY(const auto found, co_await ports_.stacks.diff(stack.name, from, to));
    wire::Json changes = wire::Json::array();
    for (const config::Change& change : found) {
        changes.push(to_json(change));
    }
    co_return Reply::of(wire::Json::object()
                            .set("stack", stack.name)
                            .set("from", from)
                            .set("to", to)
                            .set("changes", std::move(changes)));
}

async::Task<Answered> Service::rollback(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    std::optional<uint64_t> release;
    if (const wire::Json* wanted = call.body.find("release")) {
        release = static_cast<uint64_t>(wanted->integer());
    }
    SHORE_CO_TRY(const Accepted accepted, co_await ports_.stacks.rollback(stack.name, release));
    co_return accepted_reply(accepted);
}

}  // namespace shore::api
