# Finds what we build on: Debian packages and, when there is one, the CUDA toolkit.
#
# Sets LITHIFY_HAS_CUDA and LITHIFY_CUDA_WHY, LITHIFY_HAS_GDAL and LITHIFY_GDAL_WHY, and makes
# lithify_thrust_cpu, the INTERFACE target with which the C++ compiler builds device sources.

# --- CUDA ---------------------------------------------------------------------------------------
set(LITHIFY_HAS_CUDA 0)
set(LITHIFY_CUDA_MINIMUM 12.4) # CCCL 2.3: the oldest Thrust and libcu++ that take C++20 and g++ 12
if(LITHIFY_CUDA STREQUAL "OFF")
  set(LITHIFY_CUDA_WHY "LITHIFY_CUDA=OFF")
else()
  find_package(CUDAToolkit QUIET)
  if(NOT CUDAToolkit_FOUND OR NOT CUDAToolkit_NVCC_EXECUTABLE)
    set(LITHIFY_CUDA_WHY "no CUDA toolkit found")
  elseif(CUDAToolkit_VERSION VERSION_LESS LITHIFY_CUDA_MINIMUM)
    set(LITHIFY_CUDA_WHY "CUDA toolkit ${CUDAToolkit_VERSION} is older than ${LITHIFY_CUDA_MINIMUM}")
  else()
    if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
      # nvcc is often not on PATH; CUDAToolkit also looks in /usr/local/cuda.
      set(CMAKE_CUDA_COMPILER "${CUDAToolkit_NVCC_EXECUTABLE}" CACHE FILEPATH "CUDA compiler")
    endif()
    # Before the language is enabled, or its compiler test may pick an architecture nvcc no longer has.
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES "${LITHIFY_CUDA_ARCHS}")
    endif()
    if(LITHIFY_CUDA STREQUAL "ON")
      set(LITHIFY_HAS_CUDA 1)
    else()
      include(CheckLanguage)
      check_language(CUDA)
      if(CMAKE_CUDA_COMPILER)
        set(LITHIFY_HAS_CUDA 1)
      else()
        set(LITHIFY_CUDA_WHY "${CUDAToolkit_NVCC_EXECUTABLE} does not compile a test program")
      endif()
    endif()
  endif()
  if(LITHIFY_HAS_CUDA)
    enable_language(CUDA)
    # CMake 3.25 tests the compiler before a dialect may be set, and does not know C++20 for nvcc.
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    set(CMAKE_CUDA_EXTENSIONS OFF)
    set(LITHIFY_CUDA_WHY "CUDA toolkit ${CUDAToolkit_VERSION}")
  elseif(LITHIFY_CUDA STREQUAL "ON")
    message(FATAL_ERROR "LITHIFY_CUDA=ON, but: ${LITHIFY_CUDA_WHY}")
  endif()
endif()

# --- Thrust of the CPU backend --------------------------------------------------------------------
find_package(Threads REQUIRED)
find_package(TBB REQUIRED)

add_library(lithify_thrust_cpu INTERFACE)
if(NOT LITHIFY_THRUST STREQUAL "DEBIAN")
  # CUDA 13 keeps CCCL in include/cccl, CUDA 12 in include. No other CUDA header is needed on the CPU.
  find_path(
    LITHIFY_CCCL_INCLUDE_DIR thrust/version.h
    HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV CUDA_PATH
    PATHS /usr/local/cuda/include
    PATH_SUFFIXES cccl include/cccl include
    NO_CMAKE_SYSTEM_PATH NO_SYSTEM_ENVIRONMENT_PATH)
  mark_as_advanced(LITHIFY_CCCL_INCLUDE_DIR)
endif()
if(LITHIFY_THRUST STREQUAL "DEBIAN" OR NOT LITHIFY_CCCL_INCLUDE_DIR)
  if(LITHIFY_THRUST STREQUAL "CCCL")
    message(FATAL_ERROR "LITHIFY_THRUST=CCCL, but no CUDA toolkit with thrust/version.h was found")
  endif()
  find_path(LITHIFY_DEBIAN_THRUST_INCLUDE_DIR thrust/version.h PATHS /usr/include NO_DEFAULT_PATH)
  mark_as_advanced(LITHIFY_DEBIAN_THRUST_INCLUDE_DIR)
  if(NOT LITHIFY_DEBIAN_THRUST_INCLUDE_DIR)
    message(FATAL_ERROR "Thrust was not found; install libthrust-dev and libcub-dev, or a CUDA toolkit")
  endif()
  set(LITHIFY_THRUST_USED DEBIAN)
  set(thrust_dir "${LITHIFY_DEBIAN_THRUST_INCLUDE_DIR}")
else()
  set(LITHIFY_THRUST_USED CCCL)
  set(thrust_dir "${LITHIFY_CCCL_INCLUDE_DIR}")
  target_include_directories(lithify_thrust_cpu SYSTEM INTERFACE "${LITHIFY_CCCL_INCLUDE_DIR}")
endif()
file(STRINGS "${thrust_dir}/thrust/version.h" version_line REGEX "^#[ ]*define[ ]+THRUST_VERSION[ ]")
string(REGEX MATCH "THRUST_VERSION[ ]+([0-9]+)" version_line "${version_line}")
math(EXPR thrust_major "${CMAKE_MATCH_1} / 100000")
math(EXPR thrust_minor "${CMAKE_MATCH_1} / 100 % 1000")
math(EXPR thrust_patch "${CMAKE_MATCH_1} % 100")
set(LITHIFY_THRUST_VERSION "${thrust_major}.${thrust_minor}.${thrust_patch}")
target_compile_definitions(
  lithify_thrust_cpu INTERFACE THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_${LITHIFY_CPU_SYSTEM}
                               THRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP
                               CCCL_IGNORE_DEPRECATED_CPP_DIALECT
                               THRUST_IGNORE_DEPRECATED_CPP_DIALECT
                               CUB_IGNORE_DEPRECATED_CPP_DIALECT)
target_link_libraries(lithify_thrust_cpu INTERFACE TBB::tbb Threads::Threads)

# --- Libraries ------------------------------------------------------------------------------------
set(HDF5_PREFER_PARALLEL FALSE)
find_package(HDF5 1.10 REQUIRED COMPONENTS C)
find_package(PNG REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_path(LITHIFY_XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
mark_as_advanced(LITHIFY_XXHASH_INCLUDE_DIR)

set(LITHIFY_HAS_GDAL 0)
if(LITHIFY_GDAL STREQUAL "OFF")
  set(LITHIFY_GDAL_WHY "LITHIFY_GDAL=OFF")
else()
  find_package(GDAL 3.4 QUIET)
  if(GDAL_FOUND)
    set(LITHIFY_HAS_GDAL 1)
    set(LITHIFY_GDAL_WHY "GDAL ${GDAL_VERSION}")
  elseif(LITHIFY_GDAL STREQUAL "ON")
    message(FATAL_ERROR "LITHIFY_GDAL=ON, but GDAL 3.4 or newer was not found (libgdal-dev)")
  else()
    set(LITHIFY_GDAL_WHY "not found")
  endif()
endif()

if(LITHIFY_TESTS)
  find_package(GTest 1.12 REQUIRED)
  find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
endif()
if(LITHIFY_BENCH)
  find_package(benchmark REQUIRED)
endif()

function(lithify_summary)
  if(LITHIFY_HAS_CUDA)
    set(backends "cuda, cpu (${LITHIFY_CUDA_WHY}; architectures ${CMAKE_CUDA_ARCHITECTURES})")
  else()
    set(backends "cpu only (${LITHIFY_CUDA_WHY})")
  endif()
  message(STATUS "Lithify ${PROJECT_VERSION}, ${CMAKE_BUILD_TYPE}")
  message(STATUS "  backends: ${backends}")
  message(STATUS "  CPU backend: ${LITHIFY_CPU_SYSTEM} through Thrust ${LITHIFY_THRUST_VERSION} (${LITHIFY_THRUST_USED})")
  message(STATUS "  GDAL: ${LITHIFY_GDAL_WHY}")
  if(LITHIFY_SANITIZE)
    message(STATUS "  sanitizers: ${LITHIFY_SANITIZE}")
  endif()
endfunction()
