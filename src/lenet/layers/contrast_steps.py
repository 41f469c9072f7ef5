"""The two steps of contrast normalisation, with their second derivatives.

First the local mean is taken off, then the local deviation divides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import pulled_back
from lenet.layers.local_mean import LocalMean

if TYPE_CHECKING:
    from torch import Tensor

EACH = (1, 2, 3)  # the axes of one sample


@dataclass(frozen=True)
class Subtraction:
    """Takes the local mean off each pixel, of the standardized sample if asked."""

    mean: LocalMean
    standardized: bool

    def __call__(self, images: Tensor, windows: Tensor) -> Tensor:
        """The differences, (N, C, H, W)."""
        if self.standardized:
            images = standardized(images)
        return self.mean.middle(images) - self.mean.spread(self.mean(images, windows))

    def curvature(self, images: Tensor, windows: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Second derivatives of images and windows; pixel and mean count as if they were unrelated."""

        def both(squares: Tensor, squared_windows: Tensor) -> Tensor:
            # the mean's own divisor is not squared, as EBLearn forgets to
            return self.mean.middle(squares) + self.mean.spread(self.mean(squares, squared_windows))

        used = standardized(images) if self.standardized else images
        own, theirs = pulled_back(both, (used.square(), windows.square()), (outputs,))
        return (own / deviation(images).square() if self.standardized else own), theirs


@dataclass(frozen=True)
class Division:
    """Divides each pixel by the local deviation, or by a floor where that is larger.

    `floor` None is the mean of the sample's deviations; no gradient passes through the floor.
    `running_sum`: this mean is rounded like EBLearn's, see :func:`running_mean`.
    """

    mean: LocalMean
    epsilon: float
    offset: float
    floor: float | None
    running_sum: bool = False

    def __call__(self, images: Tensor, windows: Tensor) -> Tensor:
        """The quotients, (N, C, H, W)."""
        images = images + self.offset if self.offset else images
        deviations = self._deviations(images, windows)
        return self.mean.middle(images) / self.mean.spread(self._divisors(deviations))

    def curvature(self, images: Tensor, windows: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Second derivatives of images and windows; they pass through the floor as if it were not there."""
        images = images + self.offset
        deviations = self._deviations(images, windows)
        divisors = self.mean.spread(self._divisors(deviations))
        of_divisor = outputs * self.mean.middle(images).square() / divisors**4
        of_variance = of_divisor * (0.5 / self.mean.spread(deviations)).square()
        of_square, of_windows = pulled_back(
            lambda squares, squared: self.mean.spread(self.mean(squares, squared)).expand_as(of_variance),
            (images.square().square(), windows.square()),
            (of_variance,),
        )
        (of_pixel,) = pulled_back(self.mean.middle, (images,), (outputs / divisors.square(),))
        return of_pixel + of_square * (2 * images).square(), of_windows

    def _deviations(self, images: Tensor, windows: Tensor) -> Tensor:
        return (self.mean(images.square(), windows) + self.epsilon).sqrt()

    def _divisors(self, deviations: Tensor) -> Tensor:
        import torch

        if self.floor is None and self.running_sum:
            floor = running_mean(deviations.detach(), self.mean.channels)
        elif self.floor is None:
            floor = deviations.detach().mean(EACH, keepdim=True)
        else:
            floor = deviations.new_tensor(self.floor)
        return torch.where(deviations > floor, deviations, floor)


def running_mean(maps: Tensor, channels: int) -> Tensor:
    """The mean of each sample's maps (N, parts, H, W), (N, 1, 1, 1), a running sum in single precision.

    Each map is counted once per channel that it stands for.  The sum loses what a number has below its
    last place, up to 4 parts in 10,000 of a large image: so much EBLearn's floor is off in its detector.
    """
    import numpy as np

    from lenet.layers.running_sum import running_sum

    samples, times = maps.flatten(2).cpu().numpy(), channels // maps.shape[1]
    number = times * samples.shape[1] * samples.shape[2]
    means = [running_sum(sample, times) / np.float32(number) for sample in samples]
    return maps.new_tensor(means)[:, None, None, None]


def standardized(images: Tensor) -> Tensor:
    """Each sample less its mean, divided by its standard deviation, over all its channels and pixels."""
    return (images - images.mean(EACH, keepdim=True)) / deviation(images)


def deviation(images: Tensor) -> Tensor:
    """The standard deviation of each sample, (N, 1, 1, 1), divided by N, not N - 1; 1 where it is 0."""
    variance = images.var(EACH, correction=0, keepdim=True)
    return variance.where(variance > 0, variance.new_ones(())).sqrt()
