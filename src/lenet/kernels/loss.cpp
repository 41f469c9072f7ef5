// Softmax with loss and dropout's products: little work, in plain C++ for every instruction set.
#include "loss.h"

#include <algorithm>
#include <atomic>
#include <cfloat>
#include <cmath>
#include <vector>

#include "calls.h"
#include "threads.h"

namespace lenet {
namespace {

constexpr long kSamples = 128, kNumbers = 16384;  // of a unit of work
const double kLargest = -std::log(static_cast<double>(FLT_MIN));  // more no sample counts, as in Caffe

// The loss of one sample; the gradient is that of the uncut loss.
double softmax_of_sample(const SoftmaxLoss &s, const float *scores, long long label, float *gradient) {
    double largest = scores[0], sum = 0;
    for (long c = 1; c < s.classes; ++c) largest = scores[c] > largest ? scores[c] : largest;
    for (long c = 0; c < s.classes; ++c) sum += std::exp(scores[c] - largest);
    const double weight = 1.0 / static_cast<double>(s.batch);
    for (long c = 0; c < s.classes; ++c)
        gradient[c] = static_cast<float>((std::exp(scores[c] - largest) / sum - (c == label)) * weight);
    const double loss = std::log(sum) + largest - scores[label];
    return loss > kLargest ? kLargest : loss;
}

}  // namespace

Outcome softmax_loss(int threads, const void *sizes, const void *data, long turn) {
    const SoftmaxLoss &s = *static_cast<const SoftmaxLoss *>(sizes);
    const SoftmaxLossData &its = *static_cast<const SoftmaxLossData *>(data);
    std::vector<double> losses(s.batch);
    std::atomic<bool> outside{false};
    run_units(threads, (s.batch + kSamples - 1) / kSamples, [&](long unit, int) {
        for (long n = unit * kSamples; n < std::min((unit + 1) * kSamples, s.batch); ++n) {
            if (its.labels[n] < 0 || its.labels[n] >= s.classes) {
                outside = true;
                return;
            }
            losses[n] = softmax_of_sample(s, its.scores + n * s.classes, its.labels[n], its.gradient + n * s.classes);
        }
    });
    if (outside) return kNoSuchLabel;
    double total = 0;
    for (const double loss : losses) total += loss;
    its.losses[turn] = static_cast<float>(total / static_cast<double>(s.batch));
    return std::isfinite(its.losses[turn]) ? kDone : kNoNumber;
}

Outcome multiply(int threads, const void *sizes, const void *data, long turn) {
    const auto [count, step] = *static_cast<const Multiply *>(sizes);
    const MultiplyData &its = *static_cast<const MultiplyData *>(data);
    const float *factors = its.factors + turn * step;
    run_units(threads, (count + kNumbers - 1) / kNumbers, [&, count = count](long unit, int) {
        for (long i = unit * kNumbers; i < std::min((unit + 1) * kNumbers, count); ++i)
            its.products[i] = its.numbers[i] * factors[i];
    });
    return kDone;
}

}  // namespace lenet
