"""Colours: RGB to luminance and chrominance, and their normalisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, cast

from lenet.layers.contrast import ContrastNormalization
from lenet.layers.contrast_steps import standardized
from lenet.layers.curvature import stopped
from lenet.layers.image_shapes import image_sizes
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor

Treatment = Literal["none", "fixed", "global", "local"]

# Rows of Y, U, V: the shares of red, green and blue, what is added to their sum, and the factor of it all.
_SHARES = ((0.299, 0.587, 0.114), (-0.147, -0.289, 0.437), (0.615, -0.515, -0.1))
_SHIFTS = (0.0, 111.0, 157.0)
_FACTORS = (1.0, 1.14678, 0.813)


@LAYERS.add("colour")
@dataclass(frozen=True)
class Colour(Layer):
    """Changes the colour space of images and normalises groups of its channels.

    Shape: (N, 3, H, W), red, green and blue from 0 to 255, or (N, 1, H, W), grey -> (N, C, H, W),
    C = 1 for the space "y", else 3.
    Parameters: `space`, "rgb", "y" or "yuv"; grey stays as it is in the space "y" and counts as three
    equal channels otherwise.  `groups`, numbers of channels that are normalised together, as
    (channels, treatment): "none"; "fixed", (x - 128) / 100; "global", mean 0 and deviation 1 of each
    sample; "local", that and then contrast normalisation with floor 1.  `joint`, whether a local contrast
    normalisation follows over all channels together.  Of these `window`, in pixels, `border`, "mirror" or
    "zero", `epsilon` and `offset` as of ContrastNormalization.
    Differs: EBLearn's modules rgb_to_... and y_to_...; those that normalise do not compute gradients,
    here they are torch's, without second derivatives.  U and V are shifted and stretched to lie between
    0 and 255, those of television are not.

    >>> Colour("yuv", ((1, "local"), (2, "global")), window=(7,)).shape([(1, 3, 240, 320)])
    ((1, 3, 240, 320),)
    """

    space: Literal["rgb", "y", "yuv"]
    groups: tuple[tuple[int, Treatment], ...]
    joint: bool = False
    window: tuple[int, ...] = (7,)
    border: Literal["zero", "mirror"] = "mirror"
    epsilon: float = 1e-6
    offset: float = 0.0

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        image_sizes(inputs)
        batch, channels, height, width = inputs[0]
        if channels not in (1, 3):
            raise ShapeError(f"takes images of 3 channels, or 1 if they are grey, not {channels}")
        made = 1 if self.space == "y" else 3
        if sum(size for size, _ in self.groups) != made or min(size for size, _ in self.groups) < 1:
            sizes = " + ".join(str(size) for size, _ in self.groups)
            raise ShapeError(f"the groups have {sizes} channels, the colour space '{self.space}' has {made}")
        for size in (made, *(size for size, treatment in self.groups if treatment == "local")):
            self._local().shape([(batch, size, height, width)])
        return ((batch, made, height, width),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        ends = [*accumulate(size for size, _ in self.groups)]
        parts = [slice(end - size, end) for end, (size, _) in zip(ends, self.groups, strict=True)]
        treatments = [self._treatment(treatment, size, inputs[0]) for size, treatment in self.groups]
        together = self._treatment("local" if self.joint else "none", ends[-1], inputs[0])

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            import torch

            images = self._converted(tensors[0])
            treated = [treat(images[:, part]) for treat, part in zip(treatments, parts, strict=True)]
            return together(torch.cat(treated, 1))

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return stopped

    def _converted(self, images: Tensor) -> Tensor:
        if images.shape[1] == 1:
            if self.space == "y":
                return images
            images = images.expand(-1, 3, -1, -1)
        if self.space == "rgb":
            return images
        rows = 1 if self.space == "y" else 3
        shares, shifts, factors = (images.new_tensor(table[:rows]) for table in (_SHARES, _SHIFTS, _FACTORS))
        sums = (images.unsqueeze(1) * shares[:, :, None, None]).sum(2)
        return (sums + shifts[:, None, None]) * factors[:, None, None]

    def _treatment(self, treatment: Treatment, channels: int, shape: Shape) -> Callable[[Tensor], Tensor]:
        if treatment == "global":
            return standardized
        if treatment == "fixed":
            return lambda images: (images - 128) * 0.01
        if treatment == "local":
            normalize = self._local().operation([(shape[0], channels, *shape[2:])], training=False)
            return lambda images: cast("Tensor", normalize([images]))
        return lambda images: images

    def _local(self) -> ContrastNormalization:
        return ContrastNormalization(
            self.window,
            border=self.border,
            standardized=True,
            floor=1.0,
            epsilon=self.epsilon,
            offset=self.offset,
        )
