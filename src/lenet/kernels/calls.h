// Lists of calls: what one C function works off, and the kernels that it knows.
#pragma once

namespace lenet {

// The order is that of calls.py.
enum Kind : long { kConvolutionForward = 0, kConvolutionBackward, kDenseForward, kDenseBackward, kMultiply, kSoftmaxLoss };

struct Call {
    long kind;
    const void *sizes, *data;  // of the kernel
};

enum Outcome : int { kDone = 0, kNoMemory, kNoSuchLabel };

// Each kernel is handed the sizes and the data of its own header.  Throws std::bad_alloc.
using Kernel = Outcome(int threads, const void *sizes, const void *data);
Kernel convolution_forward, convolution_backward, dense_forward, dense_backward, multiply, softmax_loss;

}  // namespace lenet
