"""Long series of numbers made fit for drawing: smoothed, thinned out, spread over a scale."""

from __future__ import annotations

import numpy as np

from lenet.shapes import Array

# percentages for the accuracy's scale, the most telling first
_TICKS = (90, 99, 99.9, 0, 98, 99.5, 95, 99.8, 50, 80, 99.95, 99.98, 97, 99.2, 99.3, 98.5, 100)
_TINY = 0.02  # percent of errors that the accuracy's scale cannot tell from none


def window_for(points: int) -> int:
    """The stretch over which a curve of so many points is smoothed: a hundredth, odd.

    >>> window_for(10_000), window_for(50)
    (101, 1)
    """
    return max(1, points // 100) | 1


def smooth(values: Array, window: int) -> Array:
    """The mean over a window around each value, shorter at the ends; what is not finite is left out.

    >>> smooth(np.array([1.0, 2.0, 6.0, np.nan]), 3).tolist()
    [1.5, 3.0, 4.0, 6.0]
    """
    finite = np.isfinite(values)
    kept, reach = np.where(finite, values, 0.0), window // 2
    index = np.arange(len(values))
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    sums, counts = (np.concatenate([[0.0], np.cumsum(column)]) for column in (kept, finite.astype(float)))
    number = counts[high] - counts[low]
    means = np.full(len(values), np.nan)
    np.divide(sums[high] - sums[low], number, out=means, where=number > 0)
    return means


def envelope(at: Array, values: Array, stretches: int) -> tuple[Array, Array]:
    """At most two points a stretch, its least and its largest value, so that a long curve draws quickly.

    >>> at, values = envelope(np.arange(6.0), np.array([3.0, 1.0, 2.0, 5.0, 9.0, 4.0]), 2)
    >>> at.tolist(), values.tolist()
    ([0.0, 0.0, 3.0, 3.0], [1.0, 3.0, 4.0, 9.0])
    """
    if len(values) <= 2 * stretches:
        return at, values
    starts = np.linspace(0, len(values), stretches, endpoint=False).astype(int)
    gaps = np.where(np.isfinite(values), values, np.nan)
    low, high = np.fmin.reduceat(gaps, starts), np.fmax.reduceat(gaps, starts)
    return np.repeat(at[starts], 2), np.stack([low, high], axis=1).ravel()


def spread(percents: Array) -> Array:
    """The accuracy's scale: minus the logarithm of the percentage of errors.

    It sets 90, 99 and 99.9 equally far apart, so that a good network's progress can be seen; it goes
    on a little above 100, so that a mark there is drawn whole.

    >>> spread(np.array([0.0, 90.0, 99.0])).round(2).tolist()
    [-2.0, -1.0, -0.01]
    """
    errors = np.maximum(100.0 - np.asarray(percents, dtype=np.float64), -0.95 * _TINY)
    return np.asarray(-np.log10(errors + _TINY))


def unspread(heights: Array) -> Array:
    """The inverse of :func:`spread`."""
    return np.asarray(100.0 + _TINY - 10.0 ** -np.asarray(heights, dtype=np.float64))


def spread_ticks(bottom: float, top: float, number: int = 6) -> list[float]:
    """Round percentages between two heights of the scale, far enough apart to be read.

    >>> spread_ticks(-2.1, 0.1)
    [0.0, 50.0, 80.0, 90.0, 95.0, 98.0, 99.0]
    """
    chosen: dict[float, float] = {}
    for tick in _TICKS:
        height = float(spread(np.array([tick]))[0])
        apart = all(abs(height - other) >= (top - bottom) / (number + 2) for other in chosen.values())
        if bottom - 1e-9 <= height <= top + 1e-9 and apart:
            chosen[float(tick)] = height
    return sorted(chosen)
