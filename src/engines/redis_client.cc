#include "engines/redis_client.h"

#include <array>
#include <charconv>

#include "engines/limits.h"
#include "net/dial.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using wire::RespStatus;
using wire::RespValue;

Task<Result<std::unique_ptr<RedisClient>>> RedisClient::connect(async::Loop& loop,
                                                                net::Address address,
                                                                RedisLogin login,
                                                                Deadline deadline) {
    SHORE_CO_TRY(auto stream, co_await net::dial(loop, address, deadline));
    std::unique_ptr<RedisClient> client(new RedisClient(std::move(stream)));
    if (login.user.empty()) {
        co_return client;
    }
    auto answer = co_await client->ask({"AUTH", login.user, login.password}, deadline);
    if (!answer) {
        const bool refused = answer.error().code() == ErrorCode::kConflict &&
                             !answer.error().message().starts_with("LOADING");
        if (refused) {
            co_return fail(ErrorCode::kPermission, "{} does not let {} in: {}", address.to_text(),
                           login.user, answer.error().message());
        }
        co_return fail(std::move(answer).error().with(address.to_text()));
    }
    co_return client;
}

Task<Result<RespValue>> RedisClient::next(Deadline deadline) {
    while (true) {
        if (scanned_ < buffer_.size()) {
            const wire::RespStep step =
                scanner_.feed(buffer_.data() + scanned_, buffer_.size() - scanned_);
            scanned_ += step.used;
            if (step.status == RespStatus::kBad) {
                co_return fail(ErrorCode::kCorrupt, "what the server answers is no RESP");
            }
            if (step.status == RespStatus::kDone) {
                auto value = wire::parse_reply(std::string_view(buffer_).substr(0, scanned_));
                buffer_.erase(0, scanned_);
                scanned_ = 0;
                co_return value;
            }
        }
        if (buffer_.size() > kRedisAnswerBytesMax) {
            co_return fail(ErrorCode::kExhausted, "the server's answer is too large");
        }
        std::array<char, 16UL * 1024> piece;
        SHORE_CO_TRY(const size_t got, co_await stream_->read_some(piece, deadline));
        if (got == 0) {
            co_return fail(ErrorCode::kUnavailable, "the server has closed the connection");
        }
        buffer_.append(piece.data(), got);
    }
}

Task<Result<RespValue>> RedisClient::ask(std::vector<std::string> command, Deadline deadline) {
    std::string text;
    wire::append_command(text, {command.begin(), command.end()});
    SHORE_CO_CHECK(co_await stream_->write_all(text, deadline));
    while (true) {
        SHORE_CO_TRY(RespValue value, co_await next(deadline));
        if (value.kind == RespValue::Kind::kPush) {
            continue;
        }
        if (value.is_error()) {
            co_return fail(ErrorCode::kConflict, "{}", value.text);
        }
        co_return value;
    }
}

std::string_view info_field(std::string_view info, std::string_view field) {
    for (size_t at = 0; at < info.size();) {
        const size_t end = std::min(info.find("\r\n", at), info.size());
        const std::string_view line = info.substr(at, end - at);
        if (line.size() > field.size() && line.starts_with(field) && line[field.size()] == ':') {
            return line.substr(field.size() + 1);
        }
        at = end + 2;
    }
    return {};
}

int64_t info_number(std::string_view info, std::string_view field) {
    const std::string_view text = info_field(info, field);
    int64_t value = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace shore::engines
