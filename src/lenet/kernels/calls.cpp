// One call of the library does a whole list: between two of its kernels the threads stay awake.
#include "calls.h"

#include <new>

#include "abi.h"
#include "threads.h"

namespace {

constexpr lenet::Kernel *kKernels[] = {lenet::convolution_forward, lenet::convolution_backward, lenet::dense_forward,
                                       lenet::dense_backward,      lenet::multiply,             lenet::softmax_loss,
                                       lenet::stored_samples,      lenet::update_parameters,    lenet::augmented_samples};

int run(int threads, const lenet::Call *calls, long number, long turns, long *done) {
    const lenet::Awake awake(threads > 1 && number * turns > 1);
    for (*done = 0; *done < turns; ++*done)
        for (const lenet::Call *call = calls; call < calls + number; ++call)
            if (const int outcome = kKernels[call->kind](threads, call->sizes, call->data, *done)) return outcome;
    return lenet::kDone;
}

}  // namespace

// The list so many times.  An Outcome; what comes after a call that failed is left undone, and `done` tells how
// many turns were not.
LENET_EXPORT int lenet_run(int threads, const lenet::Call *calls, long number, long turns, long *done) {
    try {
        return run(threads, calls, number, turns, done);
    } catch (const std::bad_alloc &) {
        return lenet::kNoMemory;
    }
}
