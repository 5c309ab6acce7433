# lithify_flags: the compile flags of all our sources, and of nobody else's.
#
# The first group is part of the promise "the same bits everywhere": no contraction to FMA, IEEE
# division and square root, no flushing of denormals, on both compilers. Do not override it.

add_library(lithify_flags INTERFACE)

set(cxx "$<COMPILE_LANGUAGE:CXX>")
set(cuda "$<COMPILE_LANGUAGE:CUDA>")

target_compile_options(
  lithify_flags
  INTERFACE "$<${cxx}:-ffp-contract=off;-fno-fast-math>"
            "$<${cuda}:--fmad=false;--prec-div=true;--prec-sqrt=true;--ftz=false>"
            "$<${cuda}:-Xcompiler=-ffp-contract=off;-Xcompiler=-fno-fast-math>")

target_compile_options(lithify_flags INTERFACE "$<${cuda}:--extended-lambda;--expt-relaxed-constexpr>")

# nvcc's generated host code does not survive -Wpedantic or -Wshadow, so those are the C++ compiler's
# alone; it sees every device source too.
target_compile_options(
  lithify_flags
  INTERFACE "$<${cxx}:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor;-Wvla>"
            "$<${cuda}:-Xcompiler=-Wall;-Xcompiler=-Wextra>")
# g++ 12 sees overlapping copies in std::string's operator+ that are not there (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(lithify_flags INTERFACE "$<${cxx}:-Wno-restrict>" "$<${cuda}:-Xcompiler=-Wno-restrict>")
endif()
if(LITHIFY_WERROR)
  target_compile_options(lithify_flags INTERFACE "$<${cxx}:-Werror>"
                                                 "$<${cuda}:--Werror=all-warnings;-Xcompiler=-Werror>")
endif()

target_compile_options(lithify_flags INTERFACE "$<${cxx}:-fvisibility=hidden>")
target_compile_options(lithify_flags INTERFACE "$<${cuda}:-Xcompiler=-fvisibility=hidden>")

# On targets that link too, so not part of lithify_flags alone: everything in the build is instrumented.
if(LITHIFY_SANITIZE)
  add_compile_options("$<${cxx}:-fsanitize=${LITHIFY_SANITIZE};-fno-omit-frame-pointer>")
  if(LITHIFY_SANITIZE MATCHES "undefined")
    add_compile_options("$<${cxx}:-fno-sanitize-recover=undefined>")
  endif()
  add_link_options("-fsanitize=${LITHIFY_SANITIZE}")
endif()

unset(cxx)
unset(cuda)
