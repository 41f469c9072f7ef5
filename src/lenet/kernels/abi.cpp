// The version of the C functions, and the choice of the instruction set.
#include "abi.h"

#include <atomic>

#ifndef LENET_SOURCE
#define LENET_SOURCE ""
#endif

namespace lenet {
namespace {

Target best() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return kAvx512;
    if (avx2) return kAvx2;
#endif
    return kPortable;
}

std::atomic<int> chosen{-1};

}  // namespace

Target target() {
    int found = chosen.load(std::memory_order_relaxed);
    if (found < 0) {
        found = best();
        chosen.store(found, std::memory_order_relaxed);
    }
    return static_cast<Target>(found);
}

}  // namespace lenet

// What the library was compiled from, as setup.py counts it: library.py refuses one that its source has left.
LENET_EXPORT const char *lenet_source() { return LENET_SOURCE; }

// Use at most this instruction set; the answer is the one in use from now on.
LENET_EXPORT int lenet_choose_target(int most) {
    const int there = lenet::best();
    lenet::chosen.store(most < 0 ? 0 : most < there ? most : there, std::memory_order_relaxed);
    return lenet::target();
}
