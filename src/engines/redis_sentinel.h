// RedisSentinel: a sentinel under its agent. Its configuration is written once; then it is the
// sentinel's own, which keeps in it what it knows of the others and of elections.
#pragma once

#include <map>
#include <string>

#include "async/event.h"
#include "async/scope.h"
#include "engines/child.h"
#include "engines/redis_config.h"
#include "engines/redis_view.h"
#include "engines/server.h"

namespace shore::engines {

class RedisSentinel final : public Server {
 public:
    RedisSentinel(const ServerContext& context, Assignment assignment);

    async::Task<Result<void>> start() override;
    async::Task<std::string> ended() override;
    async::Task<Result<void>> apply(Assignment assignment) override;
    async::Task<void> stop() override;
    Health health() const override;
    async::Task<Result<void>> user_ready(std::string service) override;
    async::Task<Result<wire::Json>> status() override;
    async::Task<Result<wire::Json>> view(std::string name) override;
    async::Task<Result<wire::Json>> act(std::string name, wire::Json arguments) override;
    async::Task<std::string> metrics() override;

 private:
    enum class Memory : uint8_t { kKept, kForgotten };  ///< Of what it has learnt.
    async::Task<Result<void>> write_conf();
    async::Task<Result<void>> run();
    async::Task<Result<void>> renew_certificate();
    async::Task<void> look_at_others();
    async::Task<Result<void>> learn_anew();
    async::Task<Result<void>> restart(std::string_view doing, Memory memory);
    async::Task<uint16_t> find_primary();
    async::Task<std::map<uint32_t, std::string>> find_ids();
    async::Task<void> meet_others();
    async::Task<bool> is_ready_to_elect();
    async::Task<void> watch();
    async::Task<void> look();
    async::Task<Result<wire::RespValue>> ask(std::vector<std::string> command);
    async::Task<Result<wire::Json>> failover(wire::Json arguments);

    const ServerContext context_;
    Assignment assignment_;
    Child child_;
    bool restarting_ = false;
    async::Event restarted_;
    bool answering_ = false;
    std::string doing_ = "starting";
    SentinelsWord word_;
    SteadyTime astray_since_{};  // All others name another primary; zero: they do not.
    int64_t others_ = 0;
    std::string quorum_;
    async::Scope scope_;
};

}  // namespace shore::engines
