"""Convolution whose connections between channels a table lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from lenet.layers.connection_table import Table, check_table, outputs_of, placement, with_fans
from lenet.layers.curvature import through_squares
from lenet.layers.fan_fillers import FanUniform
from lenet.layers.fillers import Filler
from lenet.layers.image_shapes import image_sizes, pair
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter
from lenet.layers.window import check_fit
from lenet.shapes import Shape, convolution_size


@LAYERS.add("table_convolution")
@dataclass(frozen=True)
class TableConvolution(Layer):
    """Each output channel is a sum over the input channels that a table connects it to.

    Shape: (N, C, H, W) -> (N, O, H', W'), H' = (H - window) / stride + 1 rounded down, O the largest
    output in the table + 1.
    Parameters: `table`, rows (input, output) from 0, each with a window of its own; rows with the same
    output add up; `window`, `stride` in pixels, one number or one per axis.  "weight" (rows, *window).
    Differs: EBLearn's conv.  Where a stride leaves a rest, EBLearn's gradient leaves out one more row and
    column, here it is exact; of an input smaller than the window it makes 1 x 1 of what was in memory
    there, here that is an error.  Rows with the same input and output have second derivatives of their
    own, as if they were not of the same number.

    >>> TableConvolution(((0, 0), (1, 1)), window=(5,)).shape([(1, 2, 32, 32)])
    ((1, 2, 28, 28),)
    """

    table: Table
    window: tuple[int, ...]
    stride: tuple[int, ...] = (1,)
    weight_filler: Filler = FanUniform()

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        sizes, window, stride = self._geometry(inputs)
        check_fit(window, sizes, (0, 0))
        spatial = map(convolution_size, sizes, window, stride, (0, 0))
        return ((inputs[0][0], outputs_of(self.table), *spatial),)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        _, window, _ = self._geometry(inputs)
        return {"weight": Parameter((len(self.table), *window), with_fans(self.weight_filler, self.table))}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import conv2d

        _, _, stride = self._geometry(inputs)
        placed = placement(self.table, inputs[0][1])
        return lambda tensors, *parameters: conv2d(tensors[0], placed(parameters[0]), stride=stride)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_squares(self.operation(inputs, training=True))

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        _, window, _ = self._geometry(inputs)
        batch, _, height, width = self.shape(inputs)[0]
        return batch * height * width * len(self.table) * prod(window)

    def _geometry(self, inputs: Sequence[Shape]) -> tuple[Shape, Shape, Shape]:
        sizes = image_sizes(inputs)
        check_table(self.table, inputs[0][1])
        return sizes, pair(self.window, "window"), pair(self.stride, "stride")
