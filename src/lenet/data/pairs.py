"""Pairs of labelled images: what a siamese network learns from."""

from __future__ import annotations

from collections.abc import Iterator

from lenet.shapes import Array


def pairs(images: Array, labels: Array, drawn: Array) -> Iterator[tuple[Array, int]]:
    """Pairs (2C, H, W) of `images` (N, C, H, W), with 1 where both have one label, else 0.

    `drawn` are random whole numbers, two for a pair; each is taken modulo N, as Caffe's
    `convert_mnist_siamese_data` does: of ten classes about every tenth pair is of one class.
    """
    import numpy as np

    for first, second in (drawn % len(images)).reshape(-1, 2).tolist():
        yield np.concatenate([images[first], images[second]]), int(labels[first] == labels[second])
