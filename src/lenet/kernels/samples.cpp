// The next batch out of memory, scaled: little work, in plain C++ for every instruction set.
#include "samples.h"

#include <algorithm>
#include <cstdint>

#include "calls.h"
#include "threads.h"

namespace lenet {
namespace {

constexpr long kNumbers = 16384;  // of a unit of work

template <typename Number>
void scale_sample(const StoredSamples &s, const StoredSamplesData &its, long row, float *image) {
    const Number *sample = static_cast<const Number *>(its.samples) + row * s.numbers;
    if (its.mean)
        for (long i = 0; i < s.numbers; ++i) image[i] = (static_cast<float>(sample[i]) - its.mean[i]) * s.scale;
    else
        for (long i = 0; i < s.numbers; ++i) image[i] = static_cast<float>(sample[i]) * s.scale;
}

}  // namespace

Outcome stored_samples(int threads, const void *sizes, const void *data, long turn) {
    const StoredSamples &s = *static_cast<const StoredSamples *>(sizes);
    const StoredSamplesData &its = *static_cast<const StoredSamplesData *>(data);
    const long together = std::max(1L, kNumbers / std::max(1L, s.numbers));
    run_units(threads, (s.batch + together - 1) / together, [&](long unit, int) {
        for (long n = unit * together; n < std::min((unit + 1) * together, s.batch); ++n) {
            const long long row = its.rows[turn * s.batch + n];
            its.its_labels[n] = its.labels[row];
            if (s.stored == kStoredBytes) scale_sample<uint8_t>(s, its, row, its.images + n * s.numbers);
            else scale_sample<float>(s, its, row, its.images + n * s.numbers);
        }
    });
    return kDone;
}

}  // namespace lenet
