"""Vectors for numbers of things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Layer, Operation, Parameter, expect
from lenet.layers.rows import check_indices
from lenet.shapes import Shape, ShapeError

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("embed")
@dataclass(frozen=True)
class Embed(Layer):
    """A learned vector for each of a number of things, the words of a language for one.

    Shape: any, whole numbers -> one axis more, of `outputs`.
    Parameters: `outputs`, the length of a vector; `things`, how many there are, numbered from 0; `bias`, a
    vector that is added to all.  "weight" (things, outputs), "bias" (outputs,).
    Raises: DataError for a number that is not there.
    Differs: none.

    >>> Embed(outputs=4, things=1000).shape([(3, 5)])
    ((3, 5, 4),)
    """

    outputs: int
    things: int
    bias: bool = True
    weight_filler: Filler = Constant(0)
    bias_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if self.outputs < 1 or self.things < 1:
            raise ShapeError(f"outputs {self.outputs} and things {self.things} must be at least 1")
        return ((*inputs[0], self.outputs),)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        bias = {"bias": Parameter((self.outputs,), self.bias_filler)} if self.bias else {}
        return {"weight": Parameter((self.things, self.outputs), self.weight_filler)} | bias

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import embedding

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            numbers = tensors[0].detach().long()
            check_indices(numbers, self.things, "number")
            weight, *bias = parameters
            result = embedding(numbers, weight)
            return result + bias[0] if bias else result

        return run
