#include "cli/engine_view.h"

#include <gtest/gtest.h>

#include "cli/fake_daemon.h"

namespace shore::cli {
namespace {

using wire::Json;

std::vector<Json> items_of(const std::string& text) {
    const Json list = Json::parse(text).value();
    return {list.items().begin(), list.items().end()};
}

class EngineView : public testing::Test {
 protected:
    std::string status(const std::string& processes) {
        return engine_status_text(output_, items_of(processes));
    }
    std::string tables(const std::string& list) {
        return engine_tables_text(output_, items_of(list));
    }

 private:
    FakeTerminal terminal_;
    Output output_{terminal_, {}};
};

TEST_F(EngineView, ARedisIsALinePerProcessWithWhatIsOutOfOrder) {
    EXPECT_EQ(
        status(R"([
{"instance":"store-1","part":"redis-endpoint","state":"running","port":3000,"status":
 {"part":"redis-endpoint","primary":2,"taking_commands":true,"durability":"replicated","clients":7}},
{"instance":"store-server-4","part":"redis","state":"running","port":3002,"status":
 {"part":"redis","slot":2,"role":"primary","memory_bytes":1048576,"memory_max_bytes":2097152,
  "keys":12,"clients":9,"commands_per_second":31,"uptime_seconds":47}},
{"instance":"store-server-3","part":"redis","state":"running","port":3001,"status":
 {"part":"redis","slot":1,"role":"replica","link_up":false,"silence_seconds":-1}},
{"instance":"store-sentinel-1","part":"redis-sentinel","state":"running","port":3003,"status":
 {"part":"redis-sentinel","slot":1,"quorum_reached":true,"ready_to_elect":false}},
{"instance":"store-sentinel-2","part":"redis-sentinel","state":"starting","port":3004,
 "error":"store-sentinel-2: no answer"}])"),
        R"(INSTANCE          STATE     ADDRESS         ROLE      HEARD  KEYS              MEMORY  CLIENTS  PER SECOND  UPTIME  NOTE
store-1           running   127.0.0.1:3000  endpoint      -     -                   -        7           -       -  to store-server-4, replicated
store-server-4    running   127.0.0.1:3002  primary       -    12  1.0 MiB of 2.0 MiB        9          31  47.0 s
store-server-3    running   127.0.0.1:3001  replica       -     -                   -        -           -       -  has no link to its primary
store-sentinel-1  running   127.0.0.1:3003  sentinel      -     -                   -        -           -       -  not ready to elect yet
store-sentinel-2  starting  127.0.0.1:3004  sentinel      -     -                   -        -           -       -  store-sentinel-2: no answer
)");
}

TEST_F(EngineView, AnEndpointWithoutAPrimarySaysSo) {
    const std::string text = status(
        R"([{"instance":"store-1","part":"redis-endpoint","state":"running","port":3000,"status":
            {"part":"redis-endpoint","primary":0,"taking_commands":false}}])");
    EXPECT_TRUE(text.ends_with("holds commands: there is no primary for them\n")) << text;
}

TEST_F(EngineView, APostgresAndItsPoolAreALinePerProcess) {
    EXPECT_EQ(
        status(R"([
{"instance":"db-1","part":"postgres","state":"running","port":3000,"status":
 {"part":"postgres","role":"primary","ready":true,"detail":"primary","uptime_seconds":46.4,
  "connections":{"used":2,"max":46},"wal":{"size_bytes":50331648},
  "databases":[{"name":"a","size_bytes":1048576},{"name":"b","size_bytes":1048576}]}},
{"instance":"db-2","part":"postgres","state":"unhealthy","port":3001,"status":
 {"part":"postgres","role":"replica","ready":false,"detail":"replica, 31.0 s behind",
  "lag_seconds":31,"behind_bytes":2048}}])"),
        R"(INSTANCE  STATE      ADDRESS         ROLE        LAG   BEHIND  CONNECTIONS     DATA       WAL  UPTIME  NOTE
db-1      running    127.0.0.1:3000  primary       -        -      2 of 46  2.0 MiB  48.0 MiB  46.4 s
db-2      unhealthy  127.0.0.1:3001  replica  31.0 s  2.0 KiB            -        -         -       -  replica, 31.0 s behind
)");
    EXPECT_EQ(
        status(R"([{"instance":"db-pool-1","part":"pgbouncer","state":"running","port":3002,
"status":{"part":"pgbouncer","paused":true,"size":20,"clients_max":1000,
 "clients":{"active":3,"waiting":4},"servers":{"active":2,"idle":1},"wait_seconds":0.25}}])"),
        R"(INSTANCE   STATE    ADDRESS         ROLE    CLIENTS  WAITING       FOR  SERVERS BUSY  IDLE  NOTE
db-pool-1  running  127.0.0.1:3002  pool  3 of 1000        4  250.0 ms       2 of 20     1  paused: clients wait
)");
}

constexpr std::string_view kRows = R"({"instance":"db-1","part":"postgres",
"columns":[{"name":"query","kind":"text"}],"rows":[["select 1"]],"notes":["since the start"]})";
constexpr std::string_view kNoRows = R"({"instance":"db-2","part":"postgres",
"columns":[{"name":"query","kind":"text"}],"rows":[],"notes":["since the start"]})";

TEST_F(EngineView, TablesWithoutRowsAreLeftOutBesideOthers) {
    EXPECT_EQ(tables(fmt::format("[{},{}]", kNoRows, kRows)),
              "db-1 (postgres)\nQUERY\nselect 1\nsince the start\n");
    EXPECT_EQ(tables(fmt::format("[{0},{0}]", kRows)),
              "db-1 (postgres)\nQUERY\nselect 1\ndb-1 (postgres)\nQUERY\nselect 1\n"
              "since the start\n");
    EXPECT_EQ(tables(fmt::format("[{0},{0}]", kNoRows)), "nothing to show\nsince the start\n");
    EXPECT_EQ(tables(fmt::format("[{}]", kRows)), "QUERY\nselect 1\nsince the start\n");
}

}  // namespace
}  // namespace shore::cli
