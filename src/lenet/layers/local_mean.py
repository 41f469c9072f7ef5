"""Weighted means of each pixel's neighbourhood, over one channel or over several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lenet.layers.draws import Draws
from lenet.layers.fillers import FILLERS, Filler
from lenet.layers.gaussian_window import gaussian_lines, gaussian_tensor, gaussian_window
from lenet.layers.inference import only_looked_at
from lenet.layers.layer import Parameter
from lenet.layers.pad import padded, sides_for
from lenet.shapes import Array, Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor

Border = Literal["zero", "mirror", "none"]


@FILLERS.add("gaussian_window")
@dataclass(frozen=True)
class GaussianWindow(Filler):
    """The same Gaussian window in each row, its weights adding up to `total`.

    Parameters: `coefficient`, see :func:`lenet.layers.gaussian_window.gaussian_window`; `total`.

    >>> GaussianWindow()
    GaussianWindow(coefficient=2.0, total=1.0)
    """

    coefficient: float = 2.0
    total: float = 1.0

    def values(self, shape: Shape, draws: Draws) -> Array:
        import numpy as np

        window = gaussian_window((shape[-2], shape[-1]), self.coefficient) * self.total
        return np.broadcast_to(window, shape).astype(np.float32)


@dataclass(frozen=True)
class LocalMean:
    """The mean of a neighbourhood of each pixel, weighted by a window, over `groups` of channels.

    `groups` None takes each channel alone.  The windows of all channels together add up to 1, or each
    of them if the channels are taken alone; the result is divided by `divisor`.  A border of "none"
    leaves out the pixels whose neighbourhood is not whole.

    Raises: ShapeError where groups or border do not fit.
    """

    channels: int
    window: tuple[int, int]
    coefficient: float
    groups: int | None
    divisor: float
    border: Border

    def __post_init__(self) -> None:
        if self.groups is not None and (self.groups < 1 or self.channels % self.groups):
            raise ShapeError(f"{self.channels} channels do not fall into {self.groups} groups")
        if self.border == "mirror" and not all(side % 2 for side in self.window):
            raise ShapeError(f"a mirrored border needs a window of odd sides, not {text(self.window)}")

    @property
    def parts(self) -> int:
        """The channels of the result: one per group."""
        return self.groups or self.channels

    def fixed(self, like: Tensor) -> Tensor:
        """The Gaussian window of every channel, (height, width)."""
        return gaussian_tensor(self.window, self.coefficient, like, 1 / self._sharing)

    def learned(self) -> Parameter:
        """Windows that are learned, one per channel, (C, height, width); Gaussian at first."""
        filler = GaussianWindow(self.coefficient, 1 / self._sharing)
        return Parameter((self.channels, *self.window), filler)

    @property
    def _sharing(self) -> int:
        """The channels whose windows together add up to 1."""
        return self.channels if self.groups else 1

    def __call__(self, images: Tensor, windows: Tensor) -> Tensor:
        """The means (N, parts, H, W) of images (N, C, H, W)."""
        if windows.dim() == 2:
            each = images.reshape(len(images) * self.parts, -1, *images.shape[2:])
            sums = each.sum(1, keepdim=True) if self.channels > self.parts else each
            quick = only_looked_at(sums) and windows is self.fixed(sums)
            means = self._summed(sums) if quick else self._convolved(sums, windows[None, None])
            means = means.view(-1, self.parts, *means.shape[2:])
        else:
            stacked = windows.view(self.parts, -1, *self.window)
            means = self._convolved(images, stacked)
        return means / self.divisor if self.divisor != 1 else means

    def spread(self, means: Tensor) -> Tensor:
        """Means of groups as means of channels, (N, C, H, W)."""
        each = self.channels // self.parts
        return means.repeat_interleave(each, 1) if 1 < self.parts < self.channels else means

    def middle(self, images: Tensor) -> Tensor:
        """The pixels of which there is a mean."""
        if self.border != "none":
            return images
        top, left, bottom, right = sides_for(self.window)
        return images[..., top : images.shape[-2] - bottom, left : images.shape[-1] - right]

    def _summed(self, images: Tensor) -> Tensor:
        """Fixed means of images (N, 1, H, W), first over rows, then over columns.

        Each is a sum of shifted images: for one channel four times as fast as torch's convolution.
        """
        sides = sides_for(self.window)
        framed = images if self.border == "none" else padded(images, sides, self.border)
        rows, columns = gaussian_lines(self.window, self.coefficient)
        return _weighted(_weighted(framed, rows, 2), [each / self._sharing for each in columns], 3)

    def _convolved(self, images: Tensor, windows: Tensor) -> Tensor:
        from torch.nn.functional import conv2d

        sides, groups = sides_for(self.window), images.shape[1] // windows.shape[1]
        if self.border == "zero" and sides[:2] == sides[2:]:
            return conv2d(images, windows, padding=sides[:2], groups=groups)
        framed = images if self.border == "none" else padded(images, sides, self.border)
        return conv2d(framed, windows, groups=groups)


def _weighted(images: Tensor, weights: Sequence[float], axis: int) -> Tensor:
    """The weighted sum of the pixels that follow each other on an axis, wherever all of them are there."""
    size = images.shape[axis] - len(weights) + 1
    result = images.narrow(axis, 0, size) * weights[0]
    for place, weight in enumerate(weights[1:], 1):
        result.add_(images.narrow(axis, place, size), alpha=weight)
    return result
