// Lists of calls: what one C function works off, as often as it is asked to, and the kernels that it knows.
#pragma once

namespace lenet {

// The order is that of calls.py.
enum Kind : long {
    kConvolutionForward = 0,
    kConvolutionBackward,
    kDenseForward,
    kDenseBackward,
    kMultiply,
    kSoftmaxLoss,
    kStoredSamples,
    kUpdate,
    kAugmentedSamples
};

struct Call {
    long kind;
    const void *sizes, *data;  // of the kernel
};

enum Outcome : int { kDone = 0, kNoMemory, kNoSuchLabel, kNoNumber };

// Each kernel is handed the sizes and the data of its own header, and which turn of the list this is: the data of
// some lie one turn's behind the other's.  Throws std::bad_alloc.
using Kernel = Outcome(int threads, const void *sizes, const void *data, long turn);
Kernel convolution_forward, convolution_backward, dense_forward, dense_backward, multiply, softmax_loss, stored_samples,
    update_parameters, augmented_samples;

}  // namespace lenet
