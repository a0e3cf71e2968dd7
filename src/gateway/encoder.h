// Encoder: one body through a content coding (gzip RFC 1952, br RFC 7932, zstd RFC 8878), in
// pieces.
//
// The levels bound its memory: a window of at most 256 KiB whatever the body's length, about 1 MiB
// with tables. Its memory is kept between bodies, so a pooled encoder allocates little or nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/content_coding.h"
#include "model/content_options.h"

namespace shore::gateway {

/// What is known of a body before it is encoded.
struct BodyShape {
    std::optional<uint64_t> size;
    bool once = false;  ///< Encoded once, sent often: worth more CPU.
};

/// The library's own level for a body: cheap for long ones, so that a large answer does not hold
/// the loop, better for short ones, whose time is mostly set-up.
int level_of(Coding coding, model::CompressLevel level, const BodyShape& shape);

/// A resource; one loop.
class Encoder final {
 public:
    enum class Operation : uint8_t {
        kMore,    ///< Output may be kept back.
        kFlush,   ///< What was put in can be decoded from what came out.
        kFinish,  ///< The body ends here.
    };
    struct Step {
        size_t consumed = 0;
        size_t produced = 0;
        bool done = false;    ///< All was taken and the operation is complete; else: call again.
        bool failed = false;  ///< The library is out of memory.
    };

    Encoder();
    ~Encoder();
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    /// Begins a body. `coding` is not identity. False without memory for it.
    bool start(Coding coding, model::CompressLevel level, const BodyShape& shape);
    /// Takes bytes of `input` and fills `output`, which must not be empty.
    Step run(std::string_view input, std::span<char> output, Operation operation);
    /// Called by the pool: the body's state goes, the memory stays.
    void recycle();

 private:
    struct Gzip;
    struct Brotli;
    struct Zstd;

    Coding coding_ = Coding::kIdentity;
    std::unique_ptr<Gzip> gzip_;
    std::unique_ptr<Brotli> brotli_;
    std::unique_ptr<Zstd> zstd_;
};

/// All of `body` at once; nothing when that fails or would be longer than `size_max`.
std::optional<std::string> encode_whole(Encoder& encoder, Coding coding, model::CompressLevel level,
                                        std::string_view body, size_t size_max);

}  // namespace shore::gateway
