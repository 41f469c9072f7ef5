"""Boxes as offsets from other boxes."""

from __future__ import annotations

from typing import Literal, TypeAlias

from lenet.shapes import Array

Coding: TypeAlias = Literal["corner", "centre", "corner_size"]


def decoded(offsets: Array, priors: Array, variances: Array | None, coding: Coding) -> Array:
    """The boxes (P, B, 4), left, top, right, bottom, that offsets of that shape from priors (P, 4) mean.

    "corner": offsets of the corners; "corner_size": those in widths and heights of the prior; "centre": of
    the middle in widths and heights, and the logarithms of the ratios of width and height.  Offsets are
    multiplied by `variances` (P, 4) first, unless they hold them (None).

    >>> import numpy as np
    >>> decoded(np.zeros((1, 1, 4)), np.array([[0.1, 0.2, 0.3, 0.5]]), None, "centre").round(3).tolist()
    [[[0.1, 0.2, 0.3, 0.5]]]
    """
    import numpy as np

    moves = offsets if variances is None else offsets * variances[:, None]
    low, high = priors[:, None, :2], priors[:, None, 2:]
    size = high - low
    if coding != "centre":
        scales = 1 if coding == "corner" else np.concatenate([size, size], -1)
        boxes: Array = priors[:, None] + moves * scales
        return boxes
    middle = (low + high) / 2 + moves[..., :2] * size
    with np.errstate(over="ignore"):  # an untrained network's boxes may be endless
        half = np.exp(moves[..., 2:]) * size / 2
    return np.concatenate([middle - half, middle + half], -1)
