"""Layers that move numbers about without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.layers.curvature import through_choices
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, axis_index, count


@LAYERS.add("split")
@dataclass(frozen=True)
class Split(Layer):
    """Gives the same numbers to several readers; their gradients add up.

    Shape: any -> the same, `copies` times.
    Parameters: `copies`, the number of outputs.
    Differs: Caffe needs one where a blob has several readers and puts it there by itself.

    >>> Split(copies=2).shape([(64, 10)])
    ((64, 10), (64, 10))
    """

    copies: int

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if self.copies < 1:
            raise ShapeError(f"has {self.copies} copies, the least is 1")
        return (inputs[0],) * self.copies

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        # Views, not the tensor itself: each output can be asked for its own gradient.
        return lambda tensors, *_: tuple(tensors[0].view_as(tensors[0]) for _ in range(self.copies))

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))


@LAYERS.add("flatten")
@dataclass(frozen=True)
class Flatten(Layer):
    """Makes one axis of several.

    Shape: (N, C, H, W) -> (N, C H W) for the axes 1 to -1.
    Parameters: `axis`, the first axis, and `end_axis`, the last one, that become one; negative from the end.
    Differs: none.

    >>> Flatten().shape([(64, 50, 4, 4)])
    ((64, 800),)
    """

    axis: int = 1
    end_axis: int = -1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        start, end = self._range(inputs)
        first = inputs[0]
        return ((*first[:start], count(first, start, end + 1), *first[end + 1 :]),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        start, end = self._range(inputs)
        return lambda tensors, *_: tensors[0].flatten(start, end)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))

    def _range(self, inputs: Sequence[Shape]) -> tuple[int, int]:
        expect(inputs, 1)
        start, end = (axis_index(axis, len(inputs[0])) for axis in (self.axis, self.end_axis))
        if start > end:
            raise ShapeError(f"the first axis, {start}, comes after the last one, {end}")
        return start, end


@LAYERS.add("silence")
@dataclass(frozen=True)
class Silence(Layer):
    """Consumes its inputs, so that they are not reported as outputs of the network.

    Shape: any number of any, one at least -> nothing.
    Parameters: none.
    Differs: none.

    >>> Silence().shape([(64, 10), (64,)])
    ()
    """

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        if not inputs:
            raise ShapeError("takes one or more inputs, none given")
        return ()

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: ()

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return lambda tensors, _parameters, _outputs: ((None,) * len(tensors), ())
