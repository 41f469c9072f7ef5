"""Numbers moved from places into channels and back, in Darknet's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.curvature import through_choices
from lenet.layers.image_shapes import image_sizes
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation
from lenet.layers.limits import Limits
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("reorganize")
@dataclass(frozen=True)
class Reorganize(Layer):
    """Makes images smaller and puts their numbers into more channels (Redmon and Farhadi 2017, YOLO9000).

    Shape: (N, C, H, W) -> (N, C s s, H / s, W / s), or with `reverse` -> (N, C / s s, H s, W s).  In both,
    channel (i s + j) C / s s + c of images (C, H, W) stands for row i and column j of each square of s x s
    pixels of channel c of images (C / s s, H s, W s); not reversed, both are only other shapes for the
    numbers of the input and of the result, which are kept in their order.
    Parameters: `stride`, s; `reverse`, whether images become larger.
    Differs: the Reorg of Caffe's forks with YOLO, as Darknet has it: not torch's pixel_unshuffle, nor is
    one way the other's inverse.

    >>> Reorganize(2).shape([(1, 64, 26, 26)]), Reorganize(2, reverse=True).shape([(1, 256, 13, 13)])
    (((1, 256, 13, 13),), ((1, 64, 26, 26),))
    """

    limits: ClassVar[Mapping[str, Limits]] = {"stride": Limits(least=1)}

    stride: int
    reverse: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        height, width = image_sizes(inputs)
        batch, channels = inputs[0][:2]
        self.check_limits()
        squared = self.stride**2
        if channels % squared:
            raise ShapeError(f"{channels} channels do not fall into {squared} groups", setting="stride")
        if self.reverse:
            return ((batch, channels // squared, height * self.stride, width * self.stride),)
        if height % self.stride or width % self.stride:
            reason = f"{text((height, width))} pixels do not fall into squares of {self.stride}"
            raise ShapeError(reason, setting="stride")
        return ((batch, channels * squared, height // self.stride, width // self.stride),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        (_, channels, height, width), step = inputs[0], self.stride
        sizes = self.shape(inputs)[0][1:]

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            (numbers,) = tensors
            groups = channels // step**2
            if self.reverse:
                split = numbers.reshape(-1, step, step, groups, height, width)
                return split.permute(0, 3, 4, 1, 5, 2).reshape(-1, *sizes)
            split = numbers.reshape(-1, groups, height, step, width, step)
            return split.permute(0, 3, 5, 1, 2, 4).reshape(-1, *sizes)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))
