// The update of every solver rule: what update.py tells.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "abi.h"
#include "threads.h"

namespace lenet {

enum Rule : long { kSgd = 0, kNesterov, kAdaGrad, kRmsProp, kAdaDelta, kAdam };  // as in update.py

struct UpdateSettings {
    long parameters, rule;
    long absolute;               // weight decay by the sign of a weight (L1) instead of the weight (L2)
    float scale;                 // of gradients, first of all
    float decay, rest;           // of the first memory; rest is 1 - decay as Caffe rounds it
    float decay2, rest2;         // of the second one
    float delta;
};

// One parameter; what a rule does not remember is null.
struct Parameter {
    float *weights;
    const float *gradient;
    float *first, *second;
    long count;
    float weight_decay;
};

struct UpdateData {
    const Parameter *parameters;
    const float *rates;  // (turns, parameters)
};

}  // namespace lenet
