// RedisEndpoint: the one address that always works. Listens, gives connections to its loops, tells
// these where the primary is; changes the primary on request.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "engines/redis_choice.h"
#include "engines/redis_failover.h"
#include "engines/redis_route.h"
#include "engines/redis_shard.h"
#include "engines/server.h"
#include "net/listener.h"

namespace shore::engines {

class RedisEndpoint final : public Server {
 public:
    RedisEndpoint(const ServerContext& context, Assignment assignment);
    ~RedisEndpoint() override;

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
    Result<void> start_shards();
    Result<void> load_certificate(const Assignment& assignment);
    Result<void> listen(const net::Address& address, RedisDoor door);
    async::Task<void> serve(std::unique_ptr<net::Listener> listener, RedisDoor door,
                            RedisWire wire);
    async::Task<Result<wire::Json>> failover(std::string to);
    async::Task<Result<wire::Json>> follow(uint16_t port);
    async::Task<Result<HandedOver>> change_primary(ChosenServer chosen);
    async::Task<void> drain();
    async::Task<size_t> count_busy();
    uint64_t sum(std::atomic<uint64_t> RedisCounters::* counter) const;
    RedisSessionOptions session_options() const;

    const ServerContext context_;
    Assignment assignment_;
    const base::SystemClock clock_;
    std::vector<std::unique_ptr<RedisShard>> shards_;
    std::shared_ptr<net::TlsTicketKeys> ticket_keys_;
    RedisRouter router_;
    bool had_primary_ = false;
    bool failing_over_ = false;
    uint64_t failovers_ = 0;
    async::Event ended_;
    async::Scope scope_;
};

}  // namespace shore::engines
