"""Fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.curvature import through_squares
from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter, expect
from lenet.shapes import Shape, ShapeError, axis_index, count

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("dense")
@dataclass(frozen=True)
class Dense(Layer):
    """Each output is a weighted sum of all inputs, plus a bias.

    Shape: (N, C, H, W) -> (N, `outputs`): the axes from `axis` on are flattened, those before it stay.
    Parameters: `outputs`; `bias`, whether a number is added to each output; `axis`, the first that is
    summed over, negative from the end; `transposed`, whether the matrix lies the other way round.
    "weight" (outputs, inputs), or (inputs, outputs) if transposed, "bias" (outputs,).
    Differs: torch and Keras sum over the last axis only; with `axis` 0 Caffe has no batch at all
    (recorded case ip_axis0).

    >>> Dense(outputs=500).shape([(64, 50, 4, 4)])
    ((64, 500),)
    """

    outputs: int
    bias: bool = True
    axis: int = 1
    transposed: bool = False
    weight_filler: Filler = Constant(0)
    bias_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if self.outputs < 1:
            raise ShapeError(f"outputs {self.outputs} must be at least 1")
        return ((*inputs[0][: axis_index(self.axis, len(inputs[0]))], self.outputs),)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        expect(inputs, 1)
        summed = count(inputs[0], axis_index(self.axis, len(inputs[0])))
        matrix = (summed, self.outputs) if self.transposed else (self.outputs, summed)
        bias = {"bias": Parameter((self.outputs,), self.bias_filler)} if self.bias else {}
        return {"weight": Parameter(matrix, self.weight_filler)} | bias

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import linear

        axis = axis_index(self.axis, len(inputs[0]))

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            return linear(tensors[0].flatten(axis), *parameters)

        def transposed(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            return run(tensors, parameters[0].t(), *parameters[1:])

        return transposed if self.transposed else run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_squares(self.operation(inputs, training=True))

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        return count(inputs[0]) * self.outputs
