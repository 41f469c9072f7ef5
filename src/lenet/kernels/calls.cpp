// One call of the library does a whole list: between two of its kernels the threads stay awake.
#include "calls.h"

#include "abi.h"
#include "threads.h"

namespace {

constexpr lenet::Kernel *kKernels[] = {lenet::convolution_forward, lenet::convolution_backward, lenet::dense_forward,
                                       lenet::dense_backward,      lenet::multiply,             lenet::softmax_loss};

int run(int threads, const lenet::Call *calls, long number) {
    const lenet::Awake awake(threads > 1 && number > 1);
    for (const lenet::Call *call = calls; call < calls + number; ++call)
        if (const int outcome = kKernels[call->kind](threads, call->sizes, call->data)) return outcome;
    return lenet::kDone;
}

}  // namespace

// An Outcome; what comes after a call that failed is left undone.
LENET_EXPORT int lenet_run(int threads, const lenet::Call *calls, long number) {
    try {
        return run(threads, calls, number);
    } catch (const std::bad_alloc &) {
        return lenet::kNoMemory;
    }
}
