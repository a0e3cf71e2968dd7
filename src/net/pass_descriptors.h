// Descriptors handed from process to process over a Unix socket (SCM_RIGHTS, unix(7)).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/stream.h"
#include "os/fd.h"

namespace shore::net {

/// Bytes and the descriptors that travel with them.
struct Parcel {
    std::string bytes;
    std::vector<os::Fd> descriptors;
};

/// Sends `bytes` (not empty) with up to kParcelDescriptorsMax descriptors; the sender keeps its own
/// copies.
async::Task<Result<void>> send_parcel(Stream& stream, std::string bytes,
                                      std::vector<int> descriptors, async::Deadline deadline);
/// Receives what one send brought, at most `bytes_max` bytes of it. kUnavailable when the peer has
/// closed.
async::Task<Result<Parcel>> receive_parcel(Stream& stream, size_t bytes_max,
                                           async::Deadline deadline);

}  // namespace shore::net
