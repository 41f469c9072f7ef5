"""Images at another size, as OpenCV makes them: bilinear, in whole numbers of 11 bits."""

from __future__ import annotations

from lenet.shapes import Array

_BITS = 11


def resized(image: Array, height: int, width: int) -> Array:
    """An image (H, W) or (H, W, C), uint8, at another size; a smaller one is not averaged.

    Source: what Caffe's ImageData layer read from PNG files, equal bit for bit.

    >>> import numpy as np
    >>> resized(np.array([[0, 100]], np.uint8), 1, 4).tolist()
    [[0, 25, 75, 100]]
    """
    import numpy as np

    if image.shape[:2] == (height, width):
        return image
    flat = image.astype(np.int64).reshape(*image.shape[:2], -1)
    first, second, share = _places(image.shape[1], width)
    rows = flat[:, first] * ((1 << _BITS) - share)[:, None] + flat[:, second] * share[:, None]
    first, second, share = _places(image.shape[0], height)
    rest = ((1 << _BITS) - share)[:, None, None]
    # the roundings of OpenCV's own vertical pass
    upper = ((rows[first] >> 4) * rest) >> 16
    lower = ((rows[second] >> 4) * share[:, None, None]) >> 16
    values = (upper + lower + 2) >> 2
    result: Array = values.astype(np.uint8).reshape(height, width, *image.shape[2:])
    return result


def _places(old: int, new: int) -> tuple[Array, Array, Array]:
    """For each new place the two old ones that it lies between, and the share of the second of 2^11."""
    import numpy as np

    centres = ((np.arange(new) + 0.5) * (old / new) - 0.5).astype(np.float32)
    below = np.floor(centres).astype(np.int64)
    share = centres - below.astype(np.float32)
    share = np.where((below < 0) | (below >= old - 1), np.float32(0), share)
    first = below.clip(0, old - 1)
    weight = np.rint(share * np.float32(1 << _BITS)).astype(np.int64)
    return first, (first + 1).clip(max=old - 1), weight
