"""Layers that cut, repeat and reshape without changing numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, axis_index, count, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("reshape")
@dataclass(frozen=True)
class Reshape(Layer):
    """Gives the same numbers another shape.

    Shape: any -> the axes before `axis`, `sizes`, the axes behind those that are replaced.
    Parameters: `sizes`, where 0 keeps the size of the input's axis at this place and -1, once, takes what is
    left; `axis`, the first that is replaced, and `axes`, how many are; -1: all from there on.  A negative
    `axis` counts from the end, -1 meaning behind the last.
    Differs: torch's reshape has no 0; Keras' leaves the batch axis alone.

    >>> Reshape((0, -1, 2)).shape([(64, 3, 4)])
    ((64, 6, 2),)
    """

    sizes: tuple[int, ...]
    axis: int = 0
    axes: int = -1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        return (self._reshaped(inputs[0]),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        return lambda tensors, *_: tensors[0].reshape(self._reshaped(tuple(tensors[0].shape)))

    def _reshaped(self, shape: Shape) -> Shape:
        rank = len(shape)
        start = self.axis if self.axis >= 0 else rank + 1 + self.axis
        end = rank if self.axes < 0 else start + self.axes
        if not 0 <= start <= end <= rank or self.axes < -1 or self.axis < -rank - 1:
            wanted = f"axis {self.axis} and {self.axes} axes from there"
            raise ShapeError(f"{wanted} are not all in a shape of {rank} axes, {text(shape)}")
        if sum(size == -1 for size in self.sizes) > 1 or min(self.sizes, default=0) < -1:
            raise ShapeError(f"sizes {self.sizes}: -1 may stand once, other sizes are not negative")
        sizes = [self._copied(shape, start + place, size) for place, size in enumerate(self.sizes)]
        fixed = count(tuple(size for size in (*shape[:start], *sizes, *shape[end:]) if size != -1))
        left = count(shape) // fixed if fixed else 0
        result = (*shape[:start], *(left if size == -1 else size for size in sizes), *shape[end:])
        if count(result) != count(shape):
            raise ShapeError(
                f"{text(shape)} is {count(shape)} numbers, {text(result)} would be {count(result)}"
            )
        return result

    @staticmethod
    def _copied(shape: Shape, place: int, size: int) -> int:
        if size == 0 and place >= len(shape):
            raise ShapeError(f"size 0 means that of the input's axis {place}, which {text(shape)} has not")
        return shape[place] if size == 0 else size


@LAYERS.add("slice")
@dataclass(frozen=True)
class Slice(Layer):
    """Cuts its input into pieces along an axis; the reverse of Concat.

    Shape: (N, C, H, W) -> (N, C1, H, W), (N, C2, H, W), ...
    Parameters: `outputs`, the number of pieces; `points`, where the second, third, ... begin, () for pieces
    of one size; `axis`, negative from the end.
    Differs: none.

    >>> Slice(outputs=2, points=(1,)).shape([(2, 4, 9, 11)])
    ((2, 1, 9, 11), (2, 3, 9, 11))
    """

    outputs: int
    points: tuple[int, ...] = ()
    axis: int = 1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        first, axis = inputs[0], axis_index(self.axis, len(inputs[0]))
        return tuple((*first[:axis], size, *first[axis + 1 :]) for size in self._sizes(first[axis]))

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, ...]:
            tensor = tensors[0]
            starts = accumulate((0, *self._sizes(tensor.shape[self.axis])))
            return tuple(tensor.narrow(self.axis, start, end - start) for start, end in pairwise(starts))

        return run

    def _sizes(self, whole: int) -> list[int]:
        if not self.points:
            if self.outputs < 1 or whole % self.outputs:
                raise ShapeError(
                    f"axis {self.axis} of size {whole} does not fall into {self.outputs} equal parts"
                )
            return [whole // self.outputs] * self.outputs
        if len(self.points) != self.outputs - 1:
            raise ShapeError(
                f"{len(self.points)} places to cut give {len(self.points) + 1} pieces, not {self.outputs}"
            )
        sizes = [end - start for start, end in pairwise((0, *self.points, whole))]
        if min(sizes) < 1:
            raise ShapeError(f"the places {self.points} do not rise between 0 and {whole}")
        return sizes


@LAYERS.add("tile")
@dataclass(frozen=True)
class Tile(Layer):
    """Repeats its input along an axis.

    Shape: (N, C, H, W) -> (N, C `copies`, H, W).
    Parameters: `copies`; `axis`, negative from the end.
    Differs: none.

    >>> Tile(copies=3).shape([(2, 4, 9, 11)])
    ((2, 12, 9, 11),)
    """

    copies: int
    axis: int = 1

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        first, axis = inputs[0], axis_index(self.axis, len(inputs[0]))
        if self.copies < 1:
            raise ShapeError(f"has {self.copies} copies, the least is 1")
        return ((*first[:axis], first[axis] * self.copies, *first[axis + 1 :]),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch import cat

        return lambda tensors, *_: cat([tensors[0]] * self.copies, self.axis)


@LAYERS.add("crop")
@dataclass(frozen=True)
class Crop(Layer):
    """Cuts its first input to the size of the second one.

    Shape: (N, C, H, W), (., ., H', W') -> (N, C, H', W').
    Parameters: `axis`, the first that is cut, negative from the end; `offsets`, where the cut begins: one
    number for all cut axes, one per axis, or () for 0.
    Differs: none.

    >>> Crop(offsets=(1, 2)).shape([(2, 4, 9, 11), (2, 1, 5, 6)])
    ((2, 4, 5, 6),)
    """

    axis: int = 2
    offsets: tuple[int, ...] = ()

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        axis, offsets = self._range(inputs)
        first, like = inputs
        for place, offset in enumerate(offsets, axis):
            if offset + like[place] > first[place]:
                wanted = f"{offset} + {like[place]} along axis {place}"
                raise ShapeError(f"{wanted} is more than there is: the input is {text(first)}")
        return ((*first[:axis], *like[axis:]),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        axis, offsets = self._range(inputs)

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            result, like = tensors
            for place, offset in enumerate(offsets, axis):
                result = result.narrow(place, offset, like.shape[place])
            return result

        return run

    def _range(self, inputs: Sequence[Shape]) -> tuple[int, tuple[int, ...]]:
        expect(inputs, 2)
        first, like = inputs
        if len(first) != len(like):
            raise ShapeError(f"input 1 is {text(like)}, it needs {len(first)} axes as input 0, {text(first)}")
        axis = axis_index(self.axis, len(first))
        cut = len(first) - axis
        if len(self.offsets) not in (0, 1, cut):
            raise ShapeError(
                f"{len(self.offsets)} offsets for {cut} axes that are cut", hint=f"give 1 or {cut}"
            )
        return axis, self.offsets if len(self.offsets) == cut else (self.offsets or (0,)) * cut
