// CompiledEdits: a route's changes of a head, ready for the rewriter: one question per field, one
// run of bytes to append.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/http_route.h"

namespace shore::gateway {

class CompiledEdits final {
 public:
    CompiledEdits() = default;
    /// Fields that would not fit kEditBytesMax are left out; config refuses such manifests.
    explicit CompiledEdits(const model::HeaderEdits& from);

    /// Whether a field of that name, in any case, is taken out.
    bool drops(std::string_view name) const;
    /// Whole lines with the edits made: taken out, then added. On an error, what is about keeping
    /// the answer (Cache-Control and the like) is not added.
    enum class Answer : uint8_t { kGood, kError };
    std::string edited(std::string_view lines, Answer answer) const;
    /// "Name: value\r\n" of all that are set or added, Host apart.
    std::string_view lines() const { return lines_; }
    /// In place of the request's Host; empty: as it is.
    std::string_view host() const { return host_; }

 private:
    std::vector<std::string> dropped_;
    std::string lines_;
    std::string host_;
};

}  // namespace shore::gateway
