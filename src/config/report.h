// Report: collects the problems and notes of one load. Bounded by kFindingsMax; the last problem
// then says that there are more.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/finding.h"
#include "config/node.h"

namespace shore::config {

class Report final {
 public:
    void problem(const Place& place, std::string_view path, std::string message);
    void note(const Place& place, std::string_view path, std::string message);

    bool failed() const { return !problems_.empty(); }
    /// Whether a problem stands at `path` or below it: what follows from it is not worth a second
    /// message.
    bool failed_below(std::string_view path) const;
    /// No further problem is kept: skip the work of wording it.
    bool full() const;
    /// Sorted by file (in the order they were first met), line and column; without repetitions.
    Problems problems() const;
    std::vector<Note> notes() const;

 private:
    std::vector<Finding> problems_;
    std::vector<Finding> notes_;
};

/// The finding as Report would keep it.
Finding finding_at(const Place& place, std::string_view path, std::string message);

}  // namespace shore::config
