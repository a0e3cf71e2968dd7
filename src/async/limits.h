// Limits of the ground floor.
#pragma once

#include <cstddef>

namespace shore::async {

/// Jobs waiting for a worker. More means that the disk or the resolver has stopped answering;
/// refusing is then better than growing. At some 200 bytes a job this is 2 MB.
inline constexpr size_t kWorkQueueMax = 10'000;

}  // namespace shore::async
