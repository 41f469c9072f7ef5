"""Parts of an input: stretches of an axis, or single features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.layers.curvature import through_choices
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, axis_index


@LAYERS.add("narrow")
@dataclass(frozen=True)
class Narrow(Layer):
    """Cuts stretches out of an axis, one output for each.

    Shape: (N, C, H, W) -> (N, `size`, H, W) for axis 1, once per offset.
    Parameters: `axis`, negative from the end; `size`, of each stretch; `offsets`, where each begins.
    Differs: EBLearn's narrow counts axes without the batch.

    >>> Narrow(axis=1, size=2, offsets=(0, 1)).shape([(1, 3, 32, 32)])
    ((1, 2, 32, 32), (1, 2, 32, 32))
    """

    axis: int
    size: int
    offsets: tuple[int, ...] = (0,)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        axis, shape = axis_index(self.axis, len(inputs[0])), inputs[0]
        for offset in self.offsets:
            if self.size < 1 or not 0 <= offset <= shape[axis] - self.size:
                stretch = f"{self.size} from {offset} on"
                raise ShapeError(f"cannot cut {stretch} out of axis {axis}, which has {shape[axis]}")
        return ((*shape[:axis], self.size, *shape[axis + 1 :]),) * len(self.offsets)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axis = axis_index(self.axis, len(inputs[0]))
        return lambda tensors, *_: tuple(tensors[0].narrow(axis, start, self.size) for start in self.offsets)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))


@LAYERS.add("select")
@dataclass(frozen=True)
class Select(Layer):
    """Takes features by their number.

    Shape: (N, C, ...) -> (N, C', ...), C' the number of `features`.
    Parameters: `features`, numbers from 0, in the order of the output, each as often as wanted.
    Differs: EBLearn's table.

    >>> Select(features=(0, 2, 2, 1)).shape([(1, 3, 32, 32)])
    ((1, 4, 32, 32),)
    """

    features: tuple[int, ...]

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        there = inputs[0][axis_index(1, len(inputs[0]))]
        if not self.features:
            raise ShapeError("selects no features")
        for feature in self.features:
            if not 0 <= feature < there:
                raise ShapeError(f"selects feature {feature}, the input has {there}, 0 to {there - 1}")
        return ((inputs[0][0], len(self.features), *inputs[0][2:]),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch

        features = torch.tensor(self.features)
        return lambda tensors, *_: tensors[0].index_select(1, features.to(tensors[0].device))

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))
