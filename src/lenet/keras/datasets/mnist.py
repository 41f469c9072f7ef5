"""MNIST as `keras.datasets.mnist` gives it, without a download."""

from __future__ import annotations

from lenet.data.mnist import Part, mnist_arrays
from lenet.shapes import Array

Pair = tuple[Array, Array]


def load_data(path: str = "mnist.npz") -> tuple[Pair, Pair]:
    """((training images, labels), (test images, labels)), uint8, for the caller to change.

    Shape: images (60000, 28, 28) and (10000, 28, 28), labels (60000,) and (10000,).
    Parameters: `path` is Keras' name for its own copy and says nothing here.

    Raises: FileError if the bundled files are damaged.
    """
    return _pair("train"), _pair("test")


def _pair(part: Part) -> Pair:
    images, labels = mnist_arrays(part)
    return images[:, 0].copy(), labels.astype("uint8")
