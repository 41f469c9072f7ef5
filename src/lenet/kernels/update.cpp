// The C function of update.inc.
#include "update.h"

#define LENET_KERNELS_FILE "update.inc"
#include "every_target.inc"

LENET_EXPORT int lenet_update(int threads, const lenet::UpdateSettings *settings, const lenet::Parameter *parameters,
                              long number) {
    LENET_GUARDED(LENET_DISPATCH(update, threads, *settings, parameters, number))
}
