// x-shore.gateway.tls: to its value, and what is wrong with the files that it names.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/node.h"
#include "config/report.h"
#include "model/stack_spec.h"

namespace shore::config {

/// `gateway` is the node of x-shore.gateway. Looks at no file.
model::TlsOptions tls_options(const Node& gateway, Report& report);

/// Says through `refuse` which certificate or key cannot be read or does not fit, at its place.
/// Asked when something is deployed, not when a stored release is read again: by then its files may
/// have gone, and the rest must still start.
using Refuse = std::function<void(const Place&, std::string_view path, std::string message)>;
void check_tls_files(const Node& document, const Refuse& refuse);

}  // namespace shore::config
