#include "engines/postgres_roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shore::engines {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(SqlQuoting, KeepsEveryNameAndTextInOnePiece) {
    EXPECT_EQ(sql_name("shop"), "\"shop\"");
    EXPECT_EQ(sql_name("a\"; DROP ROLE x; --"), "\"a\"\"; DROP ROLE x; --\"");
    EXPECT_EQ(sql_text("it's"), "'it''s'");
    EXPECT_EQ(sql_text("a\\' OR 1=1"), "E'a\\\\'' OR 1=1'");
}

TEST(PostgresRoles, QuotesTheRoleEverywhere) {
    const std::string sql = service_role_sql("o'brien");
    EXPECT_THAT(sql, HasSubstr("rolname = 'o''brien'"));
    EXPECT_THAT(sql, HasSubstr("ALTER ROLE \"o'brien\" LOGIN INHERIT NOSUPERUSER"));
}

TEST(PostgresRoles, GiveWritersTheOwnersRoleAndReadersNone) {
    model::EngineSpec spec;
    spec.postgres.database = "shop";
    spec.users = {
        {.service = "api", .database = "shop"},
        {.service = "report-job", .database = "shop", .access = model::EngineAccess::kRead},
        {.service = "zoo", .database = "animals"}};
    const std::string sql = database_rights_sql("shop", spec);
    EXPECT_THAT(sql, HasSubstr("GRANT \"shop_owner\" TO \"api\""));
    EXPECT_THAT(sql, HasSubstr("ALTER ROLE \"api\" IN DATABASE \"shop\" SET role = 'shop_owner'"));
    EXPECT_THAT(sql, HasSubstr("GRANT \"shop_reader\" TO \"report_job\""));
    EXPECT_THAT(sql, HasSubstr("REVOKE \"shop_owner\" FROM \"report_job\""));
    EXPECT_THAT(sql, HasSubstr("ALTER ROLE \"report_job\" IN DATABASE \"shop\" SET "
                               "default_transaction_read_only = on"));
    EXPECT_THAT(sql, HasSubstr("REVOKE \"shop_owner\" FROM \"zoo\""));
    EXPECT_THAT(sql, Not(HasSubstr("GRANT \"shop_owner\" TO \"zoo\"")));
}

TEST(PostgresRoles, KeepTheLoginOfThoseThatAreLeft) {
    model::EngineSpec spec;
    spec.users = {{.service = "api", .database = "shop"}};
    EXPECT_THAT(stale_roles_sql(spec), HasSubstr("rolname NOT IN ('', 'api')"));
}

}  // namespace
}  // namespace shore::engines
