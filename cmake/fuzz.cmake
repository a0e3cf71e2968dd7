# Fuzz targets (src/ROOM/*_fuzz.cc): libFuzzer, coverage-guided, with the address and undefined-behaviour sanitizers, in
# every build but the thread sanitizer's. `ctest` runs each for SHORE_FUZZ_SECONDS from its seed corpus
# (tests/fuzz/ROOM/STEM/) and what earlier runs found; `make fuzz` runs them for longer.
#
# The asan build is instrumented as a whole, so targets link its rooms. Other builds compile what the targets reach, and
# nothing else, once more with instrumentation: shore_fuzzed(). libFuzzer does not go with the thread sanitizer; there the
# seeds are replayed.
set(SHORE_FUZZ_SECONDS 10 CACHE STRING "Seconds that each fuzz target runs in ctest")
set(SHORE_FUZZ_OPTIONS -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)

add_custom_target(fuzz_targets)

# shore_fuzz_target(ROOM SOURCE): called by shore_room() for each *_fuzz.cc.
function(shore_fuzz_target room source)
    get_filename_component(stem ${source} NAME_WE)
    set(target ${room}_${stem})
    set(seeds ${CMAKE_SOURCE_DIR}/tests/fuzz/${room}/${stem})
    add_executable(${target} ${source})
    if(SHORE_SANITIZE MATCHES "thread")
        target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
        target_link_libraries(${target} PRIVATE shore_${room})
        add_test(NAME fuzz.${target} COMMAND ${target} ${seeds})
    else()
        if(SHORE_SANITIZE)
            target_link_libraries(${target} PRIVATE shore_${room})
        else()
            target_link_libraries(${target} PRIVATE shore_fuzzed)
            target_precompile_headers(${target} REUSE_FROM shore_fuzz_pch)
        endif()
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        set(found ${CMAKE_BINARY_DIR}/corpus/${target})
        file(MAKE_DIRECTORY ${found} ${CMAKE_BINARY_DIR}/crashes)
        add_test(NAME fuzz.${target} COMMAND ${target} -max_total_time=${SHORE_FUZZ_SECONDS} -timeout=10
            -rss_limit_mb=2048 -verbosity=0 -artifact_prefix=${CMAKE_BINARY_DIR}/crashes/ ${found} ${seeds})
    endif()
    add_dependencies(fuzz_targets ${target})
    set_tests_properties(fuzz.${target} PROPERTIES TIMEOUT 120 LABELS fuzz)
endfunction()

# shore_fuzzed(SOURCES pattern... LIBRARIES lib...): what fuzz targets reach, as patterns below src.
function(shore_fuzzed)
    cmake_parse_arguments(FUZZED "" "" "SOURCES;LIBRARIES" ${ARGN})
    if(SHORE_SANITIZE)
        return()
    endif()
    list(TRANSFORM FUZZED_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    file(GLOB sources CONFIGURE_DEPENDS ${FUZZED_SOURCES})
    list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cc$")
    add_library(shore_fuzzed STATIC EXCLUDE_FROM_ALL ${sources})
    target_include_directories(shore_fuzzed PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(shore_fuzzed PUBLIC shore_fuzz_pch ${FUZZED_LIBRARIES})
    target_precompile_headers(shore_fuzzed REUSE_FROM shore_fuzz_pch)
endfunction()
