"""Maxima put back to the places that they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.layers.image_shapes import pair, sizes_of
from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.rows import check_indices
from lenet.shapes import Shape, ShapeError, count, same_shapes

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("unpooling")
@dataclass(frozen=True)
class Unpooling(Layer):
    """Puts each number to the place that an input tells, 0 elsewhere (Badrinarayanan et al. 2015, SegNet).

    Shape: (N, C, H, W), (N, C, H, W) -> (N, C, H', W'), `size`, or H factor - less.
    Parameters: `factors`, one, or for height and width; `less`, rows and columns, 0 or 1, by which the result
    is smaller; `size`, (height, width), instead of both.  The second input holds places in a channel of the
    result, row by row from 0, as pooling's mask does.
    Raises: DataError for a place that is not there.
    Differs: the Upsample of Caffe's fork SegNet.  Of numbers for one place the last counts, as in torch's
    max_unpool2d.

    >>> Unpooling(factors=(2,)).shape([(1, 64, 18, 24), (1, 64, 18, 24)])
    ((1, 64, 36, 48),)
    """

    on_host: ClassVar[bool] = True

    factors: tuple[int, ...] = (2,)
    less: tuple[int, int] = (0, 0)
    size: tuple[int, int] | None = None

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        same_shapes(inputs, "numbers and their places need one shape")
        sizes = zip(sizes_of(inputs[0]), pair(self.factors, "factors"), self.less, strict=True)
        result = self.size or tuple(size * factor - less for size, factor, less in sizes)
        if min(result) < 1:
            raise ShapeError(f"makes {result[0]} x {result[1]} pixels")
        return ((*inputs[0][:2], *result),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        sizes = self.shape(inputs)[0][2:]

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            numbers, places = tensors[0].flatten(2), tensors[1].detach().flatten(2).long()
            check_indices(places, count(sizes), "place")
            empty = numbers.new_zeros((*numbers.shape[:2], count(sizes)))
            return empty.scatter(2, places, numbers).reshape(*numbers.shape[:2], *sizes)

        return run
