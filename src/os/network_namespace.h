// A network of one's own: a network namespace that has nothing but the loopback interface.
#pragma once

#include "base/result.h"

namespace shore::os {

/// Moves this process, which must have one thread, into a new network namespace, with loopback up.
/// Programs that it starts from now on are there too, and may configure it. An ordinary user gets
/// there by way of a user namespace in which it stays that user (user_namespaces(7)). False where
/// the system does not permit that: nothing has changed. An error leaves a network that is of no
/// use.
Result<bool> enter_network_namespace();

}  // namespace shore::os
