#include "gateway/encoder.h"

#include <brotli/decode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/random.h"
#include "gateway/decoder.h"
#include "gateway/limits.h"

namespace shore::gateway {
namespace {

using enum Encoder::Operation;
using model::CompressLevel;

constexpr Coding kCodingsTested[] = {Coding::kGzip, Coding::kBrotli, Coding::kZstd};

/// What a client makes of the bytes so far: all that can be decoded of them.
std::string decoded(Coding coding, std::string_view bytes) {
    std::string text(size_t{2} << 20U, '\0');
    if (coding == Coding::kGzip) {
        z_stream stream{};
        EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream.avail_in = static_cast<uInt>(bytes.size());
        stream.next_out = reinterpret_cast<Bytef*>(text.data());
        stream.avail_out = static_cast<uInt>(text.size());
        EXPECT_GE(inflate(&stream, Z_SYNC_FLUSH), 0);
        text.resize(stream.total_out);
        inflateEnd(&stream);
    } else if (coding == Coding::kBrotli) {
        BrotliDecoderState* const state = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
        size_t in = bytes.size();
        size_t out = text.size();
        const auto* next_in = reinterpret_cast<const uint8_t*>(bytes.data());
        auto* next_out = reinterpret_cast<uint8_t*>(text.data());
        EXPECT_NE(BrotliDecoderDecompressStream(state, &in, &next_in, &out, &next_out, nullptr),
                  BROTLI_DECODER_RESULT_ERROR);
        text.resize(text.size() - out);
        BrotliDecoderDestroyInstance(state);
    } else {
        ZSTD_DCtx* const context = ZSTD_createDCtx();
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        ZSTD_outBuffer out{text.data(), text.size(), 0};
        EXPECT_EQ(ZSTD_isError(ZSTD_decompressStream(context, &out, &in)), 0U);
        text.resize(out.pos);
        ZSTD_freeDCtx(context);
    }
    return text;
}

/// Puts all of `input` through with outputs of `room` bytes.
std::string encoded(Encoder& encoder, std::string_view input, Encoder::Operation operation,
                    size_t room) {
    std::string output;
    std::string piece(room, '\0');
    for (int calls = 0; calls < 1'000'000; ++calls) {
        const Encoder::Step step = encoder.run(input, piece, operation);
        EXPECT_FALSE(step.failed);
        output += piece.substr(0, step.produced);
        input.remove_prefix(step.consumed);
        if (step.done || step.failed) {
            EXPECT_TRUE(input.empty());
            return output;
        }
    }
    ADD_FAILURE() << "never done";
    return output;
}

std::string text_of(size_t size, uint64_t seed) {
    base::Random random(seed);
    std::string text;
    while (text.size() < size) {
        text +=
            fmt::format("{{\"id\":{},\"name\":\"{:x}\"}},", text.size(), random.next() & 0xffff);
    }
    text.resize(size);
    return text;
}

TEST(Encoder, GivesWhatItsDecoderReads) {
    Encoder encoder;
    for (const Coding coding : kCodingsTested) {
        for (const size_t size : {size_t{0}, size_t{1}, size_t{5000}, size_t{1'500'000}}) {
            const std::string text = text_of(size, size);
            ASSERT_TRUE(encoder.start(coding, CompressLevel::kBalanced, {.size = size}));
            const std::string bytes = encoded(encoder, text, kFinish, 4096);
            encoder.recycle();
            EXPECT_EQ(decoded(coding, bytes), text) << to_string(coding) << size;
            EXPECT_LT(bytes.size(), size / 2 + 64);
        }
    }
}

TEST(Encoder, FlushesSoThatEveryPieceCanBeRead) {
    Encoder encoder;
    for (const Coding coding : kCodingsTested) {
        ASSERT_TRUE(encoder.start(coding, CompressLevel::kFast, {}));
        std::string bytes;
        std::string text;
        for (uint64_t i = 0; i < 20; ++i) {
            const std::string piece = text_of(i * 37, i);
            text += piece;
            bytes += encoded(encoder, piece, kFlush, 100);
            ASSERT_EQ(decoded(coding, bytes), text) << to_string(coding);
        }
        bytes += encoded(encoder, {}, kFinish, 100);
        EXPECT_EQ(decoded(coding, bytes), text);
        encoder.recycle();
    }
}

TEST(Encoder, TakesAnyMixOfPieces) {
    base::Random random(7);
    Encoder encoder;
    for (int round = 0; round < 15; ++round) {
        const Coding coding = kCodingsTested[round % 3];
        const auto level = static_cast<CompressLevel>(1 + random.next() % 3);
        ASSERT_TRUE(encoder.start(coding, level, {.once = round % 2 == 0}));
        std::string bytes;
        std::string text;
        for (uint64_t i = random.next() % 8; i > 0; --i) {
            const std::string piece = text_of(random.next() % 40'000, i);
            text += piece;
            bytes += encoded(encoder, piece, random.next() % 2 == 0 ? kMore : kFlush,
                             200 + random.next() % 5000);
        }
        bytes += encoded(encoder, {}, kFinish, 20 + random.next() % 50);
        EXPECT_EQ(decoded(coding, bytes), text) << "round " << round;
        if (round % 5 != 0) {
            encoder.recycle();  // Else the next start() leaves a body behind unfinished.
        }
    }
}

TEST(Encoder, EncodesWholeOnlyWhenThatIsShorter) {
    Encoder encoder;
    const std::string text = text_of(10'000, 1);
    base::Random random(3);
    std::string noise(10'000, '\0');
    for (char& byte : noise) {
        byte = static_cast<char>(random.next());
    }
    for (const Coding coding : kCodingsTested) {
        const auto short_text =
            encode_whole(encoder, coding, CompressLevel::kBalanced, text, text.size());
        ASSERT_TRUE(short_text);
        EXPECT_EQ(decoded(coding, *short_text), text);
        EXPECT_FALSE(encode_whole(encoder, coding, CompressLevel::kBalanced, noise, noise.size()));
    }
}

/// What a body decodes to in pieces of `piece` bytes in and 100 out, and how that ended.
std::pair<std::string, Decoder::Status> decoded(Coding coding, std::string_view body, size_t piece,
                                                DecodeLimits limits = {1 << 20, 1000}) {
    Decoder decoder;
    EXPECT_TRUE(decoder.start(coding, limits));
    std::string plain;
    std::array<char, 100> room;
    Decoder::Step step;
    do {
        step = decoder.run(body.substr(0, piece), room);
        plain.append(room.data(), step.produced);
        body.remove_prefix(step.consumed);
    } while (
        step.status == Decoder::Status::kGood &&
        (step.produced == room.size() || (!body.empty() && step.consumed + step.produced > 0)));
    if (step.status == Decoder::Status::kGood && (!decoder.finished() || !body.empty())) {
        step.status = Decoder::Status::kBad;
    }
    return {plain, step.status};
}

TEST(Decoder, UndoesWhatTheEncoderDidInPiecesOfAnySize) {
    std::string text;
    for (int i = 0; i < 5000; ++i) {
        text += fmt::format("{} ", i * 7919 % 1000);
    }
    Encoder encoder;
    for (const Coding coding : {Coding::kGzip, Coding::kBrotli, Coding::kZstd}) {
        const auto body =
            encode_whole(encoder, coding, model::CompressLevel::kBalanced, text, 1 << 20);
        ASSERT_TRUE(body);
        for (const size_t piece : {size_t{1}, size_t{7}, body->size()}) {
            const auto [plain, status] = decoded(coding, *body, piece);
            EXPECT_EQ(status, Decoder::Status::kGood) << to_string(coding);
            EXPECT_EQ(plain, text);
        }
        EXPECT_EQ(decoded(coding, std::string_view(*body).substr(0, body->size() - 5), 50).second,
                  Decoder::Status::kBad);
        EXPECT_EQ(decoded(coding, *body, body->size(), {5000, 1000}).second,
                  Decoder::Status::kTooLarge);
    }
    EXPECT_EQ(decoded(Coding::kGzip, "no gzip at all", 50).second, Decoder::Status::kBad);
}

TEST(Decoder, CutsABombOffSoonAfterItsRatioIsPassed) {
    Encoder encoder;
    for (const Coding coding : {Coding::kGzip, Coding::kBrotli, Coding::kZstd}) {
        const auto bomb = encode_whole(encoder, coding, model::CompressLevel::kSmall,
                                       std::string(8 << 20, ' '), 1 << 20);
        ASSERT_TRUE(bomb);
        const auto [plain, status] = decoded(coding, *bomb, bomb->size(), {1 << 30, 10});
        EXPECT_EQ(status, Decoder::Status::kTooLarge) << to_string(coding);
        EXPECT_LE(plain.size(), kDecodeFreeBytes + 10 * bomb->size() + 200);
    }
}

}  // namespace
}  // namespace shore::gateway
