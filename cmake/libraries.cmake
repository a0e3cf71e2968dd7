# Debian's libraries, each named once; a room asks for them by these names.
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(brotli REQUIRED IMPORTED_TARGET libbrotlienc libbrotlidec)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
# re2's pkg-config asks for -pthread, with which the common precompiled header would not agree; Threads::Threads links it.
set_target_properties(PkgConfig::re2 PROPERTIES INTERFACE_COMPILE_OPTIONS "")
pkg_check_modules(libpq REQUIRED libpq)  # Headers; the library is loaded at run time.
find_package(Python3 REQUIRED COMPONENTS Interpreter)  # Tests and checkers; not in the program.
