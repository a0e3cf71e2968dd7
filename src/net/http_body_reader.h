// HttpBodyReader: the body behind a parsed head, whatever its framing (RFC 9112 section 6), as it
// arrives. For this room's client and server.
#pragma once

#include <cstdint>
#include <string>

#include "async/deadline.h"
#include "async/task.h"
#include "net/stream.h"
#include "wire/http1_body.h"
#include "wire/http1_head.h"

namespace shore::net {

/// Reads up to kHttpReadBytes more and appends them to `buffer`; 0 at the end of the connection.
async::Task<Result<size_t>> read_more(Stream& stream, std::string& buffer,
                                      async::Deadline deadline);

class HttpBodyReader final {
 public:
    /// `buffer` holds what was read behind the head; both outlive the reader. What it holds at the
    /// end of the body belongs to the next message.
    HttpBodyReader(Stream& stream, std::string& buffer, const wire::Head& head);

    /// Some bytes of the body; empty at its end. kCorrupt for broken framing and for an early end.
    async::Task<Result<std::string>> next(async::Deadline deadline);
    bool ended() const { return ended_; }

 private:
    Result<std::string> decode_chunks();

    Stream& stream_;
    std::string& buffer_;
    wire::Framing framing_;
    uint64_t remaining_;
    wire::ChunkedFilter chunks_;
    bool ended_ = false;
};

}  // namespace shore::net
