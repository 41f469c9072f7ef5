"""Images (H, W, C) of any numbers made larger or smaller, as Caffe's Python interface does it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lenet.errors import DataError
from lenet.shapes import Array, text


def resize_image(im: Array, new_dims: Sequence[int], interp_order: int = 1) -> Array:
    """An image (H, W, C) as (*new_dims, C), float32.

    Images of 1 or 3 channels are smoothed before they are made smaller (a Gaussian of half a pixel for
    each pixel beyond the first that falls together, darkest value beyond the edge), pixels are squares;
    others are not smoothed, and their corner pixels stay corners.  `interp_order` 1 is bilinear, 0 takes
    the nearest pixel.

    Source: the recorded resized, resized_order0, which scikit-image 0.19 or later made for Caffe.

    Raises: DataError for another order.
    """
    if interp_order not in (0, 1):
        raise DataError(f"interp_order is {interp_order}", hint="0: nearest pixel, 1: bilinear")
    if im.ndim != 3:
        raise DataError(f"an image of height x width x channels is wanted, not {text(im.shape)}")
    low, high = float(im.min()), float(im.max())
    if low == high:
        return np.full((*new_dims, im.shape[2]), low, np.float32)
    result = (im.astype(np.float64) - low) / (high - low)
    squares = im.shape[2] in (1, 3)
    for axis, size in enumerate(new_dims):
        if squares:
            result = _along(_smoothing(im.shape[axis], size), result, axis)
        result = _along(_sampling(im.shape[axis], size, interp_order, squares), result, axis)
    return (result * (high - low) + low).astype(np.float32)


def _along(matrix: Array, image: Array, axis: int) -> Array:
    return np.moveaxis(np.tensordot(matrix, image, (1, axis)), 0, axis)


def _smoothing(size: int, new_size: int) -> Array:
    """The matrix (size, size) of a Gaussian, cut off after four deviations; beyond the edge is 0."""
    deviation = (size / new_size - 1) / 2
    if deviation <= 0:
        return np.eye(size)
    radius = int(4 * deviation + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    places = np.arange(size)
    distances = places - places[:, None]
    within = np.abs(distances) <= radius
    chosen = weights[np.clip(distances + radius, 0, 2 * radius)]
    return np.where(within, chosen / weights.sum(), 0.0)


def _sampling(size: int, new_size: int, order: int, squares: bool) -> Array:
    """The matrix (new_size, size) that takes the pixels apart; beyond the edge is 0."""
    steps = np.arange(new_size)
    if squares:
        places = (steps + 0.5) * (size / new_size) - 0.5
    else:
        places = steps * ((size - 1) / max(1, new_size - 1))
    matrix = np.zeros((new_size, size))
    if order == 0:
        matrix[steps, np.clip(np.floor(places + 0.5), 0, size - 1).astype(int)] = 1
        return matrix
    before = np.floor(places).astype(int)
    for index, weight in ((before, 1 - (places - before)), (before + 1, places - before)):
        inside = (index >= 0) & (index < size)
        matrix[steps[inside], index[inside]] += weight[inside]
    return matrix
