#include "store/records.h"

#include <gtest/gtest.h>

#include "store/limits.h"
#include "store/schema.h"

namespace shore::store {
namespace {

using std::chrono::seconds;

class RecordsTest : public testing::Test {
 protected:
    RecordsTest() { EXPECT_TRUE(migrate(*database_)); }
    static model::Release release(std::string stack, std::string manifest = "name: shop\n") {
        return {.stack = std::move(stack),
                .manifest = std::move(manifest),
                .digest = "abc",
                .directory = "/srv/shop",
                .status = model::ReleaseStatus::kDeploying,
                .origin = "up",
                .created_at = WallTime(seconds(5)),
                .changed_at = WallTime(seconds(5))};
    }
    std::unique_ptr<Database> database_ = *Database::open(":memory:");
    Records records_{*database_};
};

TEST_F(RecordsTest, NumbersReleasesFromOneWithinTheirStack) {
    EXPECT_EQ(*records_.add_release(release("shop")), 1u);
    EXPECT_EQ(*records_.add_release(release("shop")), 2u);
    EXPECT_EQ(*records_.add_release(release("blog")), 1u);
}

TEST_F(RecordsTest, GivesAReleaseBackAsItWasStored) {
    model::Release stored = release("shop");
    stored.number = *records_.add_release(stored);
    EXPECT_EQ(**records_.release("shop", 1), stored);
    EXPECT_EQ(*records_.release("shop", 2), std::nullopt);
}

TEST_F(RecordsTest, PagesReleasesFromTheNewest) {
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(records_.add_release(release("shop")));
    }
    const auto first = *records_.releases("shop", 2);
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0].number, 5u);
    const auto second = *records_.releases("shop", 10, first[1].number);
    ASSERT_EQ(second.size(), 3u);
    EXPECT_EQ(second[0].number, 3u);
}

TEST_F(RecordsTest, ForgetsOldReleasesButNeverTheActiveOne) {
    ASSERT_TRUE(records_.add_release(release("shop", "")));
    ASSERT_TRUE(records_.set_release_status("shop", 1, model::ReleaseStatus::kActive, "",
                                            WallTime(seconds(6))));
    for (uint64_t i = 0; i < kReleasesMax + 5; ++i) {
        ASSERT_TRUE(records_.add_release(release("shop", "")));
    }
    EXPECT_TRUE(*records_.release("shop", 1));
    EXPECT_FALSE(*records_.release("shop", 2));
    EXPECT_LE(records_.releases("shop", 5000)->size(), kReleasesMax + 1);
}

TEST_F(RecordsTest, SaysThatAReleaseToBeMarkedIsMissing) {
    const auto marked =
        records_.set_release_status("shop", 9, model::ReleaseStatus::kFailed, "x", {});
    ASSERT_FALSE(marked);
    EXPECT_EQ(marked.error().code(), ErrorCode::kNotFound);
}

TEST_F(RecordsTest, RefusesAManifestThatIsTooLarge) {
    const auto added =
        records_.add_release(release("shop", std::string(kManifestBytesMax + 1, 'x')));
    EXPECT_EQ(added.error().code(), ErrorCode::kExhausted);
}

TEST_F(RecordsTest, NeverGivesAnOrdinalTwice) {
    EXPECT_EQ(*records_.reserve_ordinals("shop", "api", 32), 1u);
    EXPECT_EQ(*records_.reserve_ordinals("shop", "api", 1), 33u);
    EXPECT_EQ(*records_.reserve_ordinals("shop", "web", 1), 1u);
    EXPECT_EQ(*records_.reserve_ordinals("shop", "api", 1), 34u);
}

TEST_F(RecordsTest, KeepsOverridesUntilCleared) {
    const ServiceOverride scaled{.service = "api", .replicas = 5};
    const ServiceOverride stopped{.service = "web", .stopped = true, .generation = 3};
    ASSERT_TRUE(records_.put_override("shop", scaled));
    ASSERT_TRUE(records_.put_override("shop", stopped));
    EXPECT_EQ(*records_.overrides("shop"), (std::vector{scaled, stopped}));
    ASSERT_TRUE(records_.clear_overrides("shop"));
    EXPECT_TRUE(records_.overrides("shop")->empty());
}

TEST_F(RecordsTest, KeepsAStackThatIsDown) {
    StackRecord stack{.id = "shop@testing", .name = "shop", .environment = "testing"};
    ASSERT_TRUE(records_.put_stack(stack));
    stack.up = false;
    ASSERT_TRUE(records_.put_stack(stack));
    EXPECT_EQ(*records_.stacks(), std::vector{stack});
}

TEST_F(RecordsTest, ListsTheAuditFromTheNewest) {
    ASSERT_TRUE(records_.add_audit({.actor = "uid 0", .action = "deploy", .outcome = "ok"}));
    ASSERT_TRUE(records_.add_audit({.actor = "uid 0", .action = "scale", .outcome = "ok"}));
    const auto entries = *records_.audit(10);
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[0].action, "scale");
    EXPECT_EQ(records_.audit(10, entries[0].id)->size(), 1u);
}

}  // namespace
}  // namespace shore::store
