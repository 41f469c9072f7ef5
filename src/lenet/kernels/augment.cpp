// The kernel of augment.inc.
#include "augment.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "abi.h"
#include "calls.h"
#include "samples.h"
#include "threads.h"

#define LENET_KERNELS_FILE "augment.inc"
#include "every_target.inc"

namespace lenet {

Outcome augmented_samples(int threads, const void *sizes, const void *data, long turn) {
    const AugmentedSamples &s = *static_cast<const AugmentedSamples *>(sizes);
    const AugmentedSamplesData &its = *static_cast<const AugmentedSamplesData *>(data);
    LENET_DISPATCH(augment_batch, threads, s, its, turn);
    return kDone;
}

}  // namespace lenet
