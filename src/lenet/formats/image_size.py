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
    flat = image.reshape(*image.shape[:2], -1)
    first, second, share = _places(image.shape[1], width)
    rows = _mixed(flat.take(first, 1), flat.take(second, 1), share[:, None])
    rows >>= 4
    first, second, share = _places(image.shape[0], height)
    # the roundings of OpenCV's own vertical pass, each of the two rows by itself
    upper, lower = rows.take(first, 0), rows.take(second, 0)
    upper *= ((1 << _BITS) - share)[:, None, None]
    lower *= share[:, None, None]
    upper >>= 16
    lower >>= 16
    upper += lower
    upper += 2
    upper >>= 2
    result: Array = upper.astype(np.uint8).reshape(height, width, *image.shape[2:])
    return result


def _mixed(first: Array, second: Array, share: Array) -> Array:
    """Pixels between `first` and `second`, times 2^11; 32 bits hold all that comes."""
    import numpy as np

    mixed: Array = np.multiply(first, (1 << _BITS) - share, dtype=np.int32)
    mixed += np.multiply(second, share, dtype=np.int32)
    return mixed


def _places(old: int, new: int) -> tuple[Array, Array, Array]:
    """For each new place the two old ones that it lies between, and the share of the second of 2^11."""
    import numpy as np

    centres = ((np.arange(new) + 0.5) * (old / new) - 0.5).astype(np.float32)
    below = np.floor(centres).astype(np.int64)
    share = centres - below.astype(np.float32)
    share = np.where((below < 0) | (below >= old - 1), np.float32(0), share)
    first = below.clip(0, old - 1)
    weight = np.rint(share * np.float32(1 << _BITS)).astype(np.int32)
    return first, (first + 1).clip(max=old - 1), weight
