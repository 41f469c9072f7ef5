"""What is done to an image on its way into the network: augmentation, crop, mean, scale, mirror, in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.data.augment import Augmentation
from lenet.errors import DataError, FileError, Where
from lenet.formats.blob import read_blob
from lenet.shapes import Array, Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Generator, Tensor

#: Numbers of a batch for which torch would wake its threads, though one alone is done before they are awake;
#: and awake they would be in the way of what comes next.
_BY_ONE_THREAD = 2**18


@dataclass(frozen=True)
class Transform:
    """(crop(x) - mean) * scale, then mirrored.

    Parameters: `scale`; `mean_values`, one for all channels or one per channel, or `mean_file`, an
    array (C, H, W) in a .binaryproto or .npy file that is cropped at the same place; `crop`, the side of
    a square window, 0 for none: at random while training, in the middle otherwise; `mirror`: flip half
    of the samples left to right; `channels`: force 1 (grey) or 3 (colour) when encoded images are decoded;
    `augmentation`, at random before all else while training, never when testing.
    Differs: Caffe mirrors in every phase, also when testing, and so does this.
    """

    scale: float = 1.0
    mean_values: tuple[float, ...] = ()
    mean_file: str = ""
    crop: int = 0
    mirror: bool = False
    channels: int | None = None
    augmentation: Augmentation = Augmentation()

    @property
    def random(self) -> bool:
        """Whether it does something at random while training."""
        return bool(self.crop) or self.mirror or self.augmentation.random

    def shape(self, sample: Shape) -> Shape:
        """The shape of a sample (C, H, W) afterwards.

        Raises: ShapeError if the crop is larger than the sample, or augmentation meets no image.
        """
        if self.augmentation.random and len(sample) != 3:
            raise ShapeError(f"augmentation is for images, the sample is {text(sample)}")
        if not self.crop:
            return sample
        if len(sample) != 3 or min(sample[1:]) < self.crop:
            raise ShapeError(
                f"crop size {self.crop} is larger than its sample, {text(sample)}",
                hint=f"use {min(sample[1:])} or less" if len(sample) == 3 else "leave the crop out",
            )
        return (sample[0], self.crop, self.crop)

    def mean(self, sample: Shape) -> Array | None:
        """What is subtracted from a sample (C, H, W): (C, H, W) or (C, 1, 1), float32; None for nothing.

        Raises: FileError if `mean_file` cannot be read; DataError if it is of another size, or if there
        are neither 1 nor C `mean_values`, or both are given.
        """
        import numpy as np

        if self.mean_values and self.mean_file:
            raise DataError("both mean_file and mean_value are given", hint="leave one of them out")
        if self.mean_file:
            return _fitted(_read_mean(self.mean_file), sample, self.mean_file)
        if not self.mean_values:
            return None
        if len(self.mean_values) not in (1, *sample[:1]):
            raise DataError(
                f"{len(self.mean_values)} mean values for samples of {text(sample)}",
                hint="give one mean_value, or one per channel",
            )
        values = np.array(self.mean_values, np.float32).reshape(-1, *(1 for _ in sample[1:]))
        return np.broadcast_to(values, (*sample[:1], *values.shape[1:])).copy()

    def apply(
        self, images: Tensor, training: bool, generator: Generator | None = None, mean: Tensor | None = None
    ) -> Tensor:
        """Images (N, C, H, W) of any type, transformed, float32; a new tensor.

        `generator` (on the CPU; None: torch's own) draws what is random; `mean` is what :meth:`mean`
        gave, as a tensor where the images are.
        """
        import torch

        if training and self.augmentation.random:
            images = self.augmentation.apply(images, generator)
        if self.crop:
            cut = self._cutter(images, training, generator)
            if mean is not None and mean.shape[1:] == images.shape[2:]:
                mean = cut(mean.expand_as(images))
            images = cut(images)
        result = _scaled(images, mean, self.scale)
        if self.mirror:
            flips = torch.randint(2, (len(result),), generator=generator).bool().to(result.device)
            result = torch.where(flips.view(-1, *(1,) * (result.ndim - 1)), result.flip(-1), result)
        return result

    def _cutter(
        self, images: Tensor, training: bool, generator: Generator | None
    ) -> Callable[[Tensor], Tensor]:
        """What cuts each image's window out of a tensor of the images' shape."""
        import torch

        height, width = images.shape[2:]
        if not training:
            top, left = (height - self.crop) // 2, (width - self.crop) // 2
            window = (..., slice(top, top + self.crop), slice(left, left + self.crop))
            return lambda whole: whole[window]
        tops = torch.randint(height - self.crop + 1, (len(images),), generator=generator).to(images.device)
        lefts = torch.randint(width - self.crop + 1, (len(images),), generator=generator).to(images.device)
        return lambda whole: _windows(whole, tops, lefts, self.crop)


def _scaled(images: Tensor, mean: Tensor | None, scale: float) -> Tensor:
    """(images - mean) * scale as a new tensor, float32."""
    import numpy as np
    import torch

    if images.device.type != "cpu" or images.numel() > _BY_ONE_THREAD:
        result = images.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
        if mean is not None:
            result -= mean
        return result.mul_(scale) if scale != 1 else result
    with np.errstate(all="ignore"):  # a number that is too large becomes inf, as in torch, which tells nobody
        array = images.numpy().astype(np.float32, order="C")
        if mean is not None:
            array -= mean.numpy()
        if scale != 1:
            array *= np.float32(scale)
    return torch.from_numpy(array)


def _windows(images: Tensor, tops: Tensor, lefts: Tensor, side: int) -> Tensor:
    """The square window of each image (N, C, H, W) that starts at its places (N,) of `tops` and `lefts`."""
    import torch

    # a view (N, C, tops, lefts, side, side): 4 times as fast as indices of all rows and columns
    places = images.unfold(2, side, 1).unfold(3, side, 1)
    return places[torch.arange(len(images), device=images.device), :, tops, lefts]


def _read_mean(file: str) -> Array:
    import numpy as np

    if Path(file).suffix != ".npy":
        return read_blob(file)
    try:
        array: Array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FileError(f"the mean image cannot be read: {error}", Where(file)) from None
    return array


def _fitted(mean: Array, sample: Shape, file: str) -> Array:
    import numpy as np

    squeezed = mean[0] if mean.ndim == len(sample) + 1 and len(mean) == 1 else mean
    if squeezed.shape != sample:
        raise DataError(
            f"the mean image is {text(squeezed.shape)}, the samples are {text(sample)}",
            Where(file),
            "make it from the same images",
        )
    return np.array(squeezed, np.float32)
