"""The call that takes the next batch out of samples in memory, each changed in its own way, see augment.h."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.kernels.calls import Call, Calls
from lenet.kernels.samples import STORED, Held

if TYPE_CHECKING:
    from torch import Tensor


class _AugmentedSamples(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_long) for name in ("batch", "channels", "height", "width", "stored")),
        *((name, ctypes.c_long) for name in ("lattice_rows", "lattice_columns")),
        *((name, ctypes.c_float) for name in ("elastic", "scale")),
    )


@dataclass(frozen=True)
class Bending:
    """What displaces pixels: noise times `elastic`, smoothed by the weights of its points for each pixel.

    `noise` (turns, N, 2, rows, columns), `down` (rows, H), `across` (columns, W), float32, contiguous.
    """

    noise: Tensor
    down: Tensor
    across: Tensor
    elastic: float


def augmented_samples_call(
    held: Held,
    rows: Tensor | None,
    maps: Tensor,
    bending: Bending | None,
    images: Tensor,
    labels: Tensor | None,
) -> Call:
    """What fills `images` (N, C, H, W) with (changed sample - mean) * scale, and their `labels`, int64 (N,).

    `rows`, int64 (turns, N), says which samples come, None: all of them; nothing checks them.  `maps`,
    float32 (turns, 6, N), says where pixels come from, from the centre of an image: for x the factors of x
    and of y and a shift, then the same for y.
    """
    stored = STORED.index(str(held.samples.dtype).removeprefix("torch."))
    lattice = bending.noise.shape[-2:] if bending else (0, 0)
    bent = (bending.noise, bending.down, bending.across) if bending else (None,) * 3
    elastic = bending.elastic if bending else 0.0
    sizes = _AugmentedSamples(*images.shape, stored, *lattice, elastic, held.scale)
    its_labels = None if labels is None else held.labels
    return Call(
        "augmented_samples", sizes, (held.samples, its_labels, rows, maps, *bent, held.mean, images, labels)
    )


def augment(samples: Tensor, maps: Tensor, bending: Bending | None) -> Tensor:
    """These images (N, C, H, W), contiguous and of a type of STORED, changed, float32; by one thread.

    `maps` and `bending` are those of one turn, see :func:`augmented_samples_call`.
    """
    import torch

    images = torch.empty(samples.shape, dtype=torch.float32, device="cpu")
    if images.numel():
        held = Held(samples, torch.empty(0, dtype=torch.int64, device="cpu"), None, 1.0)
        Calls((augmented_samples_call(held, None, maps, bending, images, None),)).turns(1, threads=1)
    return images
