"""Shape arithmetic that layers share; shapes are tuples of ints, axes are (N, C, H, W) first to last."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lenet.errors import NOWHERE, DescriptionError, Where

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int, ...]
Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class ShapeError(DescriptionError):
    """A shape that cannot be; the network adds the layer's name and place, and those of the `setting`."""

    def __init__(self, message: str, where: Where = NOWHERE, hint: str = "", *, setting: str = "") -> None:
        super().__init__(message, where, hint)
        self.setting = setting  # the layer's field that is wrong, where one is


def text(shape: Shape) -> str:
    """A shape as people write it.

    >>> text((64, 1, 28, 28)), text((3,)), text(())
    ('64 x 1 x 28 x 28', '3', '(scalar)')
    """
    return " x ".join(str(size) for size in shape) or "(scalar)"


def count(shape: Shape, start: int = 0, end: int | None = None) -> int:
    """The number of elements over the axes start..end.

    >>> count((2, 3, 4)), count((2, 3, 4), 1), count(())
    (24, 12, 1)
    """
    return prod(shape[start:end])


def axis_index(axis: int, rank: int) -> int:
    """The axis counted from 0; negative axes count from the end.

    Raises: ShapeError if the axis is outside the shape.

    >>> axis_index(-1, 4)
    3
    """
    if not -rank <= axis < rank:
        raise ShapeError(f"axis {axis} is outside a shape of {rank} axes", hint=f"use {-rank} to {rank - 1}")
    return axis % rank


def convolution_size(size: int, window: int, stride: int, pad: int, dilation: int = 1) -> int:
    """Positions of a window along an axis of `size`, counting whole windows only.

    >>> convolution_size(28, 5, 1, 0)
    24
    """
    return (size + 2 * pad - (dilation * (window - 1) + 1)) // stride + 1


def pooling_size(size: int, window: int, stride: int, pad: int, rounding: Literal["ceil", "floor"]) -> int:
    """Positions of a pooling window as Caffe counts them.

    With padding, a last window that would start at or beyond `size + pad` is dropped; without
    padding it stays, even when it is empty (stride > window).  torch's `ceil_mode` drops it always,
    so the two differ where stride > window.  Source: recorded cases pool_*_k2s3_odd, pool_*_k3s2p1_even.

    >>> pooling_size(8, 3, 2, 0, "ceil"), pooling_size(8, 3, 2, 1, "ceil"), pooling_size(12, 2, 3, 0, "ceil")
    (4, 5, 5)
    """
    span = size + 2 * pad - window
    positions = (-(-span // stride) if rounding == "ceil" else span // stride) + 1
    if pad and (positions - 1) * stride >= size + pad:
        positions -= 1
    return positions


def same_shapes(inputs: Sequence[Shape], what: str) -> None:
    """Refuse inputs whose shapes differ."""
    for index, shape in enumerate(inputs[1:], 1):
        if shape != inputs[0]:
            raise ShapeError(f"{what}: input {index} is {text(shape)}, input 0 is {text(inputs[0])}")


def along_channels(rank: int) -> Shape:
    """The shape in which one number for each channel meets numbers of `rank` axes (N, C, ...).

    >>> along_channels(4), along_channels(2)
    ((-1, 1, 1), (-1,))
    """
    return (-1, *(1,) * (rank - 2))
