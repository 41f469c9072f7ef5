// The C functions of convolution.inc.
#include "convolution.h"

#define LENET_KERNELS_FILE "convolution.inc"
#include "every_target.inc"

LENET_EXPORT int lenet_convolution_forward(int threads, const lenet::Convolution *sizes,
                                           const lenet::ForwardData *data) {
    LENET_GUARDED(LENET_DISPATCH(convolution_forward, threads, *sizes, *data))
}

LENET_EXPORT int lenet_convolution_backward(int threads, const lenet::Convolution *sizes,
                                            const lenet::BackwardData *data) {
    LENET_GUARDED(LENET_DISPATCH(convolution_backward, threads, *sizes, *data))
}
