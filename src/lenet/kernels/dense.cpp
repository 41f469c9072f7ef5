// The kernels of dense.inc.
#include "dense.h"

#include "calls.h"

#define LENET_KERNELS_FILE "dense.inc"
#include "every_target.inc"

namespace lenet {

Outcome dense_forward(int threads, const void *sizes, const void *data, long) {
    LENET_DISPATCH(run_dense_forward, threads, *static_cast<const Dense *>(sizes), *static_cast<const DenseForward *>(data));
    return kDone;
}

Outcome dense_backward(int threads, const void *sizes, const void *data, long) {
    LENET_DISPATCH(run_dense_backward, threads, *static_cast<const Dense *>(sizes),
                   *static_cast<const DenseBackward *>(data));
    return kDone;
}

}  // namespace lenet
