"""Windows that slide over spatial axes, as convolution and pooling share them."""

from __future__ import annotations

from collections.abc import Sequence

from lenet.shapes import Shape, ShapeError, text


def per_axis(numbers: Sequence[int], axes: int, what: str, least: int = 1) -> tuple[int, ...]:
    """One number per spatial axis: a single number counts for all axes.

    Raises: ShapeError for another count, or for a number below `least`.

    >>> per_axis((5,), 2, "window"), per_axis((3, 2), 2, "window")
    ((5, 5), (3, 2))
    """
    if len(numbers) not in (1, axes):
        raise ShapeError(
            f"{what} has {len(numbers)} numbers, the input has {axes} spatial axes: give 1 or {axes}",
            setting=what,
        )
    for number in numbers:
        if number < least:
            raise ShapeError(f"{what} is {number}, the least is {least}", setting=what)
    return tuple(numbers) * axes if len(numbers) == 1 else tuple(numbers)


def check_fit(extent: Shape, sizes: Shape, pad: Shape, hint: str = "", setting: str = "window") -> None:
    """Refuse a window, a layer's `setting`, that is larger than the padded input.

    Raises: ShapeError that names both sizes.
    """
    room = tuple(size + 2 * around for size, around in zip(sizes, pad, strict=True))
    if all(wanted <= there for wanted, there in zip(extent, room, strict=True)):
        return
    padded = f" padded to {text(room)}" if room != sizes else ""
    raise ShapeError(
        f"window {text(extent)} is larger than its input, {text(sizes)}{padded}",
        hint=f"use a window of at most {text(room)}{hint}",
        setting=setting,
    )
