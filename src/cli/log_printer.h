// Log lines as people read them: "api-7 | message", each service in a colour of its own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/context.h"

namespace shore::cli {

struct LogRequest {
    std::string stack;
    std::vector<std::string> services;  ///< Services or instances; empty: all.
    std::string since;                  ///< RFC 3339; empty: from the start.
    std::string tail;                   ///< A number; empty: all.
    bool follow = false;
    bool timestamps = false;
};

/// Prints lines until the end, or until nobody reads any more. The exit status.
async::Task<Result<int>> print_logs(Context& context, LogRequest request);

class LogPrinter final {
 public:
    LogPrinter(Output& output, bool timestamps) : output_(output), timestamps_(timestamps) {}
    /// One line of JSON as the API sends it.
    void print(std::string_view line);

 private:
    Output& output_;
    bool timestamps_;
    size_t width_ = 0;  // Of the widest instance name so far.
    std::map<std::string, Color, std::less<>> colors_;
};

}  // namespace shore::cli
