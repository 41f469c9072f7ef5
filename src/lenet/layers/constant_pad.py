"""A constant border along any axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.layers.curvature import through_choices
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, text


@LAYERS.add("constant_pad")
@dataclass(frozen=True)
class ConstantPad(Layer):
    """Puts a constant number before and after the last axes.

    Shape: (N, C, L) -> (N, C, before + L + after) for one number each.
    Parameters: `before` and `after`, how many numbers, for as many of the last axes as there are entries;
    `value`, the number.
    Differs: Pad is for the four sides of images, and can mirror them.

    >>> ConstantPad(before=(2,), after=(1,)).shape([(64, 3, 28)])
    ((64, 3, 31),)
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: float = 0.0

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        (first,), axes = inputs, len(self.before)
        if len(self.after) != axes or axes > len(first):
            wanted = f"{axes} numbers before and {len(self.after)} after"
            raise ShapeError(f"{wanted} do not fit the {len(first)} axes of {text(first)}")
        if min((*self.before, *self.after), default=0) < 0:
            raise ShapeError(f"a border cannot be {min((*self.before, *self.after))} numbers wide")
        kept, sizes = first[: len(first) - axes], first[len(first) - axes :]
        return ((*kept, *map(sum, zip(self.before, sizes, self.after, strict=True))),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import pad

        pairs = reversed(tuple(zip(self.before, self.after, strict=True)))  # torch begins with the last axis
        sides = [number for pair in pairs for number in pair]
        return lambda tensors, *_: pad(tensors[0], sides, value=self.value)

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_choices(self.operation(inputs, training=True))
