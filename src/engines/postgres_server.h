// PostgresServer: one PostgreSQL server of an engine, primary or streaming replica, under its
// agent. It makes or adopts the data directory, generates the configuration, keeps roles and
// databases as the assignment asks, follows the primary, and changes places with it.
//
// Never two primaries: a server takes writes only when the newest claim (postgres_files.h) names
// it. A crash is answered by a restart, by whoever supervises the agent, never by a promotion.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "async/worker_pool.h"
#include "engines/changes.h"
#include "engines/child.h"
#include "engines/members.h"
#include "engines/postgres_callers.h"
#include "engines/postgres_config.h"
#include "engines/postgres_files.h"
#include "engines/postgres_replica.h"
#include "engines/postgres_sql.h"
#include "engines/server.h"
#include "engines/turn.h"

namespace shore::engines {

/// Lives on the agent's loop.
class PostgresServer final : public Server {
 public:
    PostgresServer(const ServerContext& context, Assignment assignment);
    ~PostgresServer() override;

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
    enum class Role : uint8_t { kUnknown, kPrimary, kStandby };

    /// Programs of PostgreSQL, absolute.
    struct Programs {
        std::string postgres;
        std::string initdb;
        std::string basebackup;
        std::string rewind;
        std::string controldata;
        bool has_statements = false;
    };

    // Starting, in postgres_start.cc.
    async::Task<Result<void>> open();
    Result<void> find_programs();
    async::Task<Result<void>> end_orphan();
    async::Task<Result<void>> end_leftovers();
    async::Task<Result<void>> take_role();
    async::Task<void> wait_for_promotions();
    async::Task<Result<void>> make_data(DataState state);
    async::Task<Result<void>> make_primary_data();
    async::Task<Result<void>> make_standby_data();
    async::Task<Result<void>> rejoin();
    async::Task<Result<void>> wait_for_primary();
    async::Task<Result<void>> write_files(std::string config);
    async::Task<Result<std::string>> generate();
    async::Task<Result<std::string>> generate_for(Assignment assignment,
                                                  model::PostgresBudget budget);
    async::Task<Result<void>> check_config(std::string text);
    async::Task<Result<void>> run_server();
    async::Task<Result<void>> wait_until_answers();
    async::Task<Result<void>> repair_admin();
    async::Task<Result<void>> settle_primary();
    async::Task<Result<ControlFile>> control_file();
    async::Task<Result<std::string>> run(std::vector<std::string> argv, std::chrono::seconds limit);

    // Changing, in postgres_change.cc.
    async::Task<Result<void>> change(Assignment assignment);
    async::Task<void> end_server();
    async::Task<Result<void>> restart();
    async::Task<Result<void>> restart_held();
    async::Task<void> tell_pools(std::string action);
    async::Task<void> tell_pools_briefly(std::string action);
    async::Task<void> give_up_promotion();
    async::Task<Result<void>> change_files();
    async::Task<Result<std::vector<std::string>>> names(std::string sql);
    async::Task<Result<bool>> reload();
    async::Task<Result<wire::Json>> carry_out(std::string name);
    async::Task<Result<wire::Json>> promote();
    async::Task<Result<wire::Json>> promote_in_turn();
    async::Task<Result<bool>> replace_primary();
    async::Task<Result<bool>> ask_to_hand_over(std::string& position);
    async::Task<Result<void>> wait_until_fed();
    async::Task<Result<void>> catch_up(std::string position);
    async::Task<Result<void>> become_primary();
    async::Task<Result<wire::Json>> hand_over();
    async::Task<void> take_back();
    async::Task<Result<wire::Json>> take_back_now();
    async::Task<Result<wire::Json>> follow();
    async::Task<Result<wire::Json>> follow_in_turn();

    // While it runs, in postgres_server.cc.
    async::Task<void> end_of_change();
    async::Task<void> watch_child();
    async::Task<void> watch_server();
    async::Task<void> look();
    async::Task<void> look_at_feed();
    async::Task<void> mend();
    void end_with(std::string how);

    SqlTarget admin_target() const;
    SqlTarget primary_target() const;
    uint16_t port_of_slot(uint32_t slot) const;
    /// The primary is a server that the engine has no more by these options: the first takes over.
    bool is_heir(const model::EngineSpec& spec) const;
    Member member() const;
    template <class T, class Work>
    async::Task<Result<T>> work(Work work) {
        return context_.workers.run<T>(context_.loop, std::move(work));
    }
    /// Over the connection that is kept for the agent's own questions.
    async::Task<Result<SqlRows>> ask(std::string sql);

    ServerContext context_;
    Assignment assignment_;
    PostgresPaths paths_;
    Programs programs_;
    model::PostgresBudget budget_;
    Child child_;
    std::shared_ptr<SqlSession> own_;      ///< To this server, as superuser.
    std::shared_ptr<SqlSession> primary_;  ///< Of a replica: to the primary.
    Claim claim_;
    Role role_ = Role::kUnknown;
    std::string stage_ = "starting";  ///< What is being done, for people.
    bool answers_ = false;
    bool is_settled_ = false;  ///< Roles and databases are as the assignment asks.
    bool stopping_ = false;
    bool ends_ = false;  ///< The child's end is wanted.
    PostgresProbe probe_;
    double lag_seconds_ = 0;
    uint64_t lag_bytes_ = 0;
    SteadyTime fed_at_{};  ///< When this replica was last seen streaming.
    uint64_t looks_ = 0;
    uint32_t mends_ = 0;  ///< Since it was last fed.
    bool is_promoting_ = false;
    bool has_asked_to_hand_over_ = false;  ///< Whatever the primary has made of it.
    bool has_handed_over_ = false;         ///< On its side.
    std::set<std::string> users_ready_;
    PostgresCallers callers_;
    std::string how_ended_;
    async::Event ended_;
    Turn turn_;
    async::Scope scope_;
    Changes changes_;
};

}  // namespace shore::engines
