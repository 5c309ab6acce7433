# lithify_folder(<name> [SOURCES ...] [DEVICE_SOURCES ...] [USES <name>...] [LIBRARIES ...])
#
# Makes the target lithify_<name> of one folder, whose include root is <folder>/include. It sees that root
# and those of the folders named in USES, nothing transitively, so a forbidden include does not compile.
# LIBRARIES are third-party targets, seen by this folder alone. A folder without sources is its headers.
# SOURCES go to the C++ compiler; DEVICE_SOURCES to both (LithifyDevice.cmake).
#
# With tests on, each header under include/ is compiled alone: *.hpp as plain C++20 that sees no Thrust,
# *.cuh as device code for the CPU. Not checked: detail/, and cuda_*.cuh, which only nvcc reads.
#
# lithify_library() then puts the objects of every folder into one library.

function(lithify_folder name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEVICE_SOURCES;USES;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "lithify_folder(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(include_root "${CMAKE_CURRENT_SOURCE_DIR}/include")

  add_library(lithify_${name}_headers INTERFACE)
  if(IS_DIRECTORY "${include_root}")
    target_include_directories(lithify_${name}_headers INTERFACE "${include_root}")
    set_property(GLOBAL APPEND PROPERTY LITHIFY_INCLUDE_ROOTS "${include_root}")
  endif()
  set(seen lithify_${name}_headers)
  foreach(used IN LISTS arg_USES)
    list(APPEND seen lithify_${used}_headers)
  endforeach()

  if(arg_SOURCES OR arg_DEVICE_SOURCES)
    add_library(lithify_${name} OBJECT ${arg_SOURCES})
    target_link_libraries(lithify_${name} PRIVATE lithify_flags ${seen} ${arg_LIBRARIES})
    if(arg_DEVICE_SOURCES)
      lithify_device_sources(lithify_${name} ${arg_DEVICE_SOURCES})
      lithify_precompile(lithify_${name} DEVICE)
      set_property(GLOBAL APPEND PROPERTY LITHIFY_LIBRARIES TBB::tbb Threads::Threads)
      if(LITHIFY_HAS_CUDA)
        set_property(GLOBAL APPEND PROPERTY LITHIFY_LIBRARIES CUDA::cudart_static)
      endif()
    else()
      lithify_precompile(lithify_${name})
    endif()
    set_property(GLOBAL APPEND PROPERTY LITHIFY_OBJECTS lithify_${name})
    set_property(GLOBAL APPEND PROPERTY LITHIFY_LIBRARIES ${arg_LIBRARIES})
  else()
    add_library(lithify_${name} INTERFACE)
  endif()

  if(LITHIFY_TESTS)
    lithify_check_headers(${name} "${include_root}" hpp ${seen})
    lithify_check_headers(${name} "${include_root}" cuh ${seen})
  endif()
endfunction()

function(lithify_check_headers name include_root kind)
  file(GLOB_RECURSE headers RELATIVE "${include_root}" CONFIGURE_DEPENDS "${include_root}/*.${kind}")
  list(FILTER headers EXCLUDE REGEX "(/detail/|/cuda_[a-z_]*\\.cuh$)")
  if(NOT headers)
    return()
  endif()
  set(check lithify_${name}_${kind}_check)
  set(sources)
  foreach(header IN LISTS headers)
    set(source "${CMAKE_CURRENT_BINARY_DIR}/header_check/${header}.cpp")
    # Twice, to prove its guard.
    file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n#include <${header}>  // NOLINT\n" @ONLY)
    list(APPEND sources "${source}")
  endforeach()
  add_library(${check} OBJECT ${sources})
  target_link_libraries(${check} PRIVATE lithify_flags ${ARGN})
  if(kind STREQUAL "cuh")
    lithify_device_settings(${check})
  endif()
endfunction()

function(lithify_library)
  get_property(objects GLOBAL PROPERTY LITHIFY_OBJECTS)
  get_property(libraries GLOBAL PROPERTY LITHIFY_LIBRARIES)
  get_property(include_roots GLOBAL PROPERTY LITHIFY_INCLUDE_ROOTS)
  list(REMOVE_DUPLICATES libraries)

  add_library(lithify STATIC)
  add_library(lithify::lithify ALIAS lithify)
  foreach(target IN LISTS objects)
    target_sources(lithify PRIVATE $<TARGET_OBJECTS:${target}>)
  endforeach()
  foreach(root IN LISTS include_roots)
    target_include_directories(lithify PUBLIC "$<BUILD_INTERFACE:${root}>")
  endforeach()
  target_include_directories(lithify INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_compile_features(lithify PUBLIC cxx_std_20)
  target_link_libraries(lithify PRIVATE ${libraries})
  # The objects nvcc made need only the CUDA runtime, which is among the libraries: a user links with C++.
  set_target_properties(lithify PROPERTIES LINKER_LANGUAGE CXX)
endfunction()
