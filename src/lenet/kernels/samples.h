// Batches of samples that lie in memory as they are stored: what samples.py tells.
#pragma once

namespace lenet {

enum Stored : long { kStoredBytes = 0, kStoredFloats };  // the order is that of samples.py

struct StoredSamples {
    long batch, numbers, stored;  // numbers of a sample
    float scale;
};

struct StoredSamplesData {
    const void *samples;
    const long long *labels;
    const long long *rows;  // which samples come, (turns, batch)
    const float *mean;      // of a sample's numbers; none: null
    float *images;          // the batch
    long long *its_labels;
};

}  // namespace lenet
