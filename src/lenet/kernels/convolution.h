// Convolution, bias, max-pool and ReLU in one: what the C functions tell the vector code.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "abi.h"
#include "threads.h"

namespace lenet {

// A place that lost: a byte of `winners` where ReLU cut off the largest number, so no gradient passes.
constexpr uint8_t kCutOff = 255;

// All sizes in elements; the order is that of convolution.py.  Strides are those of a batch (N, C, H, W),
// of the weights (outputs, C, rows, columns); the layouts are up to torch.
struct Convolution {
    long batch, channels, height, width;
    long outputs, rows, columns;  // of the window
    long pad_rows, pad_columns;
    long pool_rows, pool_columns;  // window and stride of the pool
    long conv_height, conv_width;  // what is pooled
    long pooled_height, pooled_width;
    long relu;
    long x_stride[4], y_stride[4], w_stride[4];
};

struct ForwardData {
    const float *x, *weights, *bias;  // no bias: null
    float *y;
    uint8_t *winners;  // place within the window, row by row, or kCutOff; [N][H][W][outputs]; null: not wanted
};

struct BackwardData {
    const float *x, *weights, *y_gradient;
    const uint8_t *winners;
    float *x_gradient, *weights_gradient, *bias_gradient;  // null: not wanted
};

}  // namespace lenet
