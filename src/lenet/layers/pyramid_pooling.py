"""Spatial pyramid pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.pooling import Pooling
from lenet.shapes import Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("pyramid_pooling")
@dataclass(frozen=True)
class PyramidPooling(Layer):
    """Pools the whole image, its quarters, their quarters, ..., and puts all in a row (He et al. 2014).

    Shape: (N, C, H, W) -> (N, C (1 + 4 + 16 + ...)); with one level (N, C, 1, 1).
    Parameters: `levels` of the pyramid; `method`, "max", "average" or "stochastic".
    Differs: Caffe's SPP; He et al. round windows otherwise.  Where H or W is not divisible, windows reach
    beyond the image, and averages count that.

    >>> PyramidPooling(levels=3).shape([(2, 4, 9, 11)])
    ((2, 84),)
    """

    levels: int
    method: Literal["max", "average", "stochastic"] = "max"

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        shapes = [pooling.shape(inputs)[0] for pooling in self._poolings(inputs)]
        if len(shapes) == 1:
            return (shapes[0],)
        return ((inputs[0][0], sum(count(shape, 1) for shape in shapes)),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        levels = [pooling.operation(inputs, training) for pooling in self._poolings(inputs)]

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            found = [level(tensors) for level in levels]
            pooled = [result for result in found if isinstance(result, torch.Tensor)]
            return pooled[0] if len(pooled) == 1 else torch.cat([result.flatten(1) for result in pooled], 1)

        return run

    def _poolings(self, inputs: Sequence[Shape]) -> list[Pooling]:
        expect(inputs, 1)
        if len(inputs[0]) != 4 or self.levels < 1:
            raise ShapeError(
                f"takes 1 or more levels and an input of 4 axes, not {self.levels} and {text(inputs[0])}"
            )
        sizes = inputs[0][2:]
        if 2 ** (self.levels - 1) > min(sizes):
            raise ShapeError(f"{self.levels} levels divide {text(sizes)} into more parts than it has pixels")
        return [self._level(sizes, 2**level) for level in range(self.levels)]

    def _level(self, sizes: Shape, parts: int) -> Pooling:
        window = tuple(-(-size // parts) for size in sizes)
        pad = tuple((wide * parts - size + 1) // 2 for size, wide in zip(sizes, window, strict=True))
        return Pooling(self.method, window, window, pad, rounding="ceil")
