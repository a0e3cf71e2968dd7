#include "gateway/encoder.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

namespace shore::gateway {

namespace {

using model::CompressLevel;

/// log2 of the window: what a body's repetitions may lie apart, and most of an encoder's memory.
constexpr int kWindowBits = 18;
/// Above this a body is long.
constexpr uint64_t kLongBody = uint64_t{1} << 20U;
/// Up to this it is short.
constexpr uint64_t kShortBody = uint64_t{64} << 10U;

// Columns: kFast, kBalanced, kSmall. Rows: long bodies and those of unknown length, middle ones,
// short ones, those that are encoded once and sent often.
constexpr size_t kOnce = 3;
using Levels = std::array<std::array<int, 3>, 4>;
constexpr Levels kGzipLevels = {{{1, 3, 6}, {1, 4, 8}, {2, 5, 9}, {4, 6, 9}}};
constexpr Levels kBrotliLevels = {{{1, 2, 5}, {1, 3, 6}, {2, 4, 7}, {4, 5, 9}}};
constexpr Levels kZstdLevels = {{{1, 2, 6}, {1, 3, 9}, {2, 4, 12}, {3, 9, 15}}};

size_t row_of(const BodyShape& shape) {
    if (shape.once) {
        return kOnce;
    }
    if (!shape.size || *shape.size > kLongBody) {
        return 0;
    }
    return *shape.size > kShortBody ? 1 : 2;
}

}  // namespace

int level_of(Coding coding, CompressLevel level, const BodyShape& shape) {
    const Levels& levels = coding == Coding::kGzip     ? kGzipLevels
                           : coding == Coding::kBrotli ? kBrotliLevels
                                                       : kZstdLevels;
    return levels[row_of(shape)][static_cast<size_t>(level) - 1];
}

struct Encoder::Gzip {
    z_stream stream{};
    bool ready = false;

    ~Gzip() {
        if (ready) {
            deflateEnd(&stream);
        }
    }
    bool start(int level) {
        constexpr int kGzipWindow = 15 + 16;  // zlib's mark for the gzip format.
        if (!ready) {
            ready = deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) ==
                    Z_OK;
            return ready;
        }
        // The parameters change before the first byte, so nothing is flushed.
        return deflateReset(&stream) == Z_OK &&
               deflateParams(&stream, level, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    Step run(std::string_view input, std::span<char> output, Operation operation) {
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
        stream.avail_in = static_cast<uInt>(input.size());
        stream.next_out = reinterpret_cast<Bytef*>(output.data());
        stream.avail_out = static_cast<uInt>(output.size());
        const int flush = operation == Operation::kMore    ? Z_NO_FLUSH
                          : operation == Operation::kFlush ? Z_SYNC_FLUSH
                                                           : Z_FINISH;
        const int result = deflate(&stream, flush);
        Step step{.consumed = input.size() - stream.avail_in,
                  .produced = output.size() - stream.avail_out};
        step.failed = result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR;
        step.done = operation == Operation::kFinish ? result == Z_STREAM_END
                                                    : stream.avail_in == 0 && stream.avail_out > 0;
        return step;
    }
};

/// Brotli's state cannot be used again, but its blocks can: freed ones wait here for the next.
struct Encoder::Brotli {
    static constexpr size_t kKeptMax = 24;
    struct Block {
        size_t size;
        alignas(16) std::array<char, 16> memory;  // The first bytes of `size`.
    };

    BrotliEncoderState* state = nullptr;
    std::vector<Block*> kept;

    Brotli() { kept.reserve(kKeptMax); }
    ~Brotli() {
        end();
        std::ranges::for_each(kept, &std::free);
    }
    static void* allocate(void* self, size_t size) {
        std::vector<Block*>& kept = static_cast<Brotli*>(self)->kept;
        const auto fits = [&](const Block* block) {
            return block->size >= size && block->size <= size + size / 4;
        };
        if (const auto found = std::ranges::find_if(kept, fits); found != kept.end()) {
            Block* const block = *found;
            *found = kept.back();
            kept.pop_back();
            return block->memory.data();
        }
        auto* const block = static_cast<Block*>(std::malloc(offsetof(Block, memory) + size));
        if (block == nullptr) {
            return nullptr;
        }
        block->size = size;
        return block->memory.data();
    }
    static void release(void* self, void* memory) {
        if (memory == nullptr) {
            return;
        }
        std::vector<Block*>& kept = static_cast<Brotli*>(self)->kept;
        auto* const block =
            reinterpret_cast<Block*>(static_cast<char*>(memory) - offsetof(Block, memory));
        if (kept.size() < kKeptMax) {
            kept.push_back(block);
        } else {
            std::free(block);
        }
    }
    void end() {
        if (state != nullptr) {
            BrotliEncoderDestroyInstance(std::exchange(state, nullptr));
        }
    }
    bool start(int level, const BodyShape& shape) {
        end();
        state = BrotliEncoderCreateInstance(&allocate, &release, this);
        if (state == nullptr) {
            return false;
        }
        BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, static_cast<uint32_t>(level));
        BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, kWindowBits);
        if (shape.size) {
            BrotliEncoderSetParameter(
                state, BROTLI_PARAM_SIZE_HINT,
                static_cast<uint32_t>(std::min<uint64_t>(*shape.size, UINT32_MAX)));
        }
        return true;
    }
    Step run(std::string_view input, std::span<char> output, Operation operation) {
        size_t input_left = input.size();
        size_t output_left = output.size();
        const auto* next_in = reinterpret_cast<const uint8_t*>(input.data());
        auto* next_out = reinterpret_cast<uint8_t*>(output.data());
        const auto brotli_operation = operation == Operation::kMore    ? BROTLI_OPERATION_PROCESS
                                      : operation == Operation::kFlush ? BROTLI_OPERATION_FLUSH
                                                                       : BROTLI_OPERATION_FINISH;
        const BROTLI_BOOL fine = BrotliEncoderCompressStream(
            state, brotli_operation, &input_left, &next_in, &output_left, &next_out, nullptr);
        Step step{.consumed = input.size() - input_left,
                  .produced = output.size() - output_left,
                  .failed = fine == BROTLI_FALSE};
        step.done = input_left == 0 && BrotliEncoderHasMoreOutput(state) == BROTLI_FALSE &&
                    (operation != Operation::kFinish || BrotliEncoderIsFinished(state) != 0);
        return step;
    }
};

struct Encoder::Zstd {
    ZSTD_CCtx* context = ZSTD_createCCtx();

    ~Zstd() { ZSTD_freeCCtx(context); }
    bool start(int level, const BodyShape& shape) {
        if (context == nullptr) {
            return false;
        }
        ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, kWindowBits);
        if (shape.size) {
            ZSTD_CCtx_setPledgedSrcSize(context, *shape.size);
        }
        return true;
    }
    Step run(std::string_view input, std::span<char> output, Operation operation) const {
        ZSTD_inBuffer in{input.data(), input.size(), 0};
        ZSTD_outBuffer out{output.data(), output.size(), 0};
        const auto directive = operation == Operation::kMore    ? ZSTD_e_continue
                               : operation == Operation::kFlush ? ZSTD_e_flush
                                                                : ZSTD_e_end;
        const size_t left = ZSTD_compressStream2(context, &out, &in, directive);
        Step step{.consumed = in.pos, .produced = out.pos, .failed = ZSTD_isError(left) != 0};
        step.done =
            !step.failed && in.pos == in.size && (operation == Operation::kMore || left == 0);
        return step;
    }
};

Encoder::Encoder() = default;
Encoder::~Encoder() = default;

bool Encoder::start(Coding coding, CompressLevel level, const BodyShape& shape) {
    coding_ = coding;
    const int own_level = level_of(coding, level, shape);
    switch (coding) {
        case Coding::kGzip:
            gzip_ = gzip_ ? std::move(gzip_) : std::make_unique<Gzip>();
            return gzip_->start(own_level);
        case Coding::kBrotli:
            brotli_ = brotli_ ? std::move(brotli_) : std::make_unique<Brotli>();
            return brotli_->start(own_level, shape);
        case Coding::kZstd:
            zstd_ = zstd_ ? std::move(zstd_) : std::make_unique<Zstd>();
            return zstd_->start(own_level, shape);
        case Coding::kIdentity:
            break;
    }
    return false;
}

Encoder::Step Encoder::run(std::string_view input, std::span<char> output, Operation operation) {
    switch (coding_) {
        case Coding::kGzip:
            return gzip_->run(input, output, operation);
        case Coding::kBrotli:
            return brotli_->run(input, output, operation);
        case Coding::kZstd:
            return zstd_->run(input, output, operation);
        case Coding::kIdentity:
            break;
    }
    return {.failed = true};
}

void Encoder::recycle() {
    if (brotli_) {
        brotli_->end();
    }
    coding_ = Coding::kIdentity;
}

std::optional<std::string> encode_whole(Encoder& encoder, Coding coding, CompressLevel level,
                                        std::string_view body, size_t size_max) {
    if (!encoder.start(coding, level, {.size = body.size(), .once = true})) {
        return std::nullopt;
    }
    std::string encoded(size_max, '\0');
    const Encoder::Step step = encoder.run(body, encoded, Encoder::Operation::kFinish);
    encoder.recycle();
    if (!step.done) {
        return std::nullopt;
    }
    encoded.resize(step.produced);
    encoded.shrink_to_fit();
    return encoded;
}

}  // namespace shore::gateway
