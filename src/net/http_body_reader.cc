#include "net/http_body_reader.h"

#include "net/limits.h"

namespace shore::net {

async::Task<Result<size_t>> read_more(Stream& stream, std::string& buffer,
                                      async::Deadline deadline) {
    const size_t used = buffer.size();
    buffer.resize(used + kHttpReadBytes);
    const auto got = co_await stream.read_some(std::span(buffer).subspan(used), deadline);
    buffer.resize(used + got.value_or(0));
    co_return got;
}

HttpBodyReader::HttpBodyReader(Stream& stream, std::string& buffer, const wire::Head& head)
    : stream_(stream),
      buffer_(buffer),
      framing_(head.framing),
      remaining_(head.framing == wire::Framing::kLength ? head.content_length : 0) {
    chunks_.start(wire::ChunkedOutput::kPayload);
    ended_ =
        framing_ == wire::Framing::kNone || (framing_ == wire::Framing::kLength && remaining_ == 0);
}

Result<std::string> HttpBodyReader::decode_chunks() {
    const auto step = chunks_.run(buffer_.data(), buffer_.size());
    if (step.status == wire::ParseStatus::kBad) {
        return fail(ErrorCode::kCorrupt, "broken chunked body: {}",
                    wire::to_string(chunks_.fault()));
    }
    ended_ = step.status == wire::ParseStatus::kDone;
    std::string bytes = buffer_.substr(0, step.produced);
    buffer_.erase(0, step.consumed);
    return bytes;
}

async::Task<Result<std::string>> HttpBodyReader::next(async::Deadline deadline) {
    while (!ended_) {
        std::string bytes;
        if (framing_ == wire::Framing::kChunked) {
            SHORE_CO_TRY(bytes, decode_chunks());
        } else if (framing_ == wire::Framing::kLength) {
            const size_t part = std::min<uint64_t>(remaining_, buffer_.size());
            bytes = buffer_.substr(0, part);
            buffer_.erase(0, part);
            remaining_ -= part;
            ended_ = remaining_ == 0;
        } else {
            bytes.swap(buffer_);
        }
        if (!bytes.empty() || ended_) {
            co_return bytes;
        }
        SHORE_CO_TRY(const size_t got, co_await read_more(stream_, buffer_, deadline));
        if (got == 0 && framing_ == wire::Framing::kUntilClose) {
            ended_ = true;
        } else if (got == 0) {
            co_return fail(ErrorCode::kCorrupt, "the connection ended in the middle of a body");
        }
    }
    co_return std::string();
}

}  // namespace shore::net
