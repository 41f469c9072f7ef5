"""Pooling over two spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import lt
from typing import TYPE_CHECKING, Literal

from lenet.layers.curvature import pulled_back, through_choices
from lenet.layers.layer import LAYERS, Curvature, Layer, Operation, expect
from lenet.layers.window import check_fit, per_axis
from lenet.shapes import Shape, ShapeError, pooling_size, text

if TYPE_CHECKING:
    from torch import Tensor

LOWEST = -3.4028234663852886e38  # of float32: what lies around an image whose largest numbers are taken


@dataclass(frozen=True)
class Slide:
    """A window on its way over an input, each field (vertical, horizontal) in pixels."""

    sizes: Shape
    window: Shape
    stride: Shape
    pad: Shape
    positions: Shape

    @property
    def is_torch(self) -> bool:
        """Whether torch's pooling has these positions: no empty window, padding of half a window at most."""
        starts = ((places - 1) * step for places, step in zip(self.positions, self.stride, strict=True))
        ends = (size + around for size, around in zip(self.sizes, self.pad, strict=True))
        halves = (2 * around <= size for around, size in zip(self.pad, self.window, strict=True))
        return all(map(lt, starts, ends)) and all(halves)

    def padding(self) -> tuple[int, int, int, int]:
        """Explicit padding (left, right, top, bottom) under which every window is whole."""
        axes = zip(self.sizes, self.window, self.stride, self.pad, self.positions, strict=True)
        ends = [max(0, (places - 1) * step + window - size - pad) for size, window, step, pad, places in axes]
        return self.pad[1], ends[1], self.pad[0], ends[0]

    def lengths(self, axis: int) -> list[int]:
        """What an average divides by, along one axis: the window up to the end of the padding."""
        starts = [place * self.stride[axis] - self.pad[axis] for place in range(self.positions[axis])]
        return [min(self.window[axis], self.sizes[axis] + self.pad[axis] - start) for start in starts]

    def areas(self) -> list[list[int]]:
        """What an average divides by at each position."""
        return [[down * across for across in self.lengths(1)] for down in self.lengths(0)]


@LAYERS.add("pooling")
@dataclass(frozen=True)
class Pooling(Layer):
    """The largest or the mean number under a window that slides over each channel.

    Shape: (N, C, H, W) -> (N, C, H', W'), H' = (H + 2 pad - window) / stride + 1 rounded as
    `rounding` says; with padding a last window that starts at or beyond H + pad is dropped.
    Parameters: `method`; `window` (None: the whole input), `stride`, `pad` in pixels, one number or
    one per axis; `rounding`; `mask`, for "max" only: a second output of the same shape with the place
    of each maximum, row W + column, -1 in an empty window.
    Differs: torch's ceil_mode drops an empty last window also without padding, where Caffe gives NaN
    (average) or the lowest float (max); see :func:`lenet.shapes.pooling_size`.  The divisor of an average
    counts padding, but not what lies beyond it (recorded case pool_ave_k3s2p1).  Caffe has "stochastic"
    on the GPU only.  It takes a window that is larger than its input where rounding up leaves one
    position; here that is an error.

    >>> Pooling("max", window=(2,), stride=(2,), rounding="ceil").shape([(64, 20, 24, 24)])
    ((64, 20, 12, 12),)
    """

    method: Literal["max", "average", "stochastic"]
    window: tuple[int, ...] | None
    stride: tuple[int, ...] = (1,)
    pad: tuple[int, ...] = (0,)
    rounding: Literal["ceil", "floor"] = field(kw_only=True)
    mask: bool = False

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        window, stride, pad = self._geometry(inputs)
        check_fit(window, inputs[0][2:], pad, hint=", or global pooling")
        if self.mask and self.method != "max":
            raise ShapeError(f"only a maximum has a place to put into a mask, not '{self.method}'")
        spatial = self._positions(inputs[0][2:], window, stride, pad)
        return ((*inputs[0][:2], *spatial),) * (1 + self.mask)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        slide = self.slide(inputs)
        if self.method == "stochastic":
            return _stochastic(slide, training)
        if self.method == "average":
            return _average(slide, self.rounding == "ceil")
        return _max_and_mask(slide) if self.mask else _max(slide, self.rounding == "ceil")

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        operation = replace(self, mask=False).operation(inputs, training=True)
        if self.method == "average":
            return _average_curvature(operation, self.slide(inputs))
        if self.method == "stochastic":
            return super().curvature(inputs)
        chosen = through_choices(operation)
        return lambda tensors, _, outputs: chosen(tensors, (), outputs[:1])

    def slide(self, inputs: Sequence[Shape]) -> Slide:
        """The window on its way over inputs of these shapes."""
        window, stride, pad = self._geometry(inputs)
        sizes = inputs[0][2:]
        return Slide(sizes, window, stride, pad, self._positions(sizes, window, stride, pad))

    def _positions(self, sizes: Shape, window: Shape, stride: Shape, pad: Shape) -> Shape:
        """Positions of the window per axis.  Padding of one axis drops empty windows of the other too."""
        axes = zip(sizes, window, stride, pad, strict=True)
        found = [pooling_size(*axis, self.rounding) for axis in axes]
        if any(pad):
            ends = zip(found, stride, sizes, pad, strict=True)
            found = [places - ((places - 1) * step >= size + around) for places, step, size, around in ends]
        return tuple(found)

    def _geometry(self, inputs: Sequence[Shape]) -> tuple[Shape, Shape, Shape]:
        """Window, stride and padding per axis, once they fit together."""
        expect(inputs, 1)
        if len(inputs[0]) != 4:
            raise ShapeError(
                f"pools inputs of 4 axes, batch x channels x height x width, not {text(inputs[0])}"
            )
        stride, pad = per_axis(self.stride, 2, "stride"), per_axis(self.pad, 2, "pad", least=0)
        if self.window is None:
            if (*stride, *pad) != (1, 1, 0, 0):
                raise ShapeError("global pooling takes neither stride nor padding")
            return inputs[0][2:], stride, pad
        window = per_axis(self.window, 2, "window")
        if any(around >= size for size, around in zip(window, pad, strict=True)):
            raise ShapeError(f"pad {text(pad)} must be smaller than the window, {text(window)}")
        if self.method == "stochastic" and any(pad):
            raise ShapeError("stochastic pooling takes no padding")
        return window, stride, pad


def _max(slide: Slide, ceil: bool) -> Operation:
    from torch.nn import functional

    if slide.is_torch:
        return lambda tensors, *_: functional.max_pool2d(
            tensors[0], slide.window, slide.stride, slide.pad, 1, ceil
        )
    return lambda tensors, *_: functional.max_pool2d(_padded(tensors[0], slide), slide.window, slide.stride)


def _max_and_mask(slide: Slide) -> Operation:
    import torch
    from torch.nn import functional

    left, _, top, _ = padding = slide.padding()
    height, width = slide.sizes
    padded_width = left + width + padding[1]

    def run(tensors: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, ...]:
        largest, places = functional.max_pool2d_with_indices(
            _padded(tensors[0], slide), slide.window, slide.stride
        )
        row, column = places // padded_width - top, places % padded_width - left
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return largest, torch.where(inside, row * width + column, -1).to(largest.dtype)

    return run


def _padded(tensor: Tensor, slide: Slide) -> Tensor:
    """The input within the lowest numbers, which an empty window gives as Caffe does."""
    import torch

    return torch.nn.functional.pad(tensor, slide.padding(), value=torch.finfo(tensor.dtype).min)


def _average(slide: Slide, ceil: bool) -> Operation:
    import torch
    from torch.nn.functional import avg_pool2d, pad

    if slide.is_torch:
        return lambda tensors, *_: avg_pool2d(tensors[0], slide.window, slide.stride, slide.pad, ceil)
    areas = torch.tensor(slide.areas())

    def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
        padded = pad(tensors[0], slide.padding())
        return avg_pool2d(padded, slide.window, slide.stride, divisor_override=1) / areas.to(padded.device)

    return run


def _average_curvature(operation: Operation, slide: Slide) -> Curvature:
    """A mean's derivatives are 1 / area: curvature goes back as a gradient does, over the area once more."""

    def rule(
        tensors: Sequence[Tensor], _: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        shared = outputs[0] / outputs[0].new_tensor(slide.areas())
        return pulled_back(lambda images: operation([images]), tensors, [shared]), ()

    return rule


def _stochastic(slide: Slide, training: bool) -> Operation:
    """Zeiler and Fergus (2013): a number is drawn by its size, or their mean weighted by it is taken."""
    import torch
    from torch.nn.functional import pad

    def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
        rows = pad(tensors[0], slide.padding()).unfold(2, slide.window[0], slide.stride[0])
        numbers = rows.unfold(3, slide.window[1], slide.stride[1]).flatten(4)
        total = numbers.sum(-1, keepdim=True)
        if not training:
            tiny = torch.finfo(total.dtype).tiny
            return (numbers.square().sum(-1, keepdim=True) / total.clamp(min=tiny)).squeeze(-1)
        below = numbers.detach().cumsum(-1) < torch.rand_like(total) * total.detach()
        chosen = below.sum(-1, keepdim=True).clamp(max=numbers.shape[-1] - 1)
        return numbers.gather(-1, chosen).squeeze(-1)

    return run
