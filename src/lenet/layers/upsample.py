"""Images made larger by whole factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.layers.window import per_axis
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("upsample")
@dataclass(frozen=True)
class Upsample(Layer):
    """Repeats each number along the spatial axes, or draws lines between them.

    Shape: (N, C, H, W) -> (N, C, H factor, W factor); "nearest" with any number of spatial axes.
    Parameters: `factors`, whole numbers, one for all spatial axes or one per axis; `method`, "nearest" or
    "bilinear", where the middles of pixels lie at halves and the edge goes on beyond the border.
    Differs: torch's interpolate with align_corners false; none.  Resize is EBLearn's.

    >>> Upsample(factors=(2,)).shape([(64, 3, 14, 14)])
    ((64, 3, 28, 28),)
    """

    factors: tuple[int, ...]
    method: Literal["nearest", "bilinear"] = "nearest"

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        factors = self._factors(inputs)
        sizes = zip(inputs[0][2:], factors, strict=True)
        return ((*inputs[0][:2], *(size * factor for size, factor in sizes)),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import interpolate

        factors = self._factors(inputs)
        sizes = self.shape(inputs)[0][2:]

        def repeated(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            result = tensors[0]
            for axis, factor in enumerate(factors, 2):
                result = result.repeat_interleave(factor, axis)
            return result

        if self.method == "nearest":
            return repeated
        return lambda tensors, *_: interpolate(tensors[0], sizes, mode="bilinear", align_corners=False)

    def _factors(self, inputs: Sequence[Shape]) -> Shape:
        expect(inputs, 1)
        axes = len(inputs[0]) - 2
        if axes < 1 or (self.method == "bilinear" and axes != 2):
            wanted = "2 spatial axes" if self.method == "bilinear" else "spatial axes"
            raise ShapeError(f"needs {wanted} after batch and channels, its input is {text(inputs[0])}")
        return per_axis(self.factors, axes, "factors")
