"""What a sample is worth in training, judged by the energy that the network gave it last."""

from __future__ import annotations

from dataclasses import dataclass

from lenet.shapes import Array

_EASY_PART = 0.25  # of the wrongly answered samples; the least worth, or the most


@dataclass(frozen=True)
class Weighing:
    """The probability with which a sample is shown, by its energy among those answered wrongly.

    Parameters: `hardest`, whether high energies make a sample worth more, or less; `ignore_correct`,
    whether samples that were answered rightly are not shown; `by_class`, whether a sample is compared
    with those of its class only.
    Differs: EBLearn's sample_probabilities, as described, unchecked against its output.
    """

    hardest: bool = False
    ignore_correct: bool = False
    by_class: bool = False

    def probabilities(self, energies: Array, correct: Array) -> Array:
        """The probability of each sample, (N,); `energies` are NaN where a sample was never seen.

        >>> import numpy as np
        >>> weighing = Weighing(hardest=True)
        >>> weighing.probabilities(np.array([1.0, 2.0, 3.0, np.nan]), np.array([False] * 4)).tolist()
        [0.0, 0.5, 1.0, 1.0]
        """
        import numpy as np

        seen = np.isfinite(energies)
        wrong = np.sort(energies[seen & ~correct])
        if not len(wrong):
            return np.ones(len(energies))
        low, high = wrong[int(_EASY_PART * len(wrong))], wrong[-1]
        if high == low:
            return np.where(seen & correct & self.ignore_correct, 0.0, 1.0)
        worth = np.clip((energies - low) / (high - low), 0, 1)
        worth = worth if self.hardest else 1 - worth
        worth = np.where(correct & self.ignore_correct, 0.0, worth)
        return np.where(seen, worth, 1.0)
