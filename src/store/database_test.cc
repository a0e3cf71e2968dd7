#include "store/database.h"

#include <fstream>

#include <gtest/gtest.h>

#include "os/directory.h"
#include "store/schema.h"

namespace shore::store {
namespace {

class DatabaseTest : public testing::Test {
 protected:
    std::filesystem::path path() const { return directory_.file("state.db"); }
    os::TemporaryDirectory directory_ = *os::TemporaryDirectory::create();
};

TEST_F(DatabaseTest, KeepsNumbersTextsAndNulls) {
    auto database = *Database::open(path());
    ASSERT_TRUE(database->execute("CREATE TABLE t (a INTEGER, b TEXT, c TEXT)"));
    const std::string with_zero("x\0y", 3);
    ASSERT_TRUE(database->run("INSERT INTO t VALUES (?1, ?2, ?3)", INT64_MIN, with_zero,
                              std::optional<std::string>()));
    auto statement = *database->prepare("SELECT a, b, c FROM t");
    ASSERT_TRUE(*statement.next());
    EXPECT_EQ(statement.integer(0), INT64_MIN);
    EXPECT_EQ(statement.text(1), with_zero);
    EXPECT_TRUE(statement.is_null(2));
    EXPECT_FALSE(*statement.next());
}

TEST_F(DatabaseTest, IsPrivateToItsUser) {
    auto database = *Database::open(path());
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(path()).permissions() & perms::all,
              perms::owner_read | perms::owner_write);
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedLeavesNothing) {
    auto database = *Database::open(path());
    ASSERT_TRUE(database->execute("CREATE TABLE t (a INTEGER)"));
    {
        auto transaction = *Transaction::begin(*database);
        ASSERT_TRUE(database->run("INSERT INTO t VALUES (?1)", 1));
    }
    {
        auto transaction = *Transaction::begin(*database);
        ASSERT_TRUE(database->run("INSERT INTO t VALUES (?1)", 2));
        ASSERT_TRUE(transaction->commit());
    }
    auto statement = *database->prepare("SELECT sum(a) FROM t");
    ASSERT_TRUE(*statement.next());
    EXPECT_EQ(statement.integer(0), 2);
}

TEST_F(DatabaseTest, SaysThatAFileIsNoDatabase) {
    std::ofstream(path()) << std::string(4096, 'x');
    const auto database = Database::open(path());
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code(), ErrorCode::kCorrupt);
    EXPECT_NE(database.error().text().find(path().native()), std::string::npos);
    EXPECT_NE(database.error().text().find("restore"), std::string::npos);
}

TEST_F(DatabaseTest, FindsDamageInsideAFile) {
    {
        auto database = *Database::open(path());
        ASSERT_TRUE(migrate(*database));
        for (int i = 0; i < 2000; ++i) {
            ASSERT_TRUE(
                database->run("INSERT INTO audit (at, actor, action, stack, detail, outcome)"
                              " VALUES (?1, 'a', 'b', 'c', 'd', 'e')",
                              i));
        }
        EXPECT_TRUE(database->check_integrity());
        ASSERT_TRUE(database->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    }
    const auto size = std::filesystem::file_size(path());
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file << std::string(size / 4, '\xff');
    file.close();
    auto database = Database::open(path());
    const auto checked = database ? (*database)->check_integrity() : fail(database.error());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code(), ErrorCode::kCorrupt);
}

TEST_F(DatabaseTest, AFullDiskIsExhaustionAndLosesNothingThatWasWritten) {
    auto database = *Database::open(path());
    ASSERT_TRUE(database->execute("CREATE TABLE t (a TEXT)"));
    ASSERT_TRUE(database->run("INSERT INTO t VALUES (?1)", "kept"));
    // SQLite's own page limit answers as a full file system does (SQLITE_FULL).
    ASSERT_TRUE(database->execute("PRAGMA max_page_count = 3"));
    const auto full = database->run("INSERT INTO t VALUES (?1)", std::string(1 << 20, 'x'));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code(), ErrorCode::kExhausted);
    EXPECT_NE(full.error().text().find("free space"), std::string::npos);
    auto statement = *database->prepare("SELECT a FROM t");
    ASSERT_TRUE(*statement.next());
    EXPECT_EQ(statement.text(0), "kept");
}

TEST_F(DatabaseTest, ADirectoryThatIsMissingIsNamed) {
    const auto database = Database::open(directory_.file("absent/state.db"));
    ASSERT_FALSE(database);
    EXPECT_NE(database.error().text().find("absent"), std::string::npos);
}

TEST_F(DatabaseTest, WrongSqlIsABugAndNotACrash) {
    auto database = *Database::open(path());
    EXPECT_EQ(database->prepare("SELEC").error().code(), ErrorCode::kInternal);
}

TEST_F(DatabaseTest, MigratesOnceAndRefusesANewerSchema) {
    auto database = *Database::open(path());
    ASSERT_TRUE(migrate(*database));
    ASSERT_TRUE(migrate(*database));
    ASSERT_TRUE(database->execute(fmt::format("PRAGMA user_version = {}", schema_version() + 1)));
    const auto refused = migrate(*database);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
    EXPECT_NE(refused.error().text().find("newer Shore"), std::string::npos);
}

}  // namespace
}  // namespace shore::store
