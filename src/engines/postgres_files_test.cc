#include "engines/postgres_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "engines/postgres_replica.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::engines {
namespace {

using testing::HasSubstr;

class PostgresFiles : public testing::Test {
 protected:
    void SetUp() override {
        for (const uint32_t slot : {1U, 2U}) {
            assignment_.slot = slot;
            assignment_.data_directory = directory_.file("db.postgres-" + std::to_string(slot));
            ASSERT_TRUE(os::make_directories(assignment_.data_directory, 0700));
        }
        paths_ = postgres_paths(assignment_.data_directory);
    }
    void write(const std::string& path, std::string_view text) {
        ASSERT_TRUE(os::make_directories(path.substr(0, path.rfind('/')), 0700));
        ASSERT_TRUE(os::write_file_atomically(path, text));
    }

    os::TemporaryDirectory directory_ = os::TemporaryDirectory::create().value();
    Assignment assignment_;
    PostgresPaths paths_;
};

TEST_F(PostgresFiles, NobodysClaimMeansTheFirstServer) {
    EXPECT_EQ(newest_claim_blocking(assignment_).value(), (Claim{.epoch = 0, .primary = 1}));
}

TEST_F(PostgresFiles, TheNewestClaimCountsWhereverItIsWritten) {
    ASSERT_TRUE(
        write_claim_blocking(directory_of_slot(assignment_, 1), {.epoch = 3, .primary = 1}));
    ASSERT_TRUE(write_claim_blocking(assignment_.data_directory, {.epoch = 2, .primary = 2}));
    EXPECT_EQ(newest_claim_blocking(assignment_).value(), (Claim{.epoch = 3, .primary = 1}));
    ASSERT_TRUE(write_claim_blocking(assignment_.data_directory, {.epoch = 4, .primary = 2}));
    EXPECT_EQ(newest_claim_blocking(assignment_).value(), (Claim{.epoch = 4, .primary = 2}));
}

TEST_F(PostgresFiles, ADamagedClaimMakesNobodyPrimary) {
    write(directory_of_slot(assignment_, 1) + "/claim.json", "{\"epoch\": 3");
    EXPECT_EQ(newest_claim_blocking(assignment_).error().code(), ErrorCode::kCorrupt);
}

TEST_F(PostgresFiles, TellsPrimariesAndStandbysApartAndRepairsTheMode) {
    EXPECT_EQ(inspect_data_blocking(paths_).value(), DataState::kNone);
    write(paths_.data + "/PG_VERSION", "15\n");
    EXPECT_EQ(inspect_data_blocking(paths_).value(), DataState::kPrimary);
    ASSERT_TRUE(mark_standby_blocking(paths_.data));
    EXPECT_EQ(inspect_data_blocking(paths_).value(), DataState::kStandby);
    ASSERT_TRUE(mark_primary_blocking(paths_));
    EXPECT_EQ(inspect_data_blocking(paths_).value(), DataState::kPrimary);
}

TEST_F(PostgresFiles, RefusesOtherVersionsAndOtherFiles) {
    write(paths_.data + "/PG_VERSION", "13\n");
    EXPECT_THAT(inspect_data_blocking(paths_).error().text(), HasSubstr("is of PostgreSQL 13"));
    ASSERT_TRUE(os::remove_tree(paths_.data));
    write(paths_.data + "/photo.jpg", "precious");
    EXPECT_EQ(inspect_data_blocking(paths_).error().code(), ErrorCode::kConflict);
    EXPECT_TRUE(os::file_exists(paths_.data + "/photo.jpg"));
}

TEST_F(PostgresFiles, AnExchangeOfTheDataThatWasCutOffIsFinishedOrUndone) {
    write(paths_.staging + "/PG_VERSION", "15\n");
    write(paths_.discarded + "/PG_VERSION", "15\n");
    write(paths_.discarded + "/old", "");
    EXPECT_EQ(inspect_data_blocking(paths_).value(), DataState::kPrimary);
    EXPECT_FALSE(os::file_exists(paths_.data + "/old"));
    EXPECT_FALSE(os::file_exists(paths_.discarded));
    // Without the new one, the old one is all there is.
    ASSERT_EQ(::rename(paths_.data.c_str(), paths_.discarded.c_str()), 0);
    EXPECT_EQ(inspect_data_blocking(paths_).value(), DataState::kPrimary);
}

TEST_F(PostgresFiles, APidFileOfAnotherProgramIsRemoved) {
    write(paths_.data + "/postmaster.pid", std::to_string(::getpid()) + "\n");
    EXPECT_EQ(running_postmaster_blocking(paths_).value(), std::nullopt);
    EXPECT_FALSE(os::file_exists(paths_.data + "/postmaster.pid"));
}

TEST(PostgresControlFile, IsReadFromWhatPgControldataPrints) {
    const ControlFile file = parse_control_file(
        "pg_control version number:            1300\n"
        "Database system identifier:           7311111111111111111\n"
        "Database cluster state:               shut down in recovery\n"
        "Latest checkpoint location:           0/3000060\n"
        "max_connections setting:              50\n");
    EXPECT_EQ(file.system, "7311111111111111111");
    EXPECT_TRUE(file.is_clean());
    EXPECT_EQ(file.connections, 50);
    EXPECT_EQ(parse_position(file.checkpoint), 0x3000060U);
    EXPECT_EQ(parse_position("16/B374D848"), 0x16B374D848U);
    EXPECT_EQ(parse_position("nonsense"), 0U);
}

}  // namespace
}  // namespace shore::engines
