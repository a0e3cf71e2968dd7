// Golden errors: each tests/fixtures/compose-errors/NAME.yaml must give exactly the lines of
// NAME.txt.
#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "config/load.h"
#include "config/text_file.h"

namespace shore::config {

namespace {

const std::filesystem::path kErrors =
    std::filesystem::path(SHORE_SOURCE_DIR) / "tests/fixtures/compose-errors";

std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kErrors)) {
        if (entry.path().extension() == ".yaml") {
            names.push_back(entry.path().stem().string());
        }
    }
    std::ranges::sort(names);
    return names;
}

class GoldenErrors : public testing::TestWithParam<std::string> {};

}  // namespace

TEST_P(GoldenErrors, AreAllGivenInOneRun) {
    LoadRequest request{.directory = kErrors};
    request.files = {GetParam() + ".yaml"};
    const Outcome outcome = load(request);
    ASSERT_FALSE(outcome);
    const auto expected = read_text_file(kErrors / (GetParam() + ".txt"), kManifestBytesMax);
    ASSERT_TRUE(expected) << expected.error().text();
    EXPECT_EQ(to_text(outcome.error()), *expected);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, GoldenErrors, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

}  // namespace shore::config
