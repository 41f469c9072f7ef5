// A fully connected layer with ReLU: what the C functions tell the vector code.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "abi.h"
#include "threads.h"

namespace lenet {

// Matrices lie row by row without gaps: inputs (batch, inputs), weights (outputs, inputs), outputs (batch, outputs).
// The order is that of dense.py.
struct Dense {
    long batch, inputs, outputs;
    long relu;
};

struct DenseForward {
    const float *x, *weights, *bias;  // no bias: null
    float *y;
};

struct DenseBackward {
    const float *x, *weights, *y, *y_gradient;            // y counts with ReLU only
    float *x_gradient, *weights_gradient, *bias_gradient;  // null: not wanted
};

}  // namespace lenet
