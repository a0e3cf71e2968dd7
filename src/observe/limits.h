// Limits of what Shore says about itself.
#pragma once

#include <cstddef>

namespace shore::observe {

/// One text in a log line. Messages and errors are sentences; the tail of an app's output may be a
/// few KiB.
inline constexpr size_t kLogTextBytesMax = 16 * 1024;

/// Series (label values) of one metric. 300 instances with a few labels fit; a label fed by clients
/// would not, and must not be one.
inline constexpr size_t kSeriesPerMetricMax = 10'000;

}  // namespace shore::observe
