"""How far a window reaches over the border: `padding="same"` as Keras defines it."""

from __future__ import annotations

from collections.abc import Sequence

from lenet.shapes import Shape

Border = tuple[tuple[int, int], ...]  # before and after, per spatial axis


def same_border(sizes: Shape, extent: Sequence[int], strides: Sequence[int]) -> Border:
    """The border with which there is a position for every `stride` numbers; the odd one comes after.

    Facts: an axis has ceil(size / stride) positions, and no more border than the last of them needs.

    >>> same_border((7, 8), (3, 2), (2, 1))
    ((1, 1), (0, 1))
    """
    border = []
    for size, wide, step in zip(sizes, extent, strides, strict=True):
        places = -(-size // step)
        total = max((places - 1) * step + wide - size, 0)
        border.append((total // 2, total - total // 2))
    return tuple(border)


def causal_border(extent: Sequence[int]) -> Border:
    """The border of a window that sees nothing of what comes after its place.

    >>> causal_border((3,))
    ((2, 0),)
    """
    return tuple((wide - 1, 0) for wide in extent)


def extents(window: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """How many numbers a window spans with gaps between its own.

    >>> extents((3, 2), (2, 1))
    (5, 2)
    """
    return tuple((wide - 1) * gap + 1 for wide, gap in zip(window, dilation, strict=True))


def transposed_cut(extent: int, stride: int, same: bool, more: int | None) -> tuple[int, int]:
    """What a transposed convolution takes off both ends of all that its windows paint; negative adds zeros.

    `more` is Keras' output_padding.  Without it, "valid" gives at least `stride` numbers per input, and
    "same" exactly as many.

    >>> transposed_cut(3, 2, True, None), transposed_cut(2, 3, False, None)
    ((0, 1), (0, -1))
    """
    if not same:
        return 0, -(max(extent, stride) - extent if more is None else more)
    around = stride + extent - 2 if more is None else extent + extent % 2 - 2 + more
    before = min((around + 1) // 2, extent - 1)
    return extent - 1 - before, extent - 1 - (around - before)
