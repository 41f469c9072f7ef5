"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.layers.curvature import scaled
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError


@LAYERS.add("dropout")
@dataclass(frozen=True)
class Dropout(Layer):
    """Sets numbers to 0 at random while training, and passes everything on otherwise.

    Shape: any -> the same.
    Parameters: `ratio`, the probability of 0, from 0 up to but not including 1; what stays is
    divided by 1 - ratio.  Draws from torch's global generator.
    Differs: none between Caffe, Keras and torch; Caffe's random numbers cannot be repeated.

    >>> Dropout(ratio=0.4).shape([(64, 500)])
    ((64, 500),)
    """

    ratio: float = 0.5

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if not 0 <= self.ratio < 1:
            raise ShapeError(f"ratio is {self.ratio:g}, it must be at least 0 and below 1")
        return (inputs[0],)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import dropout

        if not training:
            return lambda tensors, *_: tensors[0]
        return lambda tensors, *_: dropout(tensors[0], self.ratio)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return scaled(1 / (1 - self.ratio))  # to be expected: (1 - ratio) times the square of the factor
