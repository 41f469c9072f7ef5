"""Gaussian weights for windows: what local means and weighted pools multiply by."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from lenet.shapes import Array

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def gaussian_window(window: tuple[int, int], coefficient: float = 2.0) -> Array:
    """Weights exp(-v (dy^2 + dx^2)) around the middle of the window, adding up to 1, (height, width) float64.

    v = 1 / (coefficient s), or 1 / s^2 if the coefficient is 0, where s is a quarter of the shorter
    side; the middle of an even side is the pixel after it.  Source: EBLearn's recorded gaussian_n*.

    >>> gaussian_window((3, 3)).round(3).tolist()
    [[0.064, 0.125, 0.064], [0.125, 0.243, 0.125], [0.064, 0.125, 0.064]]
    """
    import numpy as np

    rows, columns = (np.arange(side) - side // 2 for side in window)
    weights = np.exp(-_rate(window, coefficient) * (rows[:, None] ** 2 + columns**2))
    normalised: Array = weights / weights.sum()
    return normalised


@lru_cache(maxsize=64)
def gaussian_lines(window: tuple[int, int], coefficient: float = 2.0) -> tuple[list[float], list[float]]:
    """Weights of the rows and of the columns of a window: the weight of a place is the product of both.

    >>> rows, columns = gaussian_lines((3, 3))
    >>> round(rows[0] * columns[1], 3)
    0.125
    """
    import numpy as np

    rate = _rate(window, coefficient)
    found = []
    for side in window:
        weights = np.exp(-rate * (np.arange(side) - side // 2) ** 2)
        found.append((weights / weights.sum()).tolist())
    return found[0], found[1]


def _rate(window: tuple[int, int], coefficient: float) -> float:
    """How fast weights fall with the squared distance from the middle."""
    quarter = min(window) / 4
    return 1 / (coefficient * quarter) if coefficient else 1 / quarter**2


def gaussian_tensor(window: tuple[int, int], coefficient: float, like: Tensor, total: float = 1.0) -> Tensor:
    """The same weights, adding up to `total`, in the type and on the device of a tensor, (height, width)."""
    return _constant(window, coefficient, total, like.dtype, like.device)


@lru_cache(maxsize=64)
def _constant(
    window: tuple[int, int], coefficient: float, total: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Made once and never changed; a tensor of inference could not be trained with later."""
    import torch

    with torch.inference_mode(False):
        return torch.tensor(gaussian_window(window, coefficient) * total, dtype=dtype, device=device)
