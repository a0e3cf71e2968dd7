// What a snapshot says of raw TCP and of the PROXY protocol, as members of its JSON object. Absent
// members mean none: snapshots of versions without them stay readable.
#pragma once

#include "model/snapshot.h"

namespace boost::json {
class object;
}

namespace shore::model {

void add_protocols(boost::json::object& object, const Snapshot& snapshot);
/// Throws what Boost.JSON throws on what is malformed.
void take_protocols(Snapshot& snapshot, const boost::json::object& object);
/// kCorrupt when an index joins nothing.
Result<void> check_protocols(const Snapshot& snapshot);

}  // namespace shore::model
