// The tests' main function: the test program is also the shim that the supervisor under test
// starts.
#include <gtest/gtest.h>

#include "supervise/shim.h"

int main(int argc, char** argv) {
    if (argc == 3 && std::string_view(argv[1]) == "shim") {
        return shore::supervise::run_shim(argv[2]);
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
