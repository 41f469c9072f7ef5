"""The images that every engine trains with; needs numpy alone, as the environments of the peers do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[1] / "build" / "bench" / "data"


def write_digits() -> None:
    """Put MNIST's training digits where all engines find them."""
    from lenet.data.mnist import mnist_arrays

    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, array in zip(("images", "labels"), mnist_arrays("train"), strict=True):
        np.save(FOLDER / f"{name}.npy", array)


def digits(samples: int, side: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, side, side), uint8, and labels (N,), int64: digits, repeated side by side if need be."""
    number = min(samples, 60000 if side == 28 else 4096)
    images, labels = (np.load(FOLDER / f"{name}.npy")[:number] for name in ("images", "labels"))
    times = -(-side // 28)
    return np.ascontiguousarray(np.tile(images, (1, 1, times, times))[:, :, :side, :side]), labels
