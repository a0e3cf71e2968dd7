// Names that build tools give to files whose content never changes under that name.
#pragma once

#include <string_view>

namespace shore::gateway {

/// True when the last segment of `path` has a digest between its first part and its ending:
/// "app.3f2a9c1b.js" (webpack), "index-BvK3x9Qa.css" (Vite), "chunk-X7QW2ABC.js" (esbuild). What
/// could as well be a word, a date or a version is none: the price of an error is a file that
/// browsers keep for a year.
bool names_a_digest(std::string_view path);

}  // namespace shore::gateway
