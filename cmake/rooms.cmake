# shore_room(NAME [LINK room...] [LIBRARIES lib...])
#
# A room is a static library of the *.cc files in src/NAME. Beside a source may stand its test (*_test.cc, one ctest
# program per room), its micro benchmark (*_bench.cc) and its fuzz target (*_fuzz.cc, one program a file).
# LINK names the rooms it may include: CMake's link lines and tools/tidy hold the same direction.
function(shore_room name)
    cmake_parse_arguments(ROOM "" "" "LINK;LIBRARIES;TEST_LIBRARIES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
    set(tests ${sources})
    list(FILTER tests INCLUDE REGEX "_test\\.cc$")
    set(benches ${sources})
    list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
    set(fuzzers ${sources})
    list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
    list(FILTER sources EXCLUDE REGEX "(_(test|bench|fuzz)|/main)\\.cc$")

    set(room_targets "")
    foreach(room ${ROOM_LINK})
        list(APPEND room_targets shore_${room})
    endforeach()

    add_library(shore_${name} STATIC ${sources})
    target_include_directories(shore_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(shore_${name} PUBLIC ${room_targets} PRIVATE ${ROOM_LIBRARIES})
    if(TARGET shore_pch)
        target_precompile_headers(shore_${name} REUSE_FROM shore_pch)
        target_link_libraries(shore_${name} PUBLIC fmt::fmt Threads::Threads)
    endif()

    if(tests)
        add_executable(${name}_test ${tests})
        target_link_libraries(${name}_test PRIVATE shore_${name} ${ROOM_LIBRARIES} ${ROOM_TEST_LIBRARIES}
            GTest::gtest GTest::gmock GTest::gtest_main)
        target_precompile_headers(${name}_test REUSE_FROM shore_test_pch)
        target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
        target_compile_options(${name}_test PRIVATE ${SHORE_TEST_OPTIONS})
        add_test(NAME room.${name} COMMAND ${name}_test)
        set_tests_properties(room.${name} PROPERTIES TIMEOUT 300 LABELS room)
    endif()
    foreach(bench ${benches})
        get_filename_component(stem ${bench} NAME_WE)
        add_executable(${name}_${stem} ${bench})
        target_link_libraries(${name}_${stem} PRIVATE shore_${name} ${ROOM_LIBRARIES}
            benchmark::benchmark benchmark::benchmark_main)
    endforeach()
    foreach(fuzzer ${fuzzers})
        shore_fuzz_target(${name} ${fuzzer})
    endforeach()
endfunction()

# shore_pch_checksum(TARGET HEADER...) lets ccache know a precompiled header by what it was made of instead of by its
# bytes, which name the directory: then one cache serves every working copy. toolchain.cmake switches it on.
function(shore_pch_checksum target)
    set(parts "${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_BUILD_TYPE} ${SHORE_SANITIZE} ${CMAKE_CXX_FLAGS}")
    get_target_property(options ${target} COMPILE_OPTIONS)
    string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
    string(APPEND parts "${options} ${CMAKE_CXX_FLAGS_${type}}")
    foreach(header ${ARGN})
        file(SHA256 ${CMAKE_CURRENT_SOURCE_DIR}/${header} sum)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${header})
        string(APPEND parts " ${sum}")
    endforeach()
    string(SHA256 sum "${parts}")
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch.sum
        CONTENT "${sum}\n")
endfunction()
