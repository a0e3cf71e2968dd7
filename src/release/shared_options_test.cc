#include "release/shared_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shore::release {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

model::StackSpec stack(const std::string& name) {
    model::StackSpec spec;
    spec.name = name;
    return spec;
}

TEST(SharedOptions, AreSaidToBeOverruledByTheFirstStackThatSetsThem) {
    model::StackSpec blog = stack("blog");
    model::StackSpec shop = stack("shop");
    const model::StackSpec plain = stack("a");
    EXPECT_THAT(overruled_options(shop, {&blog, &plain}), IsEmpty());
    blog.gateway.threads = 2;
    shop.gateway.threads = 3;
    blog.gateway.limits.headers_max = 50;
    EXPECT_THAT(overruled_options(shop, {&blog, &plain}),
                ElementsAre("x-shore.gateway.threads of shop is not in force: one gateway serves "
                            "all stacks, and blog, the first by name that sets it, says "
                            "otherwise"));
    EXPECT_THAT(overruled_options(blog, {&shop, &plain}), IsEmpty());
    blog.gateway.threads = 3;
    EXPECT_THAT(overruled_options(shop, {&blog}), IsEmpty());
}

}  // namespace
}  // namespace shore::release
