#include "wire/http1_body.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "wire/ascii.h"

namespace shore::wire {

/// Where the filter reads and writes in the caller's bytes. `out` never passes `in`.
struct ChunkedFilter::Cursor {
    char* data;
    size_t size;
    size_t in = 0;
    size_t out = 0;

    size_t left() const { return size - in; }

    /// Takes `count` bytes from the input and writes them to the output.
    void keep(size_t count) {
        if (out != in) {
            std::memmove(data + out, data + in, count);
        }
        in += count;
        out += count;
    }
    void write(std::string_view text) {
        std::memcpy(data + out, text.data(), text.size());
        out += text.size();
    }
    /// The next line without its CRLF, or nothing (data() == nullptr) when it is not complete.
    std::string_view line() const {
        const void* found = std::memchr(data + in, '\n', left());
        if (found == nullptr) {
            return {};
        }
        return {data + in, static_cast<size_t>(static_cast<const char*>(found) - (data + in))};
    }
};

namespace {

/// RFC 9112 section 7.1.1, loosely: text without control bytes that begins with ';'. It is dropped
/// anyway.
bool is_extension(std::string_view text) {
    text = trim_ows(text);
    return text.empty() || (text.front() == ';' && all(kFieldValue, text));
}

}  // namespace

void ChunkedFilter::start(ChunkedOutput output) {
    *this = ChunkedFilter();
    state_ = State::kSize;
    output_ = output;
}

bool ChunkedFilter::refuse(Fault fault) {
    fault_ = fault;
    return false;
}

ChunkedFilter::Step ChunkedFilter::run(char* data, size_t size) {
    Cursor cursor{.data = data, .size = size};
    bool progress = true;
    while (progress && state_ != State::kDone) {
        switch (state_) {
            case State::kSize:
                progress = run_size(cursor);
                break;
            case State::kPayload:
                progress = run_payload(cursor);
                break;
            case State::kPayloadEnd:
                progress = run_payload_end(cursor);
                break;
            case State::kTrailer:
                progress = run_trailer(cursor);
                break;
            case State::kDone:
                break;
        }
    }
    const ParseStatus status = fault_ != Fault::kNone   ? ParseStatus::kBad
                               : state_ == State::kDone ? ParseStatus::kDone
                                                        : ParseStatus::kMore;
    return {.status = status, .consumed = cursor.in, .produced = cursor.out};
}

bool ChunkedFilter::run_size(Cursor& cursor) {
    const std::string_view line = cursor.line();
    if (line.data() == nullptr) {
        return cursor.left() <= kChunkLineBytesMax ? false : refuse(Fault::kBadChunkExtension);
    }
    if (line.empty() || line.back() != '\r') {
        return refuse(Fault::kBareLineFeed);
    }
    if (line.size() > kChunkLineBytesMax) {
        return refuse(Fault::kBadChunkExtension);
    }
    const std::string_view text = line.substr(0, line.size() - 1);
    size_t digits = 0;
    while (digits < text.size() && is(kHexDigit, text[digits])) {
        ++digits;
    }
    const std::string_view extension = text.substr(digits);
    // 15 digits stay below 2^60: no sum of payload sizes can overflow.
    if (digits == 0 || digits > 15) {
        return refuse(Fault::kBadChunkSize);
    }
    extension_bytes_ += static_cast<uint32_t>(extension.size());
    if (!is_extension(extension)) {
        return refuse(extension.front() == ' ' || extension.front() == ';'
                          ? Fault::kBadChunkExtension
                          : Fault::kBadChunkSize);
    }
    if (extension_bytes_ > kChunkExtensionBytesMax) {
        return refuse(Fault::kBadChunkExtension);
    }
    remaining_ = 0;
    size_t zeros = 0;
    for (size_t i = 0; i < digits; ++i) {
        zeros += remaining_ == 0 && text[i] == '0' && i + 1 < digits ? 1 : 0;
        remaining_ = remaining_ << 4 | hex_value(text[i]);
    }
    if (output_ == ChunkedOutput::kPayload) {
        cursor.in += line.size() + 1;
    } else if (extension.empty() && zeros == 0) {
        cursor.keep(line.size() + 1);
    } else {
        cursor.in += zeros;
        cursor.keep(digits - zeros);
        cursor.in += extension.size() + 2;
        cursor.write("\r\n");
    }
    state_ = remaining_ == 0 ? State::kTrailer : State::kPayload;
    return true;
}

bool ChunkedFilter::run_payload(Cursor& cursor) {
    const size_t count = std::min<uint64_t>(remaining_, cursor.left());
    cursor.keep(count);
    remaining_ -= count;
    payload_ += count;
    if (remaining_ > 0) {
        return false;
    }
    state_ = State::kPayloadEnd;
    return true;
}

bool ChunkedFilter::run_payload_end(Cursor& cursor) {
    if (cursor.left() == 0) {
        return false;
    }
    if (cursor.data[cursor.in] != '\r' ||
        (cursor.left() > 1 && cursor.data[cursor.in + 1] != '\n')) {
        return refuse(Fault::kBadChunkEnd);
    }
    if (cursor.left() < 2) {
        return false;
    }
    if (output_ == ChunkedOutput::kFramed) {
        cursor.keep(2);
    } else {
        cursor.in += 2;
    }
    state_ = State::kSize;
    return true;
}

bool ChunkedFilter::run_trailer(Cursor& cursor) {
    const std::string_view line = cursor.line();
    if (line.data() == nullptr) {
        const bool small = trailer_bytes_ + cursor.left() <= kTrailerBytesMax;
        return small ? false : refuse(Fault::kTrailerTooLarge);
    }
    if (line.empty() || line.back() != '\r') {
        return refuse(Fault::kBareLineFeed);
    }
    trailer_bytes_ += static_cast<uint32_t>(std::min<size_t>(line.size() + 1, kTrailerBytesMax));
    if (line.size() == 1) {
        state_ = State::kDone;
    } else if (trailer_bytes_ >= kTrailerBytesMax || ++trailer_fields_ > kTrailerFieldsMax) {
        return refuse(Fault::kTrailerTooLarge);
    } else {
        const size_t colon = line.find(':');
        if (colon == 0 || colon == std::string_view::npos || !all(kToken, line.substr(0, colon)) ||
            !all(kFieldValue, line.substr(colon + 1, line.size() - colon - 2))) {
            return refuse(Fault::kBadTrailer);
        }
        if (is_forbidden_in_trailer(field_id(line.substr(0, colon)))) {
            cursor.in += line.size() + 1;
            return true;
        }
    }
    if (output_ == ChunkedOutput::kFramed) {
        cursor.keep(line.size() + 1);
    } else {
        cursor.in += line.size() + 1;
    }
    return true;
}

size_t write_chunk_head(char* payload, uint64_t size) {
    SHORE_ASSERT(size != 0);
    static constexpr char kDigits[] = "0123456789abcdef";
    char* at = payload;
    *--at = '\n';
    *--at = '\r';
    for (; size != 0; size >>= 4) {
        *--at = kDigits[size & 15];
    }
    return static_cast<size_t>(payload - at);
}

}  // namespace shore::wire
