#include "engines/postgres_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shore::engines {
namespace {

using testing::HasSubstr;
using testing::Not;

Assignment assignment() {
    Assignment assignment;
    assignment.port = 30001;
    assignment.instance = "db-1";
    assignment.data_directory = "/v/shop/db.postgres-1";
    assignment.socket_directory = "/r/shop/.db";
    assignment.spec.service = "db";
    assignment.spec.postgres.database = "shop";
    assignment.spec.pool.size = 25;
    return assignment;
}

std::string conf(const Assignment& assignment, uint16_t primary_port = 0, uint32_t least = 0) {
    return postgresql_conf({.assignment = assignment,
                            .budget = model::plan_postgres(assignment.spec).value(),
                            .has_statements = true,
                            .connections_at_least = least,
                            .primary_port = primary_port,
                            .hba_file = "/v/pg_hba.conf",
                            .ident_file = "/v/pg_ident.conf",
                            .passfile = "/v/replication.pass"});
}

TEST(PostgresSettings, RefusesShoresOwnAndOddOnes) {
    model::EngineSpec spec = assignment().spec;
    spec.postgres.settings = {{"port", "1"}};
    EXPECT_THAT(check_postgres_settings(spec).error().text(), HasSubstr("is Shore's own"));
    spec.postgres.settings = {{"Work_Mem", "1MB"}};
    EXPECT_FALSE(check_postgres_settings(spec));
    spec.postgres.settings = {{"work_mem", "1MB\nport = 1"}};
    EXPECT_FALSE(check_postgres_settings(spec));
    spec.postgres.settings = {};
    spec.users = {{.service = "shore-admin", .database = "shop"}};
    EXPECT_FALSE(check_postgres_settings(spec));
}

TEST(PostgresConf, LetsTheManifestWinAndQuotesIt) {
    Assignment own = assignment();
    own.spec.postgres.settings = {{"work_mem", "64MB"}, {"cluster_name", "it's"}};
    const std::string text = conf(own);
    EXPECT_THAT(text, HasSubstr("# From settings (Shore's choice would be "));
    EXPECT_THAT(text, HasSubstr("work_mem = '64MB'\n"));
    EXPECT_THAT(text, HasSubstr("cluster_name = 'it''s'\n"));
    EXPECT_EQ(text.find("\nwork_mem"), text.rfind("\nwork_mem"));
}

TEST(PostgresConf, AddsItsLibraryToTheManifestsOwn) {
    Assignment own = assignment();
    own.spec.postgres.settings = {{"shared_preload_libraries", "auto_explain"}};
    EXPECT_THAT(conf(own), HasSubstr("shared_preload_libraries = 'auto_explain, "
                                     "pg_stat_statements'\n"));
}

TEST(PostgresConf, FollowsAPrimaryOnlyOnAReplica) {
    EXPECT_THAT(conf(assignment()), Not(HasSubstr("primary_conninfo")));
    Assignment replica = assignment();
    replica.slot = 2;
    EXPECT_THAT(conf(replica, 30002),
                HasSubstr("primary_conninfo = 'host=/r/shop/.db port=30002 user=shore_replication "
                          "passfile=/v/replication.pass application_name=shore_2 "));
    EXPECT_THAT(conf(replica, 30002), HasSubstr("primary_slot_name = 'shore_2'\n"));
}

TEST(PostgresConf, NeverHasFewerConnectionsThanTheDataWasWrittenUnder) {
    EXPECT_THAT(conf(assignment(), 30002, 90), HasSubstr("max_connections = '90'\n"));
    EXPECT_THAT(conf(assignment(), 30002, 10), HasSubstr("max_connections = '50'\n"));
}

TEST(PostgresConf, GivesAReasonForEachValue) {
    const std::string text = conf(assignment());
    std::string before;
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at);
        const std::string line = text.substr(at, end - at);
        if (line.contains(" = ") && !line.starts_with('#')) {
            EXPECT_TRUE(before.starts_with("# ")) << line;
        }
        before = line;
        at = end + 1;
    }
}

TEST(PostgresHba, IsThis) {
    EXPECT_EQ(pg_hba_conf(),
              "# Written by Shore. Who may connect: this machine, with a password.\n"
              "# TYPE DATABASE USER ADDRESS METHOD\n"
              "local all all scram-sha-256\n"
              "host all all 127.0.0.1/32 scram-sha-256\n"
              "local replication shore_replication scram-sha-256\n"
              "host replication shore_replication 127.0.0.1/32 scram-sha-256\n");
}

TEST(PostgresExtension, NamesItsPackage) {
    EXPECT_EQ(extension_package("vector"), "apt-get install postgresql-15-pgvector");
    EXPECT_THAT(extension_package("strange"), HasSubstr("strange.control"));
}

TEST(PostgresConfig, RepeatsTheServersWordsWithoutTheirDecoration) {
    const std::string words = words_about_settings(
        "postgres failed (exit code 1): 2026-11-27 14:48:02 GMT [2760] LOG:  unrecognized "
        "configuration parameter \"work_memm\" in file \"/v/postgresql.conf.new\" line 91\n"
        "2026-11-27 14:48:02 GMT [2760] FATAL:  configuration file contains errors");
    EXPECT_EQ(words, "unrecognized configuration parameter \"work_memm\"");
    EXPECT_EQ(unknown_setting(words), "work_memm");
    EXPECT_EQ(words_about_settings("LOG:  invalid value for parameter \"a\": \"1x\"\n"
                                   "HINT:  Valid units are \"B\", \"kB\".\nFATAL:  errors"),
              "invalid value for parameter \"a\": \"1x\"; Valid units are \"B\", \"kB\".");
    EXPECT_EQ(unknown_setting("invalid value"), "");
    EXPECT_EQ(words_about_settings("killed by SIGKILL"), "killed by SIGKILL");
}

}  // namespace
}  // namespace shore::engines
