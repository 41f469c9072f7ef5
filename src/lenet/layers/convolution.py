"""Convolution over one, two or three spatial axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from lenet.layers.curvature import through_squares
from lenet.layers.fillers import Constant, Filler
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, Parameter
from lenet.layers.window import check_fit, per_axis
from lenet.shapes import Shape, ShapeError, axis_index, convolution_size, count, same_shapes

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("convolution")
@dataclass(frozen=True)
class Convolution(Layer):
    """Each output channel is a sum of the input channels, each correlated with its own window.

    Shape: (N, C, H, W) -> (N, `outputs`, H', W'), one output per input, H' = (H + 2 pad -
    dilation (window - 1) - 1) / stride + 1 rounded down; one or three spatial axes likewise.
    Parameters: `outputs`, channels; `window`, `stride`, `pad`, `dilation` in pixels, one number for
    all spatial axes or one per axis; `groups`, into which inputs and outputs fall; `bias`, whether a
    number is added to each output; `axis`, the channels', those before it count as batch.
    "weight" (outputs, C / groups, *window), "bias" (outputs,).
    Differs: Caffe and torch agree, windows are not mirrored in either; torch has no `axis`.

    >>> Convolution(outputs=20, window=(5,)).shape([(64, 1, 28, 28)])
    ((64, 20, 24, 24),)
    """

    outputs: int
    window: tuple[int, ...]
    stride: tuple[int, ...] = (1,)
    pad: tuple[int, ...] = (0,)
    dilation: tuple[int, ...] = (1,)
    groups: int = 1
    bias: bool = True
    axis: int = 1
    weight_filler: Filler = Constant(0)
    bias_filler: Filler = Constant(0)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        first, axis = self._checked(inputs)
        window, stride, pad, dilation = self._geometry(len(first) - axis - 1)
        sizes = first[axis + 1 :]
        extent = tuple(step * (size - 1) + 1 for size, step in zip(window, dilation, strict=True))
        check_fit(extent, sizes, pad)
        spatial = map(convolution_size, sizes, window, stride, pad, dilation)
        return ((*first[:axis], self.outputs, *spatial),) * len(inputs)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        first, axis = self._checked(inputs)
        window = per_axis(self.window, len(first) - axis - 1, "window")
        weight = Parameter((self.outputs, first[axis] // self.groups, *window), self.weight_filler)
        bias = {"bias": Parameter((self.outputs,), self.bias_filler)} if self.bias else {}
        return {"weight": weight} | bias

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        first, axis = self._checked(inputs)
        one = self._function(len(first) - axis - 1)

        def with_axis(tensor: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            result = one(tensor.reshape(-1, *first[axis:]), weight, bias)
            return result.reshape(*tensor.shape[:axis], *result.shape[1:])

        apply = one if axis == 1 else with_axis

        def run(tensors: Sequence[Tensor], *parameters: Tensor) -> Tensor | tuple[Tensor, ...]:
            if len(tensors) == 1:
                return apply(tensors[0], *parameters)
            return tuple(apply(tensor, *parameters) for tensor in tensors)

        return run

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        return through_squares(self.operation(inputs, training=True))

    def _function(self, axes: int) -> Callable[..., Tensor]:
        """What is done to (batch, channels, *spatial), weight and bias."""
        from torch.nn import functional

        window, stride, pad, dilation = self._geometry(axes)
        convolve: Callable[..., Tensor] = getattr(functional, f"conv{axes}d")
        every: tuple[Any, ...] = (..., *(slice(None, None, step) for step in stride))

        def one(tensor: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            return convolve(tensor, weight, bias, stride, pad, dilation, self.groups)

        def thinned(tensor: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            return convolve(tensor[every], weight, bias, groups=self.groups)

        # a single pixel that jumps is one at every place of fewer pixels; torch 2.13 on a CPU writes beyond
        # its memory in the gradient of such weights if they lie channels_last
        return thinned if max(window) == 1 < max(stride) and not any(pad) else one

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        weight = self.parameters(inputs)["weight"].shape
        return sum(count(output) for output in self.shape(inputs)) * prod(weight[1:])

    def _geometry(self, axes: int) -> tuple[tuple[int, ...], ...]:
        return (
            per_axis(self.window, axes, "window"),
            per_axis(self.stride, axes, "stride"),
            per_axis(self.pad, axes, "pad", least=0),
            per_axis(self.dilation, axes, "dilation"),
        )

    def _checked(self, inputs: Sequence[Shape]) -> tuple[Shape, int]:
        """The first input's shape and the channel axis, once channels, groups and axes fit."""
        if not inputs:
            raise ShapeError("takes one or more inputs, none given")
        same_shapes(inputs, "the inputs share their weights, so they need one shape")
        axis = axis_index(self.axis, len(inputs[0]))
        axes = len(inputs[0]) - axis - 1
        if not 1 <= axes <= 3:
            raise ShapeError(f"has {axes} spatial axes after channel axis {axis}; 1 to 3 can be convolved")
        if self.outputs < 1 or self.groups < 1:
            raise ShapeError(f"outputs {self.outputs} and groups {self.groups} must be at least 1")
        channels = inputs[0][axis]
        if channels % self.groups or self.outputs % self.groups:
            groups = f"do not fall into {self.groups} groups"
            raise ShapeError(f"{channels} channels and {self.outputs} outputs {groups}")
        return inputs[0], axis
