# One source, two backends: lithify_device_sources(<target> [PRIVATE] a.cu b.cu ...).
#
# Each X.cu is compiled by nvcc (in a CUDA build) and by the C++ compiler, both into <target>. The C++
# compiler reads it through a generated X.cu.cpp that holds one #include: a distinct file per source,
# because a build system knows an object by its source and because clang-tidy and other tools then find
# device code in compile_commands.json. lithify/device/backend.cuh tells the two apart by __CUDACC__ and
# gives each its own inline namespace, so both objects can lie in one program.
#
# That holds for Thrust's own symbols too: under nvcc CCCL adds the version and the architectures to its
# inline namespace (thrust::THRUST_<version>_SM_<archs>_NS), which neither CCCL under g++ nor
# Debian's 1.17 has, so a template compiled for both is two symbols, whichever Thrust the CPU uses.

function(lithify_device_wrapper source out_wrapper)
  cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
  cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" OUTPUT_VARIABLE relative)
  string(REPLACE "../" "up/" relative "${relative}")
  set(wrapper "${CMAKE_CURRENT_BINARY_DIR}/on_cpu/${relative}.cpp")
  file(CONFIGURE OUTPUT "${wrapper}" CONTENT "#include \"${source}\"\n" @ONLY)
  set(${out_wrapper} "${wrapper}" PARENT_SCOPE)
endfunction()

function(lithify_device_sources target)
  set(sources ${ARGN})
  list(REMOVE_ITEM sources PRIVATE)
  foreach(source IN LISTS sources)
    lithify_device_wrapper("${source}" wrapper)
    target_sources(${target} PRIVATE "${wrapper}")
    if(LITHIFY_HAS_CUDA)
      target_sources(${target} PRIVATE "${source}")
      set_source_files_properties("${source}" PROPERTIES LANGUAGE CUDA)
    endif()
  endforeach()
  lithify_device_settings(${target})
endfunction()

# What a target needs to compile device sources of either kind. Thrust's settings for the CPU are for the
# C++ compiler alone: nvcc has its own Thrust and must see nothing of them.
function(lithify_device_settings target)
  foreach(property IN ITEMS INTERFACE_COMPILE_DEFINITIONS INTERFACE_INCLUDE_DIRECTORIES)
    get_target_property(values lithify_thrust_cpu ${property})
    if(NOT values)
      continue()
    endif()
    foreach(value IN LISTS values)
      if(property STREQUAL "INTERFACE_COMPILE_DEFINITIONS")
        target_compile_definitions(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${value}>")
      else()
        target_include_directories(${target} SYSTEM PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${value}>")
      endif()
    endforeach()
  endforeach()
  target_link_libraries(${target} PRIVATE TBB::tbb Threads::Threads)
  # Not CUDA::cudart_static: it would give the C++ compiler the CUDA headers. lithify::lithify brings it.
  if(LITHIFY_HAS_CUDA)
    set_target_properties(${target} PROPERTIES CUDA_SEPARABLE_COMPILATION OFF CUDA_RUNTIME_LIBRARY Static)
  endif()
endfunction()
