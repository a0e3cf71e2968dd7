// InstanceRecord: what must survive the daemon about one instance: instance.json in its run
// directory, mode 0600 (the environment may hold secrets). It carries the parts of the service that
// supervision acts on; routes and roll-outs are the release room's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/instance.h"
#include "supervise/instance_order.h"

namespace shore::supervise {

struct InstanceRecord {
    InstanceOrder order;
    model::Instance instance;
    uint32_t quick_exits = 0;  ///< RestartTracker's.
    friend bool operator==(const InstanceRecord&, const InstanceRecord&) = default;
};

std::string to_json(const InstanceRecord& record);
/// kCorrupt when the text is not a record.
Result<InstanceRecord> parse_instance_record(std::string_view json);

/// A fresh record of an order: starting, without a process.
InstanceRecord make_record(InstanceOrder order, WallTime now);

}  // namespace shore::supervise
