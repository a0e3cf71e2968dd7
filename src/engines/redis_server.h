// RedisServer: a Redis server under its agent: the primary or a replica. Which of them is decided
// anew at each start (redis_role.h) and afterwards by the sentinels.
#pragma once

#include <memory>
#include <optional>

#include "async/event.h"
#include "async/scope.h"
#include "engines/child.h"
#include "engines/redis_config.h"
#include "engines/redis_promotion.h"
#include "engines/redis_view.h"
#include "engines/server.h"

namespace shore::engines {

class RedisServer final : public Server {
 public:
    RedisServer(const ServerContext& context, Assignment assignment);

    async::Task<Result<void>> start() override;
    async::Task<std::string> ended() override;
    async::Task<Result<void>> apply(Assignment assignment) override;
    async::Task<Result<void>> check(model::EngineSpec spec) override;
    async::Task<void> stop() override;
    Health health() const override;
    async::Task<Result<void>> user_ready(std::string service) override;
    async::Task<Result<wire::Json>> status() override;
    async::Task<Result<wire::Json>> view(std::string name) override;
    async::Task<Result<wire::Json>> act(std::string name, wire::Json arguments) override;
    async::Task<std::string> metrics() override;

 private:
    async::Task<Result<uint16_t>> decide();
    async::Task<RoleQuestion> look_around();
    async::Task<Result<void>> run(uint16_t primary_port);
    async::Task<Result<void>> answers();
    async::Task<void> follow();
    async::Task<Result<void>> restart();
    async::Task<Result<void>> renew_certificate(const Assignment& assignment);
    async::Task<void> watch_child();
    async::Task<void> leave_to_successor();
    async::Task<void> watch_server();
    async::Task<void> look();
    async::Task<Result<wire::RespValue>> ask(std::vector<std::string> command);
    async::Task<Result<std::string>> info();
    async::Task<Result<void>> set_live(const Assignment& assignment, bool& restart);
    Result<void> write_files(const Assignment& assignment, uint16_t primary_port) const;
    void announce(const RedisRecord& record) const;
    void keep_record(const RedisRecord& record);

    const ServerContext context_;
    Assignment assignment_;
    std::string program_;
    Child child_;
    RedisRecord record_;
    bool has_data_ = false;
    uint64_t epoch_ = 0;
    bool stopping_ = false;
    bool restarting_ = false;
    bool answering_ = false;
    std::string doing_ = "starting";
    ReplicationState replication_;
    std::string last_info_;
    std::string ended_text_;
    async::Event ended_;
    async::Event look_now_;
    RedisPromotion promotion_;
    async::Scope scope_;
};

}  // namespace shore::engines
