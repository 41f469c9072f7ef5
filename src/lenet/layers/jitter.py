"""Random small distortions of images, a new one for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import radians
from typing import TYPE_CHECKING

from lenet.layers.curvature import stopped
from lenet.layers.image_shapes import image_sizes
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor

Pairs = tuple[tuple[float, float], ...]


@LAYERS.add("jitter")
@dataclass(frozen=True)
class Jitter(Layer):
    """Moves, turns, stretches, slants and bends each image at random while training.

    Shape: (N, C, H, W) -> the same.
    Parameters: `translations`, (down, right) in pixels; `rotations`, degrees counterclockwise;
    `scalings`, (vertical, horizontal) factors; `shears`, (down per pixel to the right, right per pixel
    down): of each list every sample draws one, () changes nothing; `elastic`, (smoothness, reach) in
    pixels: random shifts up to the reach, smoothed by a Gaussian of that deviation (Simard et al. 2003).
    The middle of the image stays where it is but for translations, black comes in from outside.  Draws
    from torch's global generator; does nothing unless training.
    Differs: EBLearn's jitter, of which no output was recorded.

    >>> Jitter(rotations=(-10, 0, 10)).shape([(1, 1, 28, 28)])
    ((1, 1, 28, 28),)
    """

    translations: Pairs = ()
    rotations: tuple[float, ...] = ()
    scalings: Pairs = ()
    shears: Pairs = ()
    elastic: tuple[float, float] | None = None

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        image_sizes(inputs)
        if any(factor <= 0 for pair in self.scalings for factor in pair):
            raise ShapeError("scalings must be larger than 0")
        if self.elastic and not (self.elastic[0] > 0 and self.elastic[1] >= 0):
            raise ShapeError(
                "the smoothness of an elastic distortion must be larger than 0, its reach not below"
            )
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import grid_sample

        if not training:
            return lambda tensors, *_: tensors[0]

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            return grid_sample(tensors[0], self._sources(tensors[0]), align_corners=False)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return stopped

    def _sources(self, images: Tensor) -> Tensor:
        """Where each pixel comes from, (N, H, W, 2): right and down, -1 to 1 from border to border."""
        import torch

        height, width = images.shape[2:]
        centred = [torch.arange(size).to(images) - (size - 1) / 2 for size in (height, width)]
        places = torch.stack(torch.meshgrid(*centred, indexing="ij"), -1)[None] - self._shift(images)
        sources = torch.einsum("nij,nhwj->nhwi", torch.linalg.inv(self._matrix(images)), places)
        if self.elastic:
            sources = sources + _bends(images, *self.elastic)
        return (sources / sources.new_tensor([height / 2, width / 2])).flip(-1)

    def _shift(self, images: Tensor) -> Tensor:
        shift = _drawn(self.translations, images)
        return images.new_zeros(len(images), 1, 1, 2) if shift is None else shift[:, None, None]

    def _matrix(self, images: Tensor) -> Tensor:
        """What is done to (down, right) of each sample: stretched, then slanted, then turned."""
        import torch

        matrix = torch.eye(2).to(images).repeat(len(images), 1, 1)
        factors, slants = _drawn(self.scalings, images), _drawn(self.shears, images)
        if factors is not None:
            matrix = torch.diag_embed(factors)
        if slants is not None:
            matrix = (torch.eye(2).to(images) + torch.diag_embed(slants).flip(-1)) @ matrix
        turns = _drawn(tuple((radians(degrees), 0.0) for degrees in self.rotations), images)
        if turns is not None:
            cosine, sine = turns[:, 0].cos(), turns[:, 0].sin()
            turn = torch.stack([cosine, -sine, sine, cosine], -1).view(-1, 2, 2)
            matrix = turn @ matrix
        return matrix


def _drawn(choices: Pairs, images: Tensor) -> Tensor | None:
    """One of the pairs for each sample, (N, 2)."""
    import torch

    if not choices:
        return None
    return torch.tensor(choices).to(images)[torch.randint(len(choices), (len(images),)).to(images.device)]


def _bends(images: Tensor, smoothness: float, reach: float) -> Tensor:
    """Smooth random shifts (N, H, W, 2) of (down, right) in pixels, the largest of each sample `reach`."""
    import torch
    from torch.nn.functional import conv2d

    batch, _, height, width = images.shape
    shifts = torch.rand(batch * 2, 1, height, width).to(images) * 2 - 1
    half = max(1, round(3 * smoothness))
    line = torch.exp(-(torch.arange(-half, half + 1).to(images) ** 2) / (2 * smoothness**2))
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        shifts = conv2d(shifts, line.view(shape), padding="same")
    largest = shifts.abs().amax((1, 2, 3), keepdim=True)
    return (shifts / largest * reach).view(batch, 2, height, width).permute(0, 2, 3, 1)
