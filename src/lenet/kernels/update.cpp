// The kernel of update.inc.
#include "update.h"

#include "calls.h"

#define LENET_KERNELS_FILE "update.inc"
#include "every_target.inc"

namespace lenet {

Outcome update_parameters(int threads, const void *sizes, const void *data, long turn) {
    const UpdateSettings &settings = *static_cast<const UpdateSettings *>(sizes);
    const UpdateData &its = *static_cast<const UpdateData *>(data);
    LENET_DISPATCH(update, threads, settings, its.parameters, its.rates + turn * settings.parameters);
    return kDone;
}

}  // namespace lenet
