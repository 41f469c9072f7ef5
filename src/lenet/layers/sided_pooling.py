"""Pooling with a border of its own on each side, over one to three spatial axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.window import per_axis
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("sided_pooling")
@dataclass(frozen=True)
class SidedPooling(Layer):
    """The largest or the mean number under a window, with as much border on each side as one likes.

    Shape: (N, C, H, W) -> (N, C, H', W'), H' = (before + H + after - window) / stride + 1 rounded down; one
    or three spatial axes likewise.
    Parameters: `method`; `window`, `stride`, `before` and `after`, the border's width, in pixels, one number
    or one per axis; `counted`, whether a mean counts the border's zeros.  A maximum never takes the border.
    Differs: Pooling has the same border on both sides and knows Caffe's sizes and divisors; Keras' "same"
    and ONNX's pads are these.  Keras on its torch backend counts the image's last pixels, repeated, in a mean
    with different borders; on its others, as TensorFlow defines it, the border never counts.

    >>> SidedPooling("max", window=(2,), stride=(2,), after=(1,)).shape([(64, 20, 7, 7)])
    ((64, 20, 4, 4),)
    """

    method: Literal["max", "average"]
    window: tuple[int, ...]
    stride: tuple[int, ...] = (1,)
    before: tuple[int, ...] = (0,)
    after: tuple[int, ...] = (0,)
    counted: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        window, stride, before, after = self._geometry(inputs)
        sizes = inputs[0][2:]
        spans = [sum(axis) for axis in zip(sizes, before, after, strict=True)]
        if any(wide > span for wide, span in zip(window, spans, strict=True)):
            raise ShapeError(f"window {text(window)} is larger than its input with border, {spans}")
        axes = zip(spans, window, stride, strict=True)
        return ((*inputs[0][:2], *((span - wide) // step + 1 for span, wide, step in axes)),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        import torch
        from torch.nn import functional

        window, stride, before, after = self._geometry(inputs)
        sides = [number for pair in zip(reversed(before), reversed(after), strict=True) for number in pair]
        pool: Callable[..., Any] = getattr(
            functional, f"{'max' if self.method == 'max' else 'avg'}_pool{len(window)}d"
        )

        def largest(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            lowest = torch.finfo(tensors[0].dtype).min
            return pool(functional.pad(tensors[0], sides, value=lowest), window, stride)  # type: ignore[no-any-return]

        def mean(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            result = pool(functional.pad(tensors[0], sides), window, stride)
            return result if self.counted else result * factors.to(result)  # type: ignore[no-any-return]

        factors = torch.tensor(self._shares(inputs), dtype=torch.float64)
        return largest if self.method == "max" else mean

    def _shares(self, inputs: Sequence[Shape]) -> list[Any]:
        """Window's size by the part of it that is not border, for each position."""
        window, stride, before, _ = self._geometry(inputs)
        places = self.shape(inputs)[0][2:]
        lengths = [
            [_inside(place * step - start, wide, size) for place in range(number)]
            for size, wide, step, start, number in zip(
                inputs[0][2:], window, stride, before, places, strict=True
            )
        ]

        def nested(axes: list[list[int]], area: int) -> Any:  # noqa: ANN401 lists of lists
            if not axes:
                return prod(window) / area
            return [nested(axes[1:], area * length) for length in axes[0]]

        found: list[Any] = nested(lengths, 1)
        return found

    def _geometry(self, inputs: Sequence[Shape]) -> tuple[Shape, Shape, Shape, Shape]:
        expect(inputs, 1)
        axes = len(inputs[0]) - 2
        if not 1 <= axes <= 3:
            raise ShapeError(f"pools over 1 to 3 spatial axes, its input is {text(inputs[0])}")
        window, stride = per_axis(self.window, axes, "window"), per_axis(self.stride, axes, "stride")
        before, after = per_axis(self.before, axes, "before", 0), per_axis(self.after, axes, "after", 0)
        for wide, *border in zip(window, before, after, strict=True):
            if max(border) >= wide:
                raise ShapeError(f"a border of {max(border)} must be smaller than the window, {wide}")
        return window, stride, before, after


def _inside(start: int, window: int, size: int) -> int:
    """How much of a window that starts at `start` lies over 0 to `size`."""
    return min(start + window, size) - max(start, 0)
