// What the families of kernels share: how C functions are exported, and which instruction set runs.
#pragma once

#define LENET_EXPORT extern "C" __attribute__((visibility("default")))

namespace lenet {

enum Target : int { kPortable = 0, kAvx2 = 1, kAvx512 = 2 };

// The instruction set in use: the best that this processor has, unless somebody asked for less.
Target target();

}  // namespace lenet

// Calls FUNCTION of the namespace that was compiled for the instruction set in use.
#if defined(__x86_64__)
#define LENET_DISPATCH(FUNCTION, ...)                                       \
    (lenet::target() == lenet::kAvx512 ? lenet::avx512::FUNCTION(__VA_ARGS__) \
     : lenet::target() == lenet::kAvx2 ? lenet::avx2::FUNCTION(__VA_ARGS__)   \
                                       : lenet::portable::FUNCTION(__VA_ARGS__))
#else
#define LENET_DISPATCH(FUNCTION, ...) lenet::portable::FUNCTION(__VA_ARGS__)
#endif
