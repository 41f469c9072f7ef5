"""Layers that disturb what passes while training, and do nothing otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, text


@LAYERS.add("gaussian_noise")
@dataclass(frozen=True)
class GaussianNoise(Layer):
    """Adds random numbers of a normal distribution while training.

    Shape: any -> the same.
    Parameters: `deviation`, the standard deviation, in the unit of the input.  Draws from torch's global
    generator.
    Differs: none.

    >>> GaussianNoise(deviation=0.1).shape([(64, 500)])
    ((64, 500),)
    """

    deviation: float

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if not self.deviation >= 0:
            raise ShapeError(f"deviation is {self.deviation:g}, it must be at least 0")
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        if not training:
            return lambda tensors, *_: tensors[0]
        return lambda tensors, *_: tensors[0] + self.deviation * torch.randn_like(tensors[0])


@LAYERS.add("spatial_dropout")
@dataclass(frozen=True)
class SpatialDropout(Layer):
    """Sets whole channels to 0 at random while training (Tompson et al. 2015).

    Shape: (N, C, ...) -> the same.
    Parameters: `ratio`, the probability of 0, from 0 up to but not including 1; what stays is divided by
    1 - ratio.  Draws from torch's global generator.
    Differs: none.

    >>> SpatialDropout(ratio=0.4).shape([(64, 20, 7, 7)])
    ((64, 20, 7, 7),)
    """

    ratio: float = 0.5

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if not 0 <= self.ratio < 1:
            raise ShapeError(f"ratio is {self.ratio:g}, it must be at least 0 and below 1")
        if len(inputs[0]) < 3:
            raise ShapeError(f"needs batch, channels and spatial axes, its input is {text(inputs[0])}")
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import dropout

        if not training:
            return lambda tensors, *_: tensors[0]
        ones = (1,) * (len(inputs[0]) - 2)
        return lambda tensors, *_: (
            tensors[0] * dropout(tensors[0].new_ones(*tensors[0].shape[:2], *ones), self.ratio)
        )
