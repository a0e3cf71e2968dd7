// PgBouncerServer: the connection pool under its agent. It follows the primary, spreads reads over
// the replicas that keep up, and holds its clients while there is no primary: they wait instead of
// failing, for at most pool.wait.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "async/worker_pool.h"
#include "engines/child.h"
#include "engines/members.h"
#include "engines/pgbouncer_config.h"
#include "engines/pgbouncer_gate.h"
#include "engines/postgres_sql.h"
#include "engines/server.h"
#include "engines/turn.h"
#include "os/process.h"

namespace shore::engines {

/// Lives on the agent's loop.
class PgBouncerServer final : public Server {
 public:
    PgBouncerServer(const ServerContext& context, Assignment assignment);
    ~PgBouncerServer() override;

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
    /// Somebody for whom clients are held: an agent that restarts its server or changes places.
    struct Hold {
        os::Process holder;
        SteadyTime until;
    };

    async::Task<Result<void>> open();
    async::Task<Result<void>> wait_until_answers();
    async::Task<void> watch_child();
    async::Task<Result<wire::Json>> kill(std::string database);
    async::Task<Result<SqlRows>> console(std::string command, std::chrono::milliseconds limit);

    // Who the servers are, and holding clients, in pgbouncer_follow.cc.
    async::Task<void> watch_members();
    Result<void> lead_to_primary();
    async::Task<void> look_at_logins();
    /// A replica that ends leaves the reads at once, not at the next look.
    void watch_reader(pid_t pid);
    async::Task<void> look_after_end(os::Process process);
    async::Task<void> watch_primary(os::Process process);
    async::Task<void> hold_socket(int pid, uint16_t port);
    std::string primary_socket(uint16_t port) const;
    async::Task<void> look();
    async::Task<void> take_news(std::vector<Member> members);

    /// Takes what the members say; true when the files have to be written anew.
    bool take_members(const std::vector<Member>& members);
    async::Task<void> learn_verifiers();
    async::Task<Result<void>> write_files();
    /// Writes the files and has the pool read them.
    async::Task<Result<void>> reload();
    /// Brings "paused" in line with what is wanted. May run more than once at a time: who waits for
    /// transactions to end stops waiting when nobody wants that any more.
    async::Task<Result<void>> settle_pause();
    async::Task<Result<void>> pause();
    async::Task<void> wait_for_logins();
    async::Task<Result<void>> resume();
    bool wants_pause() const;
    Result<void> add_hold(pid_t holder);

    ServerContext context_;
    Assignment assignment_;
    std::vector<model::PoolShare> shares_;
    std::string config_path_;
    std::string users_path_;
    std::string console_password_;
    std::string program_;
    Child child_;
    std::shared_ptr<SqlSession> console_;
    std::shared_ptr<SqlSession> control_;  ///< For PAUSE and RESUME.
    PoolServers servers_;
    std::vector<uint32_t> reader_slots_;
    std::set<pid_t> watched_readers_;
    std::map<std::string, std::string> verifiers_;  ///< By role.
    bool knows_verifiers_ = false;                  ///< Of all services, as the server has them.
    std::optional<Member> primary_;                 ///< Ready; nothing while there is none.
    int watched_pid_ = 0;
    SteadyTime lost_at_{};  ///< When the last primary was.
    PgBouncerGate gate_;
    bool clients_fail_ = false;  ///< A login has failed: pgbouncer_logins.h.
    bool answers_ = false;
    bool had_primary_ = false;
    bool is_paused_ = false;
    bool paused_by_person_ = false;
    std::map<pid_t, Hold> holds_;
    bool stopping_ = false;
    std::string how_ended_;
    async::Event ended_;
    Turn turn_;
    async::Scope primary_scope_;
    async::Scope scope_;
};

}  // namespace shore::engines
