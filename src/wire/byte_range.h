// ByteRange: the part of a body that a Range field asks for (RFC 9110 section 14.1.2). Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace shore::wire {

enum class RangeOutcome : uint8_t {
    kWhole,  ///< No single range of bytes: malformed, of another unit, a list. The field is
             ///< ignored, as section 14.2 allows: no usual client needs more than one range.
    kPart,   ///< `first` and `count` say which.
    kUnsatisfiable,  ///< Nothing of the body lies in it: 416.
};

struct ByteRange {
    RangeOutcome outcome = RangeOutcome::kWhole;
    uint64_t first = 0;  ///< Offset in the body.
    uint64_t count = 0;  ///< With kPart at least one, and within the body.
};

/// `field` is the field's value, `size` the body's.
ByteRange parse_byte_range(std::string_view field, uint64_t size);

}  // namespace shore::wire
