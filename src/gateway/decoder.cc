#include "gateway/decoder.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include "gateway/limits.h"

namespace shore::gateway {

namespace {

/// The largest window that zstd in HTTP may ask for (RFC 9659 section 3): 8 MiB.
constexpr int kZstdWindowLogMax = 23;

}  // namespace

struct Decoder::Gzip {
    z_stream stream{};
    bool begun = false;
    ~Gzip() {
        if (begun) {
            inflateEnd(&stream);
        }
    }
};

struct Decoder::Brotli {
    std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)> state{
        BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), &BrotliDecoderDestroyInstance};
};

struct Decoder::Zstd {
    std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context{ZSTD_createDCtx(), &ZSTD_freeDCtx};
};

Decoder::Decoder() = default;
Decoder::~Decoder() = default;

bool Decoder::start(Coding coding, DecodeLimits limits) {
    coding_ = coding;
    limits_ = limits;
    taken_ = made_ = 0;
    finished_ = false;
    switch (coding) {
        case Coding::kGzip:
            gzip_ = std::make_unique<Gzip>();
            // 15 bits of window, and gzip's own wrapping.
            gzip_->begun = inflateInit2(&gzip_->stream, 15 + 16) == Z_OK;
            return gzip_->begun;
        case Coding::kBrotli:
            brotli_ = std::make_unique<Brotli>();
            return brotli_->state != nullptr;
        case Coding::kZstd:
            zstd_ = std::make_unique<Zstd>();
            return zstd_->context != nullptr &&
                   ZSTD_isError(ZSTD_DCtx_setParameter(zstd_->context.get(), ZSTD_d_windowLogMax,
                                                       kZstdWindowLogMax)) == 0;
        default:
            return false;
    }
}

Decoder::Step Decoder::run(std::string_view input, std::span<char> output) {
    Step step = coding_ == Coding::kGzip     ? run_gzip(input, output)
                : coding_ == Coding::kBrotli ? run_brotli(input, output)
                                             : run_zstd(input, output);
    taken_ += step.consumed;
    made_ += step.produced;
    if (step.status == Status::kGood &&
        (made_ > limits_.size_max ||
         (made_ > kDecodeFreeBytes && made_ / limits_.ratio_max > taken_))) {
        step.status = Status::kTooLarge;
    }
    return step;
}

Decoder::Step Decoder::run_gzip(std::string_view input, std::span<char> output) {
    z_stream& stream = gzip_->stream;
    // Members may follow one another (RFC 1952 section 2.2).
    if (finished_ && !input.empty()) {
        inflateReset(&stream);
        finished_ = false;
    }
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(output.data());
    stream.avail_out = static_cast<uInt>(output.size());
    const int status = finished_ ? Z_OK : inflate(&stream, Z_NO_FLUSH);
    finished_ |= status == Z_STREAM_END;
    const bool good = status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR;
    return {.consumed = input.size() - stream.avail_in,
            .produced = output.size() - stream.avail_out,
            .status = good ? Status::kGood : Status::kBad};
}

Decoder::Step Decoder::run_brotli(std::string_view input, std::span<char> output) {
    size_t input_left = input.size();
    const auto* next_in = reinterpret_cast<const uint8_t*>(input.data());
    size_t output_left = output.size();
    auto* next_out = reinterpret_cast<uint8_t*>(output.data());
    if (finished_) {
        return {.status = input.empty() ? Status::kGood : Status::kBad};
    }
    const BrotliDecoderResult result = BrotliDecoderDecompressStream(
        brotli_->state.get(), &input_left, &next_in, &output_left, &next_out, nullptr);
    finished_ = result == BROTLI_DECODER_RESULT_SUCCESS;
    return {.consumed = input.size() - input_left,
            .produced = output.size() - output_left,
            .status = result == BROTLI_DECODER_RESULT_ERROR ? Status::kBad : Status::kGood};
}

Decoder::Step Decoder::run_zstd(std::string_view input, std::span<char> output) {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    if (finished_ && input.empty()) {
        return {};  // Asked without input it would begin another frame.
    }
    const size_t hint = ZSTD_decompressStream(zstd_->context.get(), &out, &in);
    finished_ = hint == 0;
    return {.consumed = in.pos,
            .produced = out.pos,
            .status = ZSTD_isError(hint) != 0 ? Status::kBad : Status::kGood};
}

}  // namespace shore::gateway
