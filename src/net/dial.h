// dial: a connection to an address, without blocking the loop.
#pragma once

#include <memory>

#include "async/deadline.h"
#include "async/task.h"
#include "net/address.h"
#include "net/stream.h"

namespace shore::net {

/// Connects (TCP with TCP_NODELAY, or Unix). kUnavailable when nobody listens there (the text says
/// so), kTimeout at the deadline, kNotFound for a Unix path that does not exist. A full Unix
/// backlog is waited out.
async::Task<Result<std::unique_ptr<Stream>>> dial(async::Loop& loop, Address address,
                                                  async::Deadline deadline);

}  // namespace shore::net
