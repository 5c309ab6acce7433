# lithify_test(<name> [LABEL <label>] [SOURCES ...] [ON_DEVICES] [INTERNALS <folder>...] [LIBRARIES ...]
#              [LABELS ...] [TIMEOUT <s>])
# lithify_device_test(<name> [LABEL <label>] [SOURCES ...] [INTERNALS <folder>...] [LABELS ...] [TIMEOUT <s>])
#
# Both make GoogleTest programs and register each of their tests under <name>.<suite>.<test>. SOURCES
# defaults to <name>.cpp (or <name>.cu), LABEL to the name of the tests' folder; LABELS adds further ones,
# such as `concurrency`. INTERNALS puts source folders (octree, cuda/passes) on the include path.
#
# A host test sees the library as users do. With ON_DEVICES its tests are registered twice in a CUDA build,
# the second time as <name>_on_cuda, label gpu, with LITHIFY_TEST_DEVICE=cuda in the environment (cpu in
# the first). A device test is compiled for each backend: <name>_cpu, and <name>_cuda with label gpu.
#
# tests/support/main.cpp skips, by name, every test of a gpu-labelled run on a machine without a GPU; with
# LITHIFY_REQUIRE_GPU=1 such a run fails instead.

# The targets lithify_tests_<label> build the test programs of one label. build/tests/programs.txt lists every
# program: its name, the device that it is for (LITHIFY_TEST_DEVICE) and its labels.

include(GoogleTest)

add_library(lithify_test_support STATIC "${PROJECT_SOURCE_DIR}/tests/support/main.cpp")
target_include_directories(lithify_test_support PUBLIC "${PROJECT_SOURCE_DIR}/tests/support")
target_compile_definitions(
  lithify_test_support
  PUBLIC "LITHIFY_TEST_SOURCE_DIR=\"${LITHIFY_SOURCE_FOLDER}\""
         "LITHIFY_TEST_PROGRAM=\"${LITHIFY_PROGRAM}\"")
target_link_libraries(lithify_test_support PUBLIC GTest::gtest GTest::gmock PRIVATE lithify_flags ${CMAKE_DL_LIBS})

# For the tests that refuse host memory: it replaces operator new, which nvcc does not compile.
add_library(lithify_refused_allocations OBJECT "${PROJECT_SOURCE_DIR}/tests/support/refused_allocations.cpp")
target_link_libraries(lithify_refused_allocations PRIVATE lithify_flags)

macro(lithify_test_arguments default_extension)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ON_DEVICES" "LABEL;TIMEOUT" "SOURCES;INTERNALS;LIBRARIES;LABELS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${name}: unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_SOURCES)
    set(arg_SOURCES ${name}.${default_extension})
  endif()
  if(NOT arg_LABEL)
    cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME arg_LABEL)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    math(EXPR arg_TIMEOUT "4 * ${arg_TIMEOUT}") # nothing is optimised
  endif()
endmacro()

function(lithify_test_target target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "INTERNALS;LIBRARIES")
  target_link_libraries(${target} PRIVATE lithify_flags lithify::lithify lithify_test_support ${arg_LIBRARIES})
  foreach(folder IN LISTS arg_INTERNALS)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/${folder}")
  endforeach()
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endfunction()

# nvcc reads a source once for each architecture that it makes PTX for, and in tests that is most of its work: they are
# GoogleTest and host code, what they call is in libraries. So a test's own kernels have one PTX, of the lowest
# architecture, and machine code of every architecture from that. Names such as `native` or `90a` stay as they are.
function(lithify_test_architectures target)
  set(numbers "")
  set(codes "")
  foreach(architecture IN LISTS CMAKE_CUDA_ARCHITECTURES)
    if(NOT architecture MATCHES "^([0-9]+)(-real|-virtual)?$")
      return()
    endif()
    list(APPEND numbers ${CMAKE_MATCH_1})
    if(NOT CMAKE_MATCH_2 STREQUAL "-virtual")
      list(APPEND codes sm_${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES numbers)
  list(SORT numbers COMPARE NATURAL)
  list(LENGTH numbers count)
  if(count LESS 2)
    return()
  endif()
  list(GET numbers 0 lowest)
  list(APPEND codes compute_${lowest})
  list(REMOVE_DUPLICATES codes)
  list(JOIN codes "," codes)
  set_target_properties(${target} PROPERTIES CUDA_ARCHITECTURES OFF)
  target_compile_options(
    ${target}
    PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:--generate-code=arch=compute_${lowest},code=[${codes}]>")
endfunction()

# So that a job can build, say, only the unit tests.
function(lithify_group target)
  foreach(label IN LISTS ARGN)
    if(NOT TARGET lithify_tests_${label})
      add_custom_target(lithify_tests_${label})
    endif()
    add_dependencies(lithify_tests_${label} ${target})
    if(label STREQUAL "integration" AND TARGET lithify_cli)
      add_dependencies(lithify_tests_integration lithify_cli) # they run the program
    endif()
  endforeach()
endfunction()

function(lithify_register target prefix device timeout)
  gtest_discover_tests(
    ${target}
    TEST_PREFIX "${prefix}."
    TEST_LIST ${prefix}_tests
    WORKING_DIRECTORY "${LITHIFY_RUN_FOLDER}"
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${timeout} ENVIRONMENT LITHIFY_TEST_DEVICE=${device})
  list(JOIN ARGN " " labels)
  set_property(GLOBAL APPEND PROPERTY LITHIFY_TEST_PROGRAMS "${target} ${device} ${labels}")
  # Labels are a list, which gtest_discover_tests (CMake 3.25) does not carry through its own lists: they are
  # set in a file that ctest reads after the one with the tests. The tests are unknown until they are built.
  set(labels_file "${CMAKE_CURRENT_BINARY_DIR}/${prefix}_labels.cmake")
  file(CONFIGURE OUTPUT "${labels_file}" @ONLY CONTENT [=[
if(@prefix@_tests)
  set_tests_properties(${@prefix@_tests} PROPERTIES LABELS "@ARGN@")
endif()
]=])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${labels_file}")
endfunction()

function(lithify_test name)
  lithify_test_arguments(cpp)
  add_executable(${name} ${arg_SOURCES})
  lithify_group(${name} ${arg_LABEL} ${arg_LABELS})
  lithify_test_target(${name} INTERNALS ${arg_INTERNALS} LIBRARIES ${arg_LIBRARIES})
  lithify_precompile(${name} TEST)
  lithify_register(${name} ${name} cpu ${arg_TIMEOUT} ${arg_LABEL} ${arg_LABELS})
  if(arg_ON_DEVICES AND LITHIFY_HAS_CUDA)
    lithify_register(${name} ${name}_on_cuda cuda ${arg_TIMEOUT} ${arg_LABEL} gpu ${arg_LABELS})
  endif()
endfunction()

function(lithify_device_test name)
  lithify_test_arguments(cu)
  add_executable(${name}_cpu)
  foreach(source IN LISTS arg_SOURCES)
    lithify_device_wrapper("${source}" wrapper)
    target_sources(${name}_cpu PRIVATE "${wrapper}")
  endforeach()
  lithify_group(${name}_cpu ${arg_LABEL} ${arg_LABELS})
  lithify_test_target(${name}_cpu INTERNALS ${arg_INTERNALS} LIBRARIES ${arg_LIBRARIES})
  lithify_device_settings(${name}_cpu)
  lithify_precompile(${name}_cpu DEVICE TEST)
  lithify_register(${name}_cpu ${name}_cpu cpu ${arg_TIMEOUT} ${arg_LABEL} ${arg_LABELS})

  if(LITHIFY_HAS_CUDA)
    add_executable(${name}_cuda ${arg_SOURCES})
    set_source_files_properties(${arg_SOURCES} PROPERTIES LANGUAGE CUDA)
    lithify_group(${name}_cuda gpu)
    lithify_test_target(${name}_cuda INTERNALS ${arg_INTERNALS} LIBRARIES ${arg_LIBRARIES})
    lithify_device_settings(${name}_cuda)
    lithify_test_architectures(${name}_cuda)
    lithify_register(${name}_cuda ${name}_cuda cuda ${arg_TIMEOUT} ${arg_LABEL} gpu ${arg_LABELS})
  endif()
endfunction()

function(lithify_list_tests)
  get_property(programs GLOBAL PROPERTY LITHIFY_TEST_PROGRAMS)
  list(JOIN programs "\n" lines)
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/tests/programs.txt" CONTENT "${lines}\n" @ONLY)
endfunction()
