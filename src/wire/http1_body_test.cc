#include "wire/http1_body.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace shore::wire {
namespace {

struct Outcome {
    ParseStatus status = ParseStatus::kMore;
    Fault fault = Fault::kNone;
    std::string output;
    std::string rest;
    uint64_t payload = 0;
};

/// Feeds `bytes` as a connection would, in pieces of `piece` bytes, keeping what the filter leaves.
Outcome filter(std::string_view bytes, ChunkedOutput kind, size_t piece) {
    ChunkedFilter chunked;
    chunked.start(kind);
    Outcome outcome;
    std::string buffer;
    size_t given = 0;
    while (outcome.status == ParseStatus::kMore && given < bytes.size()) {
        const size_t count = std::min(piece, bytes.size() - given);
        buffer += bytes.substr(given, count);
        given += count;
        const ChunkedFilter::Step step = chunked.run(buffer.data(), buffer.size());
        EXPECT_LE(step.produced, step.consumed);
        outcome.output += buffer.substr(0, step.produced);
        buffer.erase(0, step.consumed);
        outcome.status = step.status;
        EXPECT_LE(buffer.size(), kTrailerBytesMax + piece);
    }
    outcome.rest = buffer + std::string(bytes.substr(given));
    outcome.fault = chunked.fault();
    outcome.payload = chunked.payload_bytes();
    return outcome;
}

TEST(ChunkedFilter, LeavesACanonicalBodyAsItIs) {
    constexpr std::string_view kBody =
        "5\r\nhello\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Sum: 1\r\n\r\n";
    const std::string bytes = std::string(kBody) + "GET / HTTP/1.1";
    for (size_t piece = 1; piece <= bytes.size(); ++piece) {
        const Outcome outcome = filter(bytes, ChunkedOutput::kFramed, piece);
        ASSERT_EQ(outcome.status, ParseStatus::kDone) << piece;
        EXPECT_EQ(outcome.output, kBody) << piece;
        EXPECT_EQ(outcome.rest, "GET / HTTP/1.1") << piece;
        EXPECT_EQ(outcome.payload, 31U);
    }
}

TEST(ChunkedFilter, DropsExtensionsLeadingZerosAndForbiddenTrailers) {
    constexpr std::string_view kBody =
        "0005;name=value\r\nhello\r\n3 ; a=\"b\"\r\nabc\r\n000;x\r\nContent-Length: 5\r\nX-Sum: "
        "1\r\nHost: b\r\n\r\n";
    for (size_t piece = 1; piece <= kBody.size(); ++piece) {
        const Outcome outcome = filter(kBody, ChunkedOutput::kFramed, piece);
        ASSERT_EQ(outcome.status, ParseStatus::kDone) << piece << to_string(outcome.fault);
        EXPECT_EQ(outcome.output, "5\r\nhello\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n") << piece;
    }
}

TEST(ChunkedFilter, GivesThePayloadAlone) {
    constexpr std::string_view kBody =
        "5;x\r\nhello\r\n1\r\n \r\n05\r\nworld\r\n0\r\nX: 1\r\n\r\nmore";
    for (size_t piece = 1; piece <= kBody.size(); ++piece) {
        const Outcome outcome = filter(kBody, ChunkedOutput::kPayload, piece);
        ASSERT_EQ(outcome.status, ParseStatus::kDone) << piece;
        EXPECT_EQ(outcome.output, "hello world") << piece;
        EXPECT_EQ(outcome.rest, "more") << piece;
    }
}

struct Refusal {
    const char* section;
    const char* what;
    std::string bytes;
    Fault fault;
};

TEST(ChunkedFilter, RefusesWhatTwoReadersCouldUnderstandDifferently) {
    std::string many_trailers = "0\r\n";
    for (uint32_t i = 0; i <= kTrailerFieldsMax; ++i) {
        many_trailers += "X: y\r\n";
    }
    std::string many_extensions;
    for (uint32_t i = 0; i < 50; ++i) {
        many_extensions += "1;" + std::string(100, 'x') + "\r\na\r\n";
    }
    const Refusal refusals[] = {
        {"7.1", "no size", "\r\nhello", Fault::kBadChunkSize},
        {"7.1", "size with sign", "+5\r\nhello", Fault::kBadChunkSize},
        {"7.1", "size with 0x", "0x5\r\nhello", Fault::kBadChunkSize},
        {"7.1", "size with leading space", " 5\r\nhello", Fault::kBadChunkSize},
        {"7.1", "size with underscore", "1_0\r\nhello", Fault::kBadChunkSize},
        {"7.1", "size beyond 60 bits", "1000000000000000\r\n", Fault::kBadChunkSize},
        {"7.1", "size that wraps 64 bits", "10000000000000005\r\nhello", Fault::kBadChunkSize},
        {"7.1", "LF ends the size", "5\nhello\r\n", Fault::kBareLineFeed},
        {"7.1", "CR in the size line", "5\r5\r\nhello", Fault::kBadChunkSize},
        {"7.1.1", "CR in an extension", "5;a\rb\r\nhello", Fault::kBadChunkExtension},
        {"7.1.1", "LF ends an extension", "5;a\nhello\r\n", Fault::kBareLineFeed},
        {"7.1.1", "control byte in an extension", "5;\x01\r\nhello", Fault::kBadChunkExtension},
        {"7.1.1", "text without semicolon", "5 a\r\nhello", Fault::kBadChunkExtension},
        {"7.1.1", "an endless extension", "5;" + std::string(300, 'a'), Fault::kBadChunkExtension},
        {"7.1.1", "too many extension bytes", many_extensions, Fault::kBadChunkExtension},
        {"7.1", "chunk longer than its size", "5\r\nhello!\r\n", Fault::kBadChunkEnd},
        {"7.1", "LF after the chunk", "5\r\nhello\n0\r\n\r\n", Fault::kBadChunkEnd},
        {"7.1", "CR without LF after the chunk", "5\r\nhello\rx", Fault::kBadChunkEnd},
        {"7.1.2", "trailer without colon", "0\r\nabc\r\n\r\n", Fault::kBadTrailer},
        {"7.1.2", "trailer with space before the colon", "0\r\nX : a\r\n\r\n", Fault::kBadTrailer},
        {"7.1.2", "folded trailer", "0\r\nX: a\r\n b: c\r\n\r\n", Fault::kBadTrailer},
        {"7.1.2", "control byte in a trailer", "0\r\nX: a\x02\r\n\r\n", Fault::kBadTrailer},
        {"7.1.2", "LF ends the trailers", "0\r\n\n", Fault::kBareLineFeed},
        {"7.1.2", "trailer line too long", "0\r\nX: " + std::string(9000, 'a'),
         Fault::kTrailerTooLarge},
        {"7.1.2", "too many trailers", many_trailers, Fault::kTrailerTooLarge},
    };
    for (const Refusal& refusal : refusals) {
        for (const size_t piece : {size_t{1}, size_t{3}, refusal.bytes.size()}) {
            const Outcome outcome = filter(refusal.bytes, ChunkedOutput::kFramed, piece);
            EXPECT_EQ(outcome.status, ParseStatus::kBad) << refusal.section << ": " << refusal.what;
            EXPECT_EQ(to_string(outcome.fault), to_string(refusal.fault))
                << refusal.section << ": " << refusal.what;
        }
    }
}

TEST(ChunkedFilter, ReadsBackWhatTheEncoderWrites) {
    base::Random random(7);
    for (int round = 0; round < 200; ++round) {
        std::string body;
        std::string payload;
        for (uint64_t chunk = random.below(5); chunk > 0; --chunk) {
            const std::string data = random.text(random.below(3000) + 1);
            char buffer[kChunkHeadBytesMax];
            const size_t length = write_chunk_head(buffer + sizeof buffer, data.size());
            body.append(buffer + sizeof buffer - length, length);
            body += data;
            body += kChunkEnd;
            payload += data;
        }
        body += kLastChunk;
        const Outcome outcome =
            filter(body, ChunkedOutput::kPayload, random.below(body.size()) + 1);
        ASSERT_EQ(outcome.status, ParseStatus::kDone);
        EXPECT_EQ(outcome.output, payload);
    }
}

TEST(ChunkEncoder, WritesTheSizeBeforeThePayload) {
    char buffer[32];
    const size_t length = write_chunk_head(buffer + 32, 0x1a2b);
    EXPECT_EQ(std::string_view(buffer + 32 - length, length), "1a2b\r\n");
    EXPECT_EQ(write_chunk_head(buffer + 32, UINT64_MAX), kChunkHeadBytesMax);
}

}  // namespace
}  // namespace shore::wire
