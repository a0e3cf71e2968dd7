// Runs a fuzz target over every file below the given directories and files: what a build without
// libFuzzer does with the seed corpus, so that each build proves that the corpus is handled. Prints
// the file before it is run, so that a crash names its input; fails when there is nothing to run.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

namespace {

namespace fs = std::filesystem;

/// The regular files below `argument`, or `argument` itself when it is a file; sorted, so that runs
/// are alike.
std::vector<fs::path> inputs_of(const fs::path& argument) {
    std::vector<fs::path> found;
    std::error_code error;
    if (fs::is_regular_file(argument, error)) {
        found.push_back(argument);
        return found;
    }
    for (const auto& entry : fs::recursive_directory_iterator(argument, error)) {
        if (entry.is_regular_file(error)) {
            found.push_back(entry.path());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

/// False when the file cannot be read.
bool run(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    if (!file) {
        return false;
    }
    std::printf("%s (%zu bytes)\n", path.c_str(), text.size());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    size_t count = 0;
    for (int i = 1; i < argc; ++i) {
        for (const fs::path& path : inputs_of(argv[i])) {
            if (!run(path)) {
                std::fprintf(stderr, "cannot read %s\n", path.c_str());
                return 1;
            }
            ++count;
        }
    }
    if (count == 0) {
        std::fprintf(stderr, "no inputs: give directories or files of a seed corpus\n");
        return 1;
    }
    std::printf("%zu inputs handled\n", count);
    return 0;
}
