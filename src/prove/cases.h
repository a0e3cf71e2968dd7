// The cases: each a promise with its number, and the function that measures whether it is kept.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "prove/laboratory.h"

namespace shore::prove {

/// What a case found: figures for people, and what missed the promise (empty: kept).
struct Finding {
    std::vector<std::string> measured;
    std::vector<std::string> missed;
};

struct Case {
    std::string_view name;
    std::string_view promise;
    /// The daemon runs already; the stack is not deployed yet. An error means that it could not be
    /// measured.
    async::Task<Result<Finding>> (*run)(Laboratory& laboratory);
};

/// In the order in which they run.
std::span<const Case> cases();

// case_*.cc
async::Task<Result<Finding>> prove_deploy(Laboratory& laboratory);
async::Task<Result<Finding>> prove_crash(Laboratory& laboratory);
async::Task<Result<Finding>> prove_daemon_kill(Laboratory& laboratory);
async::Task<Result<Finding>> prove_pool(Laboratory& laboratory);
async::Task<Result<Finding>> prove_database_crash(Laboratory& laboratory);
async::Task<Result<Finding>> prove_redis_kill(Laboratory& laboratory);
async::Task<Result<Finding>> prove_redis_manual(Laboratory& laboratory);
async::Task<Result<Finding>> prove_redis_partition(Laboratory& laboratory);

}  // namespace shore::prove
