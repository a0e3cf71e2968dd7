// TestDirectory: a fresh directory for a test, removed with its contents. For rooms that do not
// know `os`; the others take os::TemporaryDirectory.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace shore::support {

class TestDirectory final {
 public:
    TestDirectory() {
        std::string name = std::filesystem::temp_directory_path() / "shore-test-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        path_ = name;
    }
    TestDirectory(const TestDirectory&) = delete;
    TestDirectory& operator=(const TestDirectory&) = delete;
    ~TestDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }
    std::string file(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

 private:
    std::string path_;
};

}  // namespace shore::support
