// TestProject: a temporary directory of manifest files for tests, removed at the end.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "config/load.h"
#include "support/test_directory.h"

namespace shore::config {

class TestProject final {
 public:
    TestProject() { std::filesystem::create_directories(directory_); }

    const std::filesystem::path& directory() const { return directory_; }

    TestProject& file(const std::string& name, std::string_view text) {
        std::filesystem::create_directories((directory_ / name).parent_path());
        std::ofstream(directory_ / name, std::ios::binary) << text;
        return *this;
    }

    /// A request of a caller who stands in the directory.
    LoadRequest request() const { return {.directory = directory_}; }

    Outcome load() const { return config::load(request()); }
    /// Problems of loading `text` as shore.yaml, as printed; empty when it loads.
    std::string problems_of(std::string_view text) {
        file("shore.yaml", text);
        const Outcome outcome = load();
        return outcome ? "" : to_text(outcome.error());
    }

 private:
    support::TestDirectory temporary_;
    std::filesystem::path directory_ = temporary_.file("shop");
};

}  // namespace shore::config
