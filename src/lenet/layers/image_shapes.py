"""Shapes of images: what layers over height and width ask of their inputs."""

from __future__ import annotations

from collections.abc import Sequence

from lenet.layers.layer import expect
from lenet.shapes import Shape, ShapeError, text


def image_sizes(inputs: Sequence[Shape]) -> tuple[int, int]:
    """Height and width of the one input, which has the axes (N, C, H, W).

    Raises: ShapeError for another number of inputs or axes, or an axis without any pixel.

    >>> image_sizes([(1, 3, 240, 320)])
    (240, 320)
    """
    expect(inputs, 1)
    return sizes_of(inputs[0])


def sizes_of(shape: Shape) -> tuple[int, int]:
    """Height and width of a shape (N, C, H, W).

    Raises: ShapeError for another number of axes, or an axis without any pixel.
    """
    if len(shape) != 4:
        raise ShapeError(f"takes inputs of 4 axes, batch x channels x height x width, not {text(shape)}")
    if not all(shape[1:]):
        raise ShapeError(f"has no pixels: the input is {text(shape)}")
    return shape[2], shape[3]


def pair(numbers: tuple[int, ...], what: str, least: int = 1) -> tuple[int, int]:
    """Numbers for height and width; a single one counts for both.

    Raises: ShapeError for another count, or for a number below `least`.

    >>> pair((5,), "window"), pair((3, 2), "window")
    ((5, 5), (3, 2))
    """
    if len(numbers) not in (1, 2):
        raise ShapeError(f"{what} has {len(numbers)} numbers: give one, or height and width", setting=what)
    if min(numbers) < least:
        raise ShapeError(f"{what} is {min(numbers)}, the least is {least}", setting=what)
    return numbers[0], numbers[-1]
