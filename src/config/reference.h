// The reference page of the manifest, written from the option table.
#pragma once

#include <string>

namespace shore::config {

/// docs/reference/manifest.md as it must be.
std::string reference_page();

}  // namespace shore::config
