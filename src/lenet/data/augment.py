"""Augmentation: images moved, turned, sized, slanted and bent at random, anew each time they are shown."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import lru_cache
from math import pi
from typing import TYPE_CHECKING, NamedTuple

from lenet.errors import DataError

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from lenet.kernels.augment import Bending

_KEPT = 16  # smoothings: a height and a width for each of some sizes of images
_LARGEST = 1e4  # of any setting: beyond it nothing of an image is left


class Drawn(NamedTuple):
    """What is done to each of N images, in one turn or (turns, ...) in some.

    `maps` (6, N) says where pixels come from, see :mod:`lenet.kernels.augment`; `noise` (N, 2, rows,
    columns), on a lattice, makes displacements, None without.
    """

    maps: Tensor
    noise: Tensor | None

    def turn(self, number: int) -> Drawn:
        """That of one of the turns."""
        return Drawn(self.maps[number], None if self.noise is None else self.noise[number])

    @property
    def numbers(self) -> int:
        """How many numbers it is."""
        return self.maps.numel() + (0 if self.noise is None else self.noise.numel())


@dataclass(frozen=True)
class Augmentation:
    """A random affine map and an elastic distortion of each image while training.

    Shape: (N, C, H, W) -> (N, C, H, W)
    Parameters: `shift`, pixels along each axis; `rotation`, degrees; `scale`, the fraction by which an
    image grows or shrinks; `shear`, the fraction of its height by which its top slides against its
    bottom: all four are the most, in either direction, and what is done is drawn evenly.  `elastic`,
    pixels, is the standard deviation of a smooth random displacement of every pixel; `smoothness`, pixels,
    how far neighbours are displaced together, the sigma of a Gaussian.  0 is without.
    Differs: Simard, Steinkraus and Platt (2003) smooth even noise of -1 to 1 and multiply it by alpha: their
    sigma is `smoothness`, their alpha of 34 at a sigma of 4 is an `elastic` of 1.4.  What comes into an
    image from outside is 0.

    >>> Augmentation(shift=2).random, Augmentation().random
    (True, False)
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    smoothness: float = 4.0

    @property
    def random(self) -> bool:
        """Whether it changes anything."""
        return any((self.shift, self.rotation, self.scale, self.shear, self.elastic))  # asked often

    def check(self) -> None:
        """Refuse settings that leave nothing of an image.

        Raises: DataError that names the setting.
        """
        for name, value in zip(self.__dataclass_fields__, astuple(self), strict=True):
            if not 0 <= value <= _LARGEST:
                raise DataError(f"augmentation: {name} is {value:g}", hint=f"give 0 to {_LARGEST:g}")
        if self.scale >= 1:
            raise DataError(f"augmentation: scale is {self.scale:g}", hint="give a fraction below 1")
        if self.elastic and self.smoothness < 1:
            raise DataError(f"augmentation: smoothness is {self.smoothness:g}", hint="give 1 pixel or more")

    def drawn(self, number: int, height: int, width: int, generator: Generator | None = None) -> Drawn:
        """What is done to so many images: all that is random about it.

        `generator` is on the CPU (None: torch's own): what is drawn does not depend on the device.
        """
        return self.draw(self.room(1, number, height, width), 1, generator).turn(0)

    def room(self, turns: int, number: int, height: int, width: int) -> Drawn:
        """Memory for what is done to so many images in each of some turns."""
        import torch

        maps = torch.empty(turns, 6, number)
        if not self.elastic:
            return Drawn(maps, None)
        points = (len(_smoothing(size, self.smoothness)) for size in (height, width))
        return Drawn(maps, torch.empty(turns, number, 2, *points))

    def draw(self, room: Drawn, turns: int, generator: Generator | None = None) -> Drawn:
        """What is done in the first turns of `room`, drawn one turn after the other."""
        import torch

        even = []
        for turn in range(turns):
            maps, noise = room.turn(turn)
            even.append(torch.rand(5, maps.shape[1], generator=generator))
            if noise is not None:
                torch.randn(noise.shape, generator=generator, out=noise)
        if even:
            self._map(torch.stack(even) * 2 - 1, room.maps[:turns])
        return room

    def bending(self, noise: Tensor | None, height: int, width: int) -> Bending | None:
        """What the compiled kernel needs to know of the displacement that this noise gives."""
        if noise is None:
            return None
        from lenet.kernels.augment import Bending

        return Bending(
            noise, _smoothing(height, self.smoothness), _smoothing(width, self.smoothness), self.elastic
        )

    def apply(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        """Images (N, C, H, W) of any type, each changed in its own way, float32; a new tensor.

        `generator` as of :meth:`drawn`.  Compiled, it is a third of the work and one thread does it; where
        torch's matrix products and the kernels fuse additions alike, the numbers are the same.
        """
        import torch

        from lenet.kernels import library

        number, _, height, width = images.shape
        drawn = self.drawn(number, height, width, generator)
        if images.device.type == "cpu" and library.available():
            from lenet.kernels.augment import augment

            stored = images if images.dtype == torch.uint8 else images.to(torch.float32)
            return augment(stored.contiguous(), drawn.maps, self.bending(drawn.noise, height, width))
        return self._by_torch(images, drawn)

    def _by_torch(self, images: Tensor, drawn: Drawn) -> Tensor:
        import torch

        number, _, height, width = images.shape
        places = torch.empty(number, height, width, 2)
        across, down = _centred(width), _centred(height)
        for axis, (along_x, along_y, shift) in enumerate(drawn.maps.view(2, 3, number)):
            rows, columns = torch.outer(along_x, across) + shift[:, None], torch.outer(along_y, down)
            torch.add(rows[:, None, :], columns[:, :, None], out=places[..., axis])
        if drawn.noise is not None:
            places += self._bend(drawn.noise, height, width)
        places *= torch.tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)])
        return torch.nn.functional.grid_sample(
            images.to(torch.float32),
            places.to(images.device),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=True,
        )

    def _map(self, drawn: Tensor, maps: Tensor) -> None:
        """Put into `maps` (turns, 6, N) what the numbers `drawn` (turns, 5, N), from -1 to 1, make of images.

        That is where pixels come from, from the centre: for x, then y, the factors of x and y, a shift.
        """
        import torch

        limits = (self.shift, self.shift, self.rotation * pi / 180, self.scale, self.shear)
        right, down, angle, growth, slant = (drawn * torch.tensor(limits)[:, None]).unbind(1)
        # turn by turn: no library promises the last bit of a sine whatever stands beside its angle
        cosine, sine = (
            torch.stack([function(turn) for turn in angle]) for function in (torch.cos, torch.sin)
        )
        cosine /= 1 + growth
        sine /= 1 + growth
        parts = cosine, slant * cosine - sine, right, sine, slant * sine + cosine, down
        torch.stack(parts, 1, out=maps)

    def _bend(self, noise: Tensor, height: int, width: int) -> Tensor:
        """Displacements (N, H, W, 2) in pixels: noise on a coarse lattice, smoothed by a Gaussian."""
        down, across = _smoothing(height, self.smoothness), _smoothing(width, self.smoothness)
        rows = (noise * self.elastic @ across).transpose(2, 3)  # (N, 2, W, lattice rows)
        return (rows @ down).permute(0, 3, 2, 1)


def _centred(size: int) -> Tensor:
    """The places of pixels from the middle of them."""
    import torch

    return torch.arange(size) - (size - 1) / 2


@lru_cache(maxsize=_KEPT)
def _smoothing(size: int, sigma: float) -> Tensor:
    """The weights (points, size) of points one `sigma` apart for each of `size` pixels.

    Their squares add up to 1 for each pixel: noise of variance 1 gives displacements of variance 1.
    """
    import torch

    points = torch.arange(-3 * sigma, size - 1 + 3 * sigma + 1e-6, sigma)
    weights = torch.exp(-((torch.arange(size) - points[:, None]) ** 2) / (2 * sigma**2))
    return weights / weights.square().sum(0).sqrt()
