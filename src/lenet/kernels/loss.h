// Softmax with loss, and dropout's products: what loss.py tells.
#pragma once

namespace lenet {

struct SoftmaxLoss {
    long batch, classes;
};

struct SoftmaxLossData {
    const float *scores;  // (batch, classes)
    const long long *labels;
    float *losses;         // of each turn, the mean
    float *gradient;       // of the scores
};

struct Multiply {
    long count, step;  // step: from the factors of a turn to those of the next
};

struct MultiplyData {
    const float *numbers, *factors;
    float *products;
};

}  // namespace lenet
