#include "engines/samples.h"

#include <gtest/gtest.h>

namespace shore::engines {
namespace {

TEST(Samples, OfSeveralAgentsAreOneFamilyWithLabels) {
    std::map<std::string, std::string> families;
    const std::string_view text =
        "# HELP shore_redis_keys Keys.\n# TYPE shore_redis_keys gauge\nshore_redis_keys 3\n"
        "# HELP shore_redis_calls_total Calls.\n# TYPE shore_redis_calls_total counter\n"
        "shore_redis_calls_total{command=\"get\"} 5\n";
    add_samples(families, text, "instance=\"a\"");
    add_samples(families, text, "instance=\"b\"");
    EXPECT_EQ(families["shore_redis_keys"],
              "# HELP shore_redis_keys Keys.\n# TYPE shore_redis_keys gauge\n"
              "shore_redis_keys{instance=\"a\"} 3\nshore_redis_keys{instance=\"b\"} 3\n");
    EXPECT_EQ(families["shore_redis_calls_total"],
              "# HELP shore_redis_calls_total Calls.\n# TYPE shore_redis_calls_total counter\n"
              "shore_redis_calls_total{instance=\"a\",command=\"get\"} 5\n"
              "shore_redis_calls_total{instance=\"b\",command=\"get\"} 5\n");
}

TEST(Samples, RubbishIsPassedOver) {
    std::map<std::string, std::string> families;
    add_samples(families, "x 1\n# a\n#\nnothing\n", "instance=\"a\"");
    EXPECT_TRUE(families.empty());
}

}  // namespace
}  // namespace shore::engines
