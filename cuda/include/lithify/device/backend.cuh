/// Which backend a translation unit belongs to.
///
/// Every device source is compiled twice: by nvcc for CUDA and by the host compiler for the CPU.
/// All that such sources define lives in the inline namespace LITHIFY_BACKEND, so that both copies
/// link into one program. No other macro distinguishes the backends outside the bodies of the
/// verbs.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#define LITHIFY_BACKEND on_cuda
#define LITHIFY_ON_CUDA 1
/// Callable from kernels and from the host.
#define LITHIFY_HD __host__ __device__
/// Callable from kernels only: functors that work with a lane group.
#define LITHIFY_DEVICE __device__
#else
#define LITHIFY_BACKEND on_cpu
#define LITHIFY_ON_CUDA 0
#define LITHIFY_HD
#define LITHIFY_DEVICE
#endif
