// Compose's short forms turned into their long ones: "8080:80" into {published, target}, and so on.
// Shape only: the values are checked afterwards against the rows of the long form.
#pragma once

#include <string>
#include <string_view>

#include "config/canonical.h"
#include "config/node.h"
#include "config/options.h"
#include "config/report.h"

namespace shore::config {

/// `node` in the long form of `type`; a node that has it already, or is wrong beyond shape, comes
/// back as it is.
Node long_form(Node node, Type type, const std::string& path, const CanonicalContext& context,
               Report& report);

/// The type of the rows below: kMap, kNamed, kItems or kTexts for types with a short form, else
/// `type`.
Type shape_of(Type type);

}  // namespace shore::config
