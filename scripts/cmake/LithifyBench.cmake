# lithify_bench(<name> [SOURCES ...] [DEVICE_SOURCES ...] [LIBRARIES ...])
#
# A Google Benchmark program, build/bench/<name>. SOURCES see the library as users do; DEVICE_SOURCES are
# compiled for every backend into the one program, so each registers its benchmarks under names that
# begin with its backend. A benchmark asks no GPU for anything before it runs: on a machine without one
# the CUDA rows report themselves as skipped.
#
# The target lithify_benches builds them all. Every program is listed in build/bench/programs.txt, for scripts/bench and CI.

add_custom_target(lithify_benches)

function(lithify_bench name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEVICE_SOURCES;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "lithify_bench(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE lithify_flags lithify::lithify benchmark::benchmark_main ${arg_LIBRARIES})
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/bench/support")
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/bench/support")
  endif()
  if(arg_DEVICE_SOURCES)
    lithify_device_sources(${name} ${arg_DEVICE_SOURCES})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
  add_dependencies(lithify_benches ${name})
  set_property(GLOBAL APPEND PROPERTY LITHIFY_BENCH_PROGRAMS ${name})
endfunction()

function(lithify_list_benches)
  get_property(programs GLOBAL PROPERTY LITHIFY_BENCH_PROGRAMS)
  list(JOIN programs "\n" lines)
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/bench/programs.txt" CONTENT "${lines}\n" @ONLY)
endfunction()
