// Decoder: one compressed request body (gzip RFC 1952, br RFC 7932, zstd RFC 8878) in pieces,
// within limits that a bomb does not get past: a size, and a ratio to what the client sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "gateway/buffer.h"
#include "gateway/content_coding.h"

namespace shore::gateway {

struct DecodeLimits {
    uint64_t size_max = 0;   ///< Plain bytes.
    uint32_t ratio_max = 0;  ///< Plain bytes per compressed one, above kDecodeFreeBytes.
};

/// A resource; one loop.
class Decoder final {
 public:
    enum class Status : uint8_t {
        kGood,
        kBad,       ///< The body is not of that coding, or ends too early.
        kTooLarge,  ///< A limit was reached.
    };
    struct Step {
        size_t consumed = 0;
        size_t produced = 0;
        Status status = Status::kGood;
    };

    Decoder();
    ~Decoder();
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    /// Begins a body. `coding` is not identity. False without memory for it.
    bool start(Coding coding, DecodeLimits limits);
    /// Takes bytes of `input` and fills `output`, which must not be empty. More output may be there
    /// as long as it was filled.
    Step run(std::string_view input, std::span<char> output);
    /// Whether the body may end here.
    bool finished() const { return finished_; }

 private:
    struct Gzip;
    struct Brotli;
    struct Zstd;
    Step run_gzip(std::string_view input, std::span<char> output);
    Step run_brotli(std::string_view input, std::span<char> output);
    Step run_zstd(std::string_view input, std::span<char> output);

    Coding coding_ = Coding::kIdentity;
    DecodeLimits limits_;
    uint64_t taken_ = 0;
    uint64_t made_ = 0;
    bool finished_ = false;
    std::unique_ptr<Gzip> gzip_;
    std::unique_ptr<Brotli> brotli_;
    std::unique_ptr<Zstd> zstd_;
};

/// A body that is being decoded for an exchange.
struct Decoding {
    /// `count` is how many the loop has; it outlives this.
    explicit Decoding(size_t& count) : count_of_loop(count) { ++count_of_loop; }
    Decoding(const Decoding&) = delete;
    Decoding& operator=(const Decoding&) = delete;
    ~Decoding() { --count_of_loop; }

    size_t& count_of_loop;
    Decoder decoder;
    BufferPointer room;         ///< Plain bytes on their way.
    std::string_view pending;   ///< In the exchange's buffer: came with the head.
    bool received_all = false;  ///< Nothing comes behind `pending`.
    bool whole = false;         ///< `room` holds the whole body.
};

}  // namespace shore::gateway
