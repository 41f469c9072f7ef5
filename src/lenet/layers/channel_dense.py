"""Dense layers over features: at every position, or with the connections that a table lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.layers.connection_table import Table, check_table, outputs_of, placement, with_fans
from lenet.layers.curvature import through_squares
from lenet.layers.fan_fillers import FanUniform
from lenet.layers.fillers import Filler
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter, expect
from lenet.shapes import Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("channel_dense")
@dataclass(frozen=True)
class ChannelDense(Layer):
    """At every position, each output is a weighted sum of the features there.

    Shape: (N, C, ...) -> (N, `outputs`, ...).
    Parameters: `outputs`; `inputs`, the C that it is meant for, None for any.  "weight" (outputs, C), no
    bias.
    Differs: EBLearn's linear, which computes no gradients if there is more than one position; here they
    are exact.  Dense flattens the positions into its sum.

    >>> ChannelDense(outputs=10).shape([(64, 120, 3, 2)])
    ((64, 10, 3, 2),)
    """

    outputs: int
    weight_filler: Filler = FanUniform()
    inputs: int | None = None

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        if self.outputs < 1:
            raise ShapeError(f"outputs {self.outputs} must be at least 1", setting="outputs")
        features = _features(inputs)
        if self.inputs not in (None, features):
            message = f"is meant for {self.inputs} features, its input is {text(inputs[0])}"
            raise ShapeError(message, setting="inputs")
        return ((inputs[0][0], self.outputs, *inputs[0][2:]),)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        return {"weight": Parameter((self.outputs, _features(inputs)), self.weight_filler)}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import linear

        positions = inputs[0][2:]
        single = count(positions) == 1

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            (tensor,), (weight,) = tensors, parameters
            sums = linear(tensor.flatten(1), weight) if single else weight @ tensor.flatten(2)
            return sums.view(-1, self.outputs, *positions)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_squares(self.operation(inputs, training=True))

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        return count(inputs[0]) * self.outputs


@LAYERS.add("table_dense")
@dataclass(frozen=True)
class TableDense(Layer):
    """Each output is a weighted sum of the inputs that a table connects it to.

    Shape: (N, C, 1, 1) or (N, C) -> (N, O), O the largest output in the table + 1.
    Parameters: `table`, rows (input, output) from 0, each with a weight of its own; `summed`, whether
    the rows of one output add up; if not, the last of them counts alone.  "weight" (rows,).
    Differs: EBLearn's sparse_linear is the one that is not `summed` (recorded case sparse_linear).

    >>> TableDense(((0, 0), (2, 1))).shape([(64, 3)])
    ((64, 2),)
    """

    table: Table
    summed: bool = True
    weight_filler: Filler = FanUniform()

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        self._check(inputs)
        return ((inputs[0][0], outputs_of(self.table)),)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        self._check(inputs)
        return {"weight": Parameter((len(self.table),), with_fans(self.weight_filler, self.table))}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import linear

        self._check(inputs)
        last = {target: row for row, (_, target) in enumerate(self.table)}
        rows = list(range(len(self.table))) if self.summed else sorted(last.values())
        placed = placement(tuple(self.table[row] for row in rows), inputs[0][1])

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor:
            return linear(
                tensors[0].flatten(1), placed(parameters[0] if self.summed else parameters[0][rows])
            )

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_squares(self.operation(inputs, training=True))

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        return inputs[0][0] * len(self.table)

    def _check(self, inputs: Sequence[Shape]) -> None:
        features = _features(inputs)
        if count(inputs[0], 2) != 1:
            raise ShapeError(f"takes one number per feature, not positions: {text(inputs[0])}")
        check_table(self.table, features)


def _features(inputs: Sequence[Shape]) -> int:
    expect(inputs, 1)
    if len(inputs[0]) < 2:
        raise ShapeError(f"takes a batch axis and a feature axis, not {text(inputs[0])}")
    return inputs[0][1]
