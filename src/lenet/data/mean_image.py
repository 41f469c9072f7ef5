"""The mean of all images of a database: the work of Caffe's `compute_image_mean`."""

from __future__ import annotations

from collections.abc import Callable

from lenet.data.database import DatabaseReader
from lenet.shapes import Array


def mean_image(reader: DatabaseReader, tell: Callable[[int], object] = lambda number: None) -> Array:
    """The mean (C, H, W), float32; `tell` hears how many images were read.

    Differs from a mean in float64: the sum is float32, image after image, as Caffe's, which rounds it beyond
    2^24, with some 65,000 images.

    Raises: DataError or FileError if an image cannot be read or has another size than the first one.
    """
    import numpy as np

    total, number = np.zeros(reader.shapes[0], np.float32), 0
    for images, _ in reader.read_ahead():
        for image in images:
            total += image
        number += len(images)
        tell(number)
    mean: Array = total / np.float32(number)
    return mean


def channel_means(mean: Array) -> list[float]:
    """The mean of each channel of a mean image, added up one by one in float32, as Caffe prints it."""
    import numpy as np

    flat = mean.reshape(len(mean), -1)
    return [float(np.add.accumulate(row)[-1] / np.float32(row.size)) for row in flat]
