#include "prove/store_load.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "async/deadline.h"
#include "async/timer.h"
#include "net/dial.h"

namespace shore::prove {

using async::Deadline;
using async::Task;
using wire::RespValue;

namespace {

constexpr std::chrono::seconds kAnswerWithin{30};
constexpr size_t kErrorsKept = 5;
/// Elements read back at a time.
constexpr size_t kPage = 10'000;

}  // namespace

Result<StoreUrl> parse_store_url(std::string_view url) {
    constexpr std::string_view kScheme = "redis://";
    const size_t at = url.find('@');
    const size_t colon = url.find(':', kScheme.size());
    const size_t port = url.rfind(':');
    StoreUrl result;
    if (url.starts_with(kScheme) && at != std::string_view::npos && colon < at && port > at) {
        result.user = url.substr(kScheme.size(), colon - kScheme.size());
        result.password = url.substr(colon + 1, at - colon - 1);
        (void)std::from_chars(url.data() + port + 1, url.data() + url.size(), result.port);
    }
    if (result.port == 0) {
        return fail(ErrorCode::kInvalid, "no address of a store");
    }
    return result;
}

Task<Result<std::unique_ptr<StoreClient>>> StoreClient::connect(async::Loop& loop, StoreUrl url) {
    const Deadline deadline = Deadline::in(loop, kAnswerWithin);
    SHORE_CO_TRY(auto stream, co_await net::dial(loop, net::Address::loopback(url.port), deadline));
    std::unique_ptr<StoreClient> client(new StoreClient(loop, std::move(stream)));
    SHORE_CO_TRY(const RespValue answer, co_await client->ask({"AUTH", url.user, url.password}));
    if (answer.is_error()) {
        co_return fail(ErrorCode::kPermission, "{}", answer.text);
    }
    co_return client;
}

Task<Result<RespValue>> StoreClient::ask(std::vector<std::string> command) {
    const Deadline deadline = Deadline::in(loop_, kAnswerWithin);
    std::string text;
    wire::append_command(text, {command.begin(), command.end()});
    SHORE_CO_CHECK(co_await stream_->write_all(text, deadline));
    wire::ReplyScanner scanner;
    size_t scanned = 0;
    buffer_.clear();
    while (true) {
        std::array<char, 16UL * 1024> piece;
        SHORE_CO_TRY(const size_t got, co_await stream_->read_some(piece, deadline));
        if (got == 0) {
            co_return fail(ErrorCode::kUnavailable, "the store closed the connection");
        }
        buffer_.append(piece.data(), got);
        const wire::RespStep step =
            scanner.feed(buffer_.data() + scanned, buffer_.size() - scanned);
        scanned += step.used;
        if (step.status == wire::RespStatus::kBad) {
            co_return fail(ErrorCode::kCorrupt, "what the store answers is no RESP");
        }
        if (step.status == wire::RespStatus::kDone) {
            co_return wire::parse_reply(std::string_view(buffer_).substr(0, scanned));
        }
    }
}

StoreLoad::StoreLoad(async::Loop& loop, StoreUrl url)
    : loop_(loop), url_(std::move(url)), values_(kWriters), progress_(loop), scope_(loop) {
}

void StoreLoad::start() {
    for (uint32_t i = 0; i < kWriters; ++i) {
        scope_.spawn(write(i));
    }
}

void StoreLoad::note_error(std::string text) {
    if (errors_.size() < kErrorsKept) {
        errors_.push_back(std::move(text));
    }
}

Task<void> StoreLoad::write(uint32_t writer) {
    auto client = co_await StoreClient::connect(loop_, url_);
    if (!client) {
        note_error(client.error().text());
        co_return;
    }
    const std::string key = fmt::format("proof:{}", writer);
    for (uint64_t number = 1; !stopping_; ++number) {
        const auto answer = co_await (*client)->ask({"RPUSH", key, std::to_string(number)});
        if (!answer) {
            note_error(answer.error().text());  // Its connection should never end.
            co_return;
        }
        if (answer->is_error()) {
            const bool unknown = answer->text.starts_with("SHOREUNKNOWN");
            unknown_ += unknown ? 1 : 0;
            if (!unknown) {
                note_error(answer->text);
            }
            continue;
        }
        values_[writer].push_back(number);
        ++acknowledged_;
        if (last_ != SteadyTime{}) {
            worst_gap_ = std::max(worst_gap_, loop_.now() - last_);
        }
        last_ = loop_.now();
        progress_.pulse();
    }
}

void StoreLoad::begin_round() {
    worst_gap_ = {};
}

Task<bool> StoreLoad::more(uint64_t writes) {
    const uint64_t target = acknowledged_ + writes;
    const Deadline deadline = Deadline::in(loop_, kAnswerWithin);
    while (acknowledged_ < target) {
        if (!co_await async::pulsed(loop_, progress_, deadline)) {
            co_return false;
        }
    }
    co_return true;
}

Task<Result<uint64_t>> StoreLoad::count_lost() {
    stopping_ = true;
    co_await scope_.join();
    SHORE_CO_TRY(const auto client, co_await StoreClient::connect(loop_, url_));
    uint64_t lost = 0;
    for (uint32_t writer = 0; writer < kWriters; ++writer) {
        std::vector<uint64_t> stored;
        while (true) {
            const size_t from = stored.size();
            SHORE_CO_TRY(
                const RespValue page,
                co_await client->ask({"LRANGE", fmt::format("proof:{}", writer),
                                      std::to_string(from), std::to_string(from + kPage - 1)}));
            for (const RespValue& item : page.items) {
                stored.push_back(std::strtoull(item.text.c_str(), nullptr, 10));
            }
            if (page.items.size() < kPage) {
                break;
            }
        }
        std::ranges::sort(stored);
        std::vector<uint64_t> missing;
        std::ranges::set_difference(values_[writer], stored, std::back_inserter(missing));
        lost += missing.size();
    }
    co_return lost;
}

std::string StoreLoad::summary() const {
    return fmt::format("{} writes acknowledged by {} clients, {} with an unknown outcome",
                       acknowledged_, kWriters, unknown_);
}

}  // namespace shore::prove
