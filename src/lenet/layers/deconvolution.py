"""Transposed convolution, and the windows of an image laid out as a matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from lenet.layers.convolution import Convolution
from lenet.layers.layer import LAYERS, Layer, Operation, Parameter, expect
from lenet.layers.window import check_fit, per_axis
from lenet.shapes import Shape, ShapeError, convolution_size, count, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("deconvolution")
@dataclass(frozen=True)
class Deconvolution(Convolution):
    """What a convolution of the same settings does to gradients, as a layer: each input paints a window.

    Shape: (N, C, H, W) -> (N, `outputs`, H', W'), one output per input, H' = stride (H - 1) +
    dilation (window - 1) + 1 - 2 pad; one or three spatial axes likewise.
    Parameters: `outputs`, `window`, `stride`, `pad`, `dilation`, `groups`, `bias`, `axis` as for Convolution.
    "weight" (C, outputs / groups, *window), "bias" (outputs,).
    Differs: torch's conv_transpose; none.

    >>> Deconvolution(outputs=21, window=(4,), stride=(2,)).shape([(1, 21, 8, 8)])
    ((1, 21, 18, 18),)
    """

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        first, axis = self._checked(inputs)
        window, stride, pad, dilation = self._geometry(len(first) - axis - 1)
        axes = zip(first[axis + 1 :], window, stride, pad, dilation, strict=True)
        spatial = tuple(
            step * (size - 1) + spread * (wide - 1) + 1 - 2 * around
            for size, wide, step, around, spread in axes
        )
        if min(spatial) < 1:
            raise ShapeError(f"gives outputs of {text(spatial)}: too much is padded, {text(pad)}")
        return ((*first[:axis], self.outputs, *spatial),) * len(inputs)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        first, axis = self._checked(inputs)
        window = per_axis(self.window, len(first) - axis - 1, "window")
        weight = Parameter((first[axis], self.outputs // self.groups, *window), self.weight_filler)
        bias = {"bias": Parameter((self.outputs,), self.bias_filler)} if self.bias else {}
        return {"weight": weight} | bias

    def _function(self, axes: int) -> Callable[..., Tensor]:
        from torch.nn import functional

        _, stride, pad, dilation = self._geometry(axes)
        paint: Callable[..., Tensor] = getattr(functional, f"conv_transpose{axes}d")

        def one(tensor: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            return paint(tensor, weight, bias, stride, pad, 0, self.groups, dilation)

        return one

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        weight = self.parameters(inputs)["weight"].shape
        return sum(count(first) for first in inputs) * prod(weight[1:])


@LAYERS.add("windows")
@dataclass(frozen=True)
class Windows(Layer):
    """The numbers under a window at each of its places, as channels: what a convolution multiplies.

    Shape: (N, C, H, W) -> (N, C window height window width, H', W'), H' as for Convolution.
    Parameters: `window`, `stride`, `pad`, `dilation` in pixels, one number or one per axis.
    Differs: Caffe's Im2col; torch's unfold keeps the places in one axis.

    >>> Windows(window=(3,)).shape([(2, 4, 9, 11)])
    ((2, 36, 7, 9),)
    """

    window: tuple[int, ...]
    stride: tuple[int, ...] = (1,)
    pad: tuple[int, ...] = (0,)
    dilation: tuple[int, ...] = (1,)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 1)
        if len(inputs[0]) != 4:
            raise ShapeError(
                f"takes inputs of 4 axes, batch x channels x height x width, not {text(inputs[0])}"
            )
        window, stride, pad, dilation = self._geometry()
        sizes = inputs[0][2:]
        extent = tuple(step * (size - 1) + 1 for size, step in zip(window, dilation, strict=True))
        check_fit(extent, sizes, pad)
        places = map(convolution_size, sizes, window, stride, pad, dilation)
        return ((inputs[0][0], inputs[0][1] * prod(window), *places),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        from torch.nn.functional import unfold

        (wanted,) = self.shape(inputs)
        window, stride, pad, dilation = self._geometry()

        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            return unfold(tensors[0], window, dilation, pad, stride).reshape(-1, *wanted[1:])

        return run

    def _geometry(self) -> tuple[tuple[int, ...], ...]:
        return (
            per_axis(self.window, 2, "window"),
            per_axis(self.stride, 2, "stride"),
            per_axis(self.pad, 2, "pad", least=0),
            per_axis(self.dilation, 2, "dilation"),
        )
