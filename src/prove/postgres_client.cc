#include "prove/postgres_client.h"

#include <array>

#include "net/dial.h"

namespace shore::prove {

using async::Deadline;
using async::Task;

namespace {

constexpr uint32_t kProtocol = 3U << 16;
// What a proof asks has short answers.
constexpr uint32_t kMessageMax = 1U << 20;
constexpr size_t kReadSize = 8192;

constexpr uint32_t kAuthOk = 0;
constexpr uint32_t kAuthSasl = 10;
constexpr uint32_t kAuthSaslContinue = 11;
constexpr uint32_t kAuthSaslFinal = 12;

std::string number(uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
            static_cast<char>(value >> 8), static_cast<char>(value)};
}

uint32_t number_at(std::string_view text, size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4 && at + i < text.size(); ++i) {
        value = value << 8 | static_cast<unsigned char>(text[at + i]);
    }
    return value;
}

// Fields of an ErrorResponse: a letter and a text each.
std::string words_of(std::string_view body) {
    size_t at = 0;
    while (at < body.size() && body[at] != '\0') {
        const size_t end = body.find('\0', at);
        if (body[at] == 'M') {
            return std::string(body.substr(at + 1, end - at - 1));
        }
        at = end == std::string_view::npos ? body.size() : end + 1;
    }
    return "an error without words";
}

// Fresh enough for a conversation on this machine's loopback.
std::string nonce_from(const void* address, SteadyTime now) {
    return fmt::format("{:x}{:x}", reinterpret_cast<uintptr_t>(address),
                       now.time_since_epoch().count());
}

}  // namespace

Task<Result<void>> PostgresClient::send(char kind, std::string body, Deadline deadline) {
    std::string message;
    if (kind != 0) {
        message += kind;
    }
    message += number(static_cast<uint32_t>(body.size() + 4));
    message += body;
    co_return co_await stream_->write_all(message, deadline);
}

Task<Result<PostgresClient::Message>> PostgresClient::receive(Deadline deadline) {
    constexpr size_t kHead = 5;
    while (true) {
        if (received_.size() >= kHead) {
            const uint32_t length = number_at(received_, 1);
            if (length < 4 || length > kMessageMax) {
                co_return fail(ErrorCode::kCorrupt, "a message of {} bytes", length);
            }
            if (received_.size() >= 1 + length) {
                Message message{.kind = received_[0], .body = received_.substr(kHead, length - 4)};
                received_.erase(0, 1 + length);
                co_return message;
            }
        }
        std::array<char, kReadSize> buffer;
        SHORE_CO_TRY(const size_t count, co_await stream_->read_some(buffer, deadline));
        if (count == 0) {
            co_return fail(ErrorCode::kUnavailable, "the server closed the connection");
        }
        received_.append(buffer.data(), count);
    }
}

Task<Result<std::unique_ptr<PostgresClient>>> PostgresClient::connect(async::Loop& loop,
                                                                      PostgresLogin login,
                                                                      Deadline deadline) {
    SHORE_CO_TRY(auto stream, co_await net::dial(loop, login.address, deadline));
    std::unique_ptr<PostgresClient> client(new PostgresClient(std::move(stream)));
    SHORE_CO_CHECK(co_await client->log_in(std::move(login), deadline));
    co_return client;
}

Task<Result<void>> PostgresClient::log_in(PostgresLogin login, Deadline deadline) {
    std::string startup = number(kProtocol);
    for (const std::string_view word :
         {std::string_view("user"), std::string_view(login.role), std::string_view("database"),
          std::string_view(login.database), std::string_view()}) {
        startup += word;
        startup += '\0';
    }
    SHORE_CO_CHECK(co_await send(0, std::move(startup), deadline));
    wire::ScramClient scram(*login.secret, nonce_from(this, stream_->loop().now()));
    while (true) {
        SHORE_CO_TRY(const Message message, co_await receive(deadline));
        if (message.kind == 'E') {
            co_return fail(ErrorCode::kPermission, "{}", words_of(message.body));
        }
        if (message.kind == 'Z') {
            co_return Result<void>();
        }
        if (message.kind != 'R') {
            continue;
        }
        const uint32_t wanted = number_at(message.body, 0);
        const std::string_view rest = std::string_view(message.body).substr(4);
        if (wanted == kAuthSasl) {
            const std::string first = scram.first();
            std::string body("SCRAM-SHA-256");
            body += '\0';
            body += number(static_cast<uint32_t>(first.size())) + first;
            SHORE_CO_CHECK(co_await send('p', std::move(body), deadline));
        } else if (wanted == kAuthSaslContinue) {
            SHORE_CO_TRY(std::string answer, scram.answer(rest));
            SHORE_CO_CHECK(co_await send('p', std::move(answer), deadline));
        } else if (wanted == kAuthSaslFinal) {
            SHORE_CO_CHECK(scram.verify(rest));
        } else if (wanted != kAuthOk) {
            co_return fail(ErrorCode::kUnsupported, "the server asks for authentication {}",
                           wanted);
        }
    }
}

Task<Result<std::vector<std::string>>> PostgresClient::query(std::string sql, Deadline deadline) {
    sql += '\0';
    SHORE_CO_CHECK(co_await send('Q', std::move(sql), deadline));
    std::vector<std::string> values;
    std::string words;
    while (true) {
        auto message = co_await receive(deadline);
        if (!message) {
            // A server that ends says why first.
            co_return fail(words.empty() ? std::move(message).error()
                                         : Error(ErrorCode::kUnavailable, std::move(words)));
        }
        if (message->kind == 'E') {
            words = words_of(message->body);
        } else if (message->kind == 'D' && message->body.size() >= 6) {
            const uint32_t length = number_at(message->body, 2);
            values.push_back(length == UINT32_MAX ? std::string()
                                                  : message->body.substr(6, length));
        } else if (message->kind == 'Z') {
            break;
        }
    }
    if (!words.empty()) {
        co_return fail(ErrorCode::kConflict, "{}", words);
    }
    co_return values;
}

}  // namespace shore::prove
