// The kernels of convolution.inc.
#include "convolution.h"

#include "calls.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LENET_KERNELS_FILE "convolution.inc"
#include "every_target.inc"

namespace lenet {

Outcome convolution_forward(int threads, const void *sizes, const void *data, long) {
    LENET_DISPATCH(run_convolution_forward, threads, *static_cast<const Convolution *>(sizes),
                   *static_cast<const ForwardData *>(data));
    return kDone;
}

Outcome convolution_backward(int threads, const void *sizes, const void *data, long) {
    LENET_DISPATCH(run_convolution_backward, threads, *static_cast<const Convolution *>(sizes),
                   *static_cast<const BackwardData *>(data));
    return kDone;
}

}  // namespace lenet
