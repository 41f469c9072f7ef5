"""The call that takes the next batch out of samples in memory, see samples.h."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.kernels.calls import Call

if TYPE_CHECKING:
    from torch import Tensor

STORED = ("uint8", "float32")  # in the order of samples.h


class _StoredSamples(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_long) for name in ("batch", "numbers", "stored")),
        ("scale", ctypes.c_float),
    )


@dataclass(frozen=True)
class Held:
    """Samples in memory, contiguous and of a type of STORED, with their labels, int64 (samples,)."""

    samples: Tensor
    labels: Tensor
    mean: Tensor | None  # float32, of a sample's shape
    scale: float


def stored_samples_call(held: Held, rows: Tensor, images: Tensor, labels: Tensor) -> Call:
    """What fills `images` (N, ...), float32, with (sample - mean) * scale, and their `labels`, int64 (N,).

    `rows`, int64 (turns, N), says which samples come; nothing checks them.
    """
    stored = STORED.index(str(held.samples.dtype).removeprefix("torch."))
    numbers = held.samples[0].numel()
    sizes = _StoredSamples(rows.shape[1], numbers, stored, held.scale)
    return Call("stored_samples", sizes, (held.samples, held.labels, rows, held.mean, images, labels))
