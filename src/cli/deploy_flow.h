// What up and deploy share: send the manifest, follow the release, print what runs.
#pragma once

#include <string>

#include "cli/context.h"

namespace shore::cli {

/// `origin` is "up" or "deploy" and is kept with the release. The exit status.
async::Task<Result<int>> run_deploy(Context& context, Arguments arguments, std::string origin);

/// Prints notes of an answer: what the manifest asks that does not act here.
void print_notes(Context& context, const wire::Json& notes);

}  // namespace shore::cli
