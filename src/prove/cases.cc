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
    };
    return kCases;
}

}  // namespace shore::prove
