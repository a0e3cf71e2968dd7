// Vary: which fields of a request an answer depends on, and their values in a normal form, so that
// requests that mean the same share one answer (RFC 9111 section 4.1). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/freshness.h"

namespace shore::cache {

struct VaryField {
    std::string name;   ///< In lower case.
    std::string value;  ///< Of the request that fetched the answer, in its normal form.
    friend bool operator==(const VaryField&, const VaryField&) = default;
};

/// Writes the normal form of the request's field `name` into `out` of kVaryValueMax bytes: of
/// Accept-Encoding the codings of zstd, br and gzip that are welcome; of other fields the values,
/// joined, without needless white space. Nothing when it does not fit.
std::optional<std::string_view> normal_value(const RequestView& request, std::string_view name,
                                             char* out);

/// The fields that the answer's Vary names, sorted. Nothing when there are too many, one's value is
/// too long, or Vary is "*".
std::optional<std::vector<VaryField>> vary_of(const RequestView& request,
                                              const ResponseView& response);

/// True when an answer with these fields may answer the request. Allocates nothing.
bool matches(const std::vector<VaryField>& vary, const RequestView& request);

}  // namespace shore::cache
