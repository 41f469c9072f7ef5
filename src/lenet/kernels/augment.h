// Batches of samples that are moved, turned and bent on their way out of memory: what augment.py tells.
#pragma once

namespace lenet {

struct AugmentedSamples {
    long batch, channels, height, width, stored;  // one of Stored, see samples.h
    long lattice_rows, lattice_columns;           // points of noise along a height and a width; 0: nothing is bent
    float elastic, scale;
};

struct AugmentedSamplesData {
    const void *samples;
    const long long *labels;  // null: none are wanted
    const long long *rows;    // which samples come, (turns, batch); null: all of them in turn, for one turn
    // where pixels come from, from the centre: for x the factors of x and y and a shift, then for y; (turns, 6, batch)
    const float *maps;
    const float *noise;           // (turns, batch, 2, lattice_rows, lattice_columns)
    const float *down, *across;   // what smooths it: (lattice_rows, height), (lattice_columns, width)
    const float *mean;            // of a sample's numbers; none: null
    float *images;                // the batch
    long long *its_labels;
};

}  // namespace lenet
