# lithify_precompile(<target> [DEVICE] [TEST]): headers of others, parsed once and not in every source.
#
# Half of what the C++ compiler does for a source of ours is to read the standard library, Thrust and GoogleTest. Here
# they are precompiled, once for each set of flags, and a target picks the set that it is compiled with: DEVICE for one
# that sees Thrust, TEST for a test program (-O1, an executable). Only headers of others, which do not change: ours would
# compile everything again at each edit, and a cache of objects could take an old one for the new.
#
# g++ forgets that what it inlines from a precompiled header is the system's, and warns of copies out of bounds in
# std::string that are not there: those two warnings are off. The presets `debug` and `debian` build without
# precompiled headers (CMAKE_DISABLE_PRECOMPILE_HEADERS): with the warnings, and without an include that a source forgot.

set(LITHIFY_PRECOMPILED
    <algorithm>
    <array>
    <atomic>
    <charconv>
    <chrono>
    <cmath>
    <filesystem>
    <functional>
    <map>
    <memory>
    <mutex>
    <optional>
    <set>
    <span>
    <sstream>
    <string>
    <thread>
    <vector>)
set(LITHIFY_PRECOMPILED_DEVICE <thrust/execution_policy.h> <thrust/for_each.h> <thrust/iterator/counting_iterator.h>
                               <thrust/transform_reduce.h>)
set(LITHIFY_PRECOMPILED_TEST <gmock/gmock.h> <gtest/gtest.h>)

function(lithify_precompile target)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "DEVICE;TEST" "" "")
  set(headers ${LITHIFY_PRECOMPILED})
  set(owner lithify_precompiled)
  if(arg_DEVICE)
    list(APPEND headers ${LITHIFY_PRECOMPILED_DEVICE})
    string(APPEND owner "_device")
  endif()
  if(arg_TEST)
    list(APPEND headers ${LITHIFY_PRECOMPILED_TEST})
    string(APPEND owner "_test")
  endif()
  if(NOT TARGET ${owner})
    set(source "${CMAKE_BINARY_DIR}/obj/${owner}.cpp")
    file(CONFIGURE OUTPUT "${source}" CONTENT "// For its precompiled headers alone.\n")
    add_library(${owner} OBJECT "${source}")
    target_link_libraries(${owner} PRIVATE lithify_flags)
    lithify_precompiled_flags(${owner})
    if(arg_DEVICE)
      lithify_device_settings(${owner})
    endif()
    if(arg_TEST)
      target_link_libraries(${owner} PRIVATE GTest::gtest GTest::gmock)
      # What CMake gives a program.
      set_target_properties(${owner} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${owner} PRIVATE -fPIE)
    endif()
    target_precompile_headers(${owner} PRIVATE ${headers})
  endif()
  lithify_precompiled_flags(${target})
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()

function(lithify_precompiled_flags target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(
      ${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds;-Wno-stringop-overflow>")
  endif()
endfunction()
