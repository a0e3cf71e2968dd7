# Compiler, warnings, optimisation and sanitizers: the same for every room.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
    message(FATAL_ERROR "Shore is built with clang 19 (Debian package clang-19); "
        "found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. "
        "Run scripts/bootstrap, then 'cmake --preset release'.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(SHORE_SANITIZE "" CACHE STRING "Sanitizers for every target, as -fsanitize= takes them")

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion
    -Wimplicit-fallthrough -Wnon-virtual-dtor -Wno-missing-field-initializers
    -Wno-missing-designated-field-initializers -fdiagnostics-color=auto)
# Precompiled headers and ccache agree only when the header's own time stamp is left out, and when paths are given in a
# form that ccache knows (CMake's own is -Xclang -include -Xclang PATH).
add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -include-pch <PCH_FILE>)
add_link_options(-fuse-ld=lld-19)

# Without line tables: they are a sixth of the compile time, and functions have their names without them. To see lines in
# a profile: cmake --preset release -DCMAKE_CXX_FLAGS=-g1.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -fno-omit-frame-pointer -fno-plt")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")
# For the *_test programs alone: what they test is optimised, they need not be.
set(SHORE_TEST_OPTIONS -O0)
set(CMAKE_EXE_LINKER_FLAGS_RELEASE "-Wl,--gc-sections -Wl,-O1")

if(SHORE_SANITIZE)
    add_compile_options(-fsanitize=${SHORE_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SHORE_SANITIZE})
    if(SHORE_SANITIZE MATCHES "address")
        # Coverage for the fuzz targets, which are built in this tree too.
        add_compile_options(-fsanitize=fuzzer-no-link)
        add_link_options(-fsanitize=fuzzer-no-link)
    endif()
endif()

find_package(Threads REQUIRED)
