// The app that proofs put under load: this binary again, so that a proof needs nothing else
// installed.
#pragma once

#include <cstdint>
#include <string>

#include "async/task.h"
#include "base/result.h"

namespace shore::async {
class Loop;
}

namespace shore::prove {

struct SampleAppOptions {
    uint16_t port = 0;
    std::string version;
};

/// Serves on 127.0.0.1 until destroyed: any path answers "VERSION PID", …/healthz "ok", …/stream an
/// event every half second without end. Returns only with an error.
async::Task<Result<void>> run_sample_app(async::Loop& loop, SampleAppOptions options);

}  // namespace shore::prove
