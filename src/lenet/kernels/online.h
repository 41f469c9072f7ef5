// What the plan of a network looks like in memory: one sample at a time through a chain of layers.
//
// The same structures stand in online.py (ctypes); online_sizes() lets it check that they agree.
#pragma once
#include <cstdint>

namespace lenet::online {

enum Kind : int64_t {
    PAD,             // before: rows above, columns to the left
    CONVOLUTION,     // links by output and by input; stride
    DENSE,           // one position: a matrix (outputs, channels x height x width)
    BIAS,            // its output may be its input
    TANH,            // constants: slope that is added
    SCALED_TANH,     // constants: linear
    ABSOLUTE,
    LOWER_BOUND,     // constants: bound, slope below it, whether curvature passes below it
    SUBTRACTION,     // weights: window; groups, constants: divisor
    DIVISION,        // weights: window; constants: divisor, epsilon, offset, floor, whether it is the mean
    SUBSAMPLING,
    MAX_POOLING,
    WEIGHTED_POOLING,  // weights: window
    SQUARE_POOLING,    // weights: window; constants: offset
};

enum Energy : int64_t { SQUARED_ERROR, CROSS_ENTROPY };

// One row of a connection table as one side sees it.
struct Link {
    int64_t plane, kernel;
};

// All pointers are to numbers of the plan's type; `step` is the last change of each number.
struct Parameter {
    void *value, *gradient, *curvature, *rate, *step;
    int64_t size;
    double multiplier;  // of the learning rate; 0: it is not learned
};

struct Operation {
    int64_t kind, parameter;
    int64_t input, output, memory;       // places in the workspace; memory: what the way back needs
    int64_t channels, height, width;     // of the input
    int64_t outputs, rows, columns;      // of the output
    int64_t window[2], stride[2], before[2], groups;
    const int64_t *starts, *starts_back;  // where the links of an output, of an input begin
    const Link *links, *links_back;
    const void *weights;
    double constants[5];
};

struct Plan {
    const Operation *operations;
    int64_t count, first;  // first: the first operation with a parameter, where the way back ends
    const Parameter *parameters;
    void *values, *slopes, *back, *scratch;    // the workspace, the largest blob twice, room for padded planes
    int64_t *places;                           // room for two numbers per pixel of the largest plane
    int64_t energy, inputs, outputs;
    double weight, inertia, l1, l2;
};

}  // namespace lenet::online
