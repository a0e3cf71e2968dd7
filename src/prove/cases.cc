#include "prove/cases.h"

namespace shore::prove {

std::span<const Case> cases() {
    static constexpr Case kCases[] = {
        {"deploy-zero-downtime",
         "Rolling deploys under 200 requests/s fail no request, close no keep-alive connection and "
         "break none of 50 open streams of another service.",
         &prove_deploy},
        {"crash-zero-downtime",
         "kill -9 of an instance under 200 GET requests/s fails no request, and the instance runs "
         "again within 10 s.",
         &prove_crash},
        {"daemon-kill",
         "kill -9 of the daemon under 200 requests/s fails no request and breaks no stream; the "
         "next daemon adopts every instance without restarting one.",
         &prove_daemon_kill},
        {"pool-1000",
         "1,000 concurrent clients with transactions each are served on at most 25 server "
         "connections without an error, and the pool connects and answers at least 5 times faster "
         "than the server itself.",
         &prove_pool},
        {"db-crash",
         "kill -9 of PostgreSQL under 200 clients through the pool loses no committed row, fails "
         "only clients that had a transaction under way and none of 500 that begin one from the "
         "first millisecond on, and commits go on within 10 s.",
         &prove_database_crash},
        {"redis-kill",
         "kill -9 of a Redis primary under writes, 5 times of the server and 5 times with its "
         "agent: never 3 s or more between two acknowledged writes, and no acknowledged write "
         "lost.",
         &prove_redis_kill},
        {"redis-manual",
         "A change of the Redis primary on purpose: less than 1 s between two acknowledged writes, "
         "no command with an unknown outcome, no acknowledged write lost.",
         &prove_redis_manual},
        {"redis-partition",
         "A Redis primary that is cut off from replicas and sentinels and comes back: less than 5 "
         "s "
         "between two acknowledged writes, and no acknowledged write lost.",
         &prove_redis_partition},
    };
    return kCases;
}

}  // namespace shore::prove
