// Training one sample at a time: the C functions.  What they are handed is described in online.h.
#include "online.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "abi.h"

#define LENET_KERNELS_FILE "online.inc"
#include "every_target.inc"

// The sizes of the structures, for the caller to compare with its own.
LENET_EXPORT int lenet_online_sizes(int64_t *sizes) {
    using namespace lenet::online;
    sizes[0] = sizeof(Link), sizes[1] = sizeof(Parameter), sizes[2] = sizeof(Operation), sizes[3] = sizeof(Plan);
    return 0;
}

#define LENET_ONLINE(SUFFIX, T)                                                                                     \
    LENET_EXPORT int lenet_online_step_##SUFFIX(const lenet::online::Plan *plan, const T *image, const T *target, double rate,     \
                                                double *energy) {                                                   \
        LENET_DISPATCH(online::step<T>, *plan, image, target, rate, energy);                                                \
        return 0;                                                                                                   \
    }                                                                                                               \
    LENET_EXPORT int lenet_online_answer_##SUFFIX(const lenet::online::Plan *plan, const T *images, const T *targets,              \
                                                  int64_t count, double *energies, T *outputs) {                    \
        LENET_DISPATCH(online::answer<T>, *plan, images, targets, count, energies, outputs);                                \
        return 0;                                                                                                   \
    }                                                                                                               \
    LENET_EXPORT int lenet_online_curve_##SUFFIX(const lenet::online::Plan *plan, const T *images, const T *targets,               \
                                                 int64_t count) {                                                   \
        LENET_DISPATCH(online::curve<T>, *plan, images, targets, count);                                                    \
        return 0;                                                                                                   \
    }

LENET_ONLINE(double, double)
LENET_ONLINE(single, float)
