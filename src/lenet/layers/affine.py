"""One added number, or one factor, for each feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import number_by_number, per_feature
from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter, expect
from lenet.shapes import Shape, axis_index

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("bias")
@dataclass(frozen=True)
class Bias(Layer):
    """Adds one number to each feature.

    Shape: (N, C, ...) -> the same.
    Parameters: `axis`, the features', negative from the end.  "bias" (C,).
    Differs: EBLearn's addc.

    >>> Bias().shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    axis: int = 1
    bias_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        axis_index(self.axis, len(inputs[0]))
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        features = inputs[0][axis_index(self.axis, len(inputs[0]))]
        return {"bias": Parameter((features,), self.bias_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axis = axis_index(self.axis, len(inputs[0]))
        return lambda tensors, *parameters: tensors[0] + per_feature(parameters[0], tensors[0], axis)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return number_by_number(lambda numbers, bias: numbers + bias, axis_index(self.axis, len(inputs[0])))


@LAYERS.add("scale")
@dataclass(frozen=True)
class Scale(Layer):
    """Multiplies each feature by one number.

    Shape: (N, C, ...) -> the same.
    Parameters: `axis`, the features', negative from the end.  "weight" (C,).
    Differs: EBLearn's diag.

    >>> Scale().shape([(64, 6, 28, 28)])
    ((64, 6, 28, 28),)
    """

    axis: int = 1
    weight_filler: Filler = Constant(1)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        axis_index(self.axis, len(inputs[0]))
        return (inputs[0],)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        features = inputs[0][axis_index(self.axis, len(inputs[0]))]
        return {"weight": Parameter((features,), self.weight_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axis = axis_index(self.axis, len(inputs[0]))

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            return tensors[0] * per_feature(parameters[0], tensors[0], axis)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return number_by_number(
            lambda numbers, factor: numbers * factor, axis_index(self.axis, len(inputs[0]))
        )
