"""Convolution, bias, max-pool and ReLU in one pass, forward and backward, compiled.

What lies between convolution and pool is never stored, and the gradient is computed at the positions that
won only: a quarter of them with a pool of 2 x 2.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import prod
from typing import TYPE_CHECKING, Protocol

from lenet.kernels.calls import Call, run
from lenet.kernels.update import side_by_side
from lenet.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LARGEST_WINDOW = 11  # of the convolution, per axis
LARGEST_AREA = 254  # places under a pool: the winner is kept in a byte, and 255 says that ReLU cut it off
FEW = 2**22  # multiply-adds: one thread does them sooner than it wakes another
_Strides = ctypes.c_long * 4
_SIZES = (
    *("batch", "channels", "height", "width", "outputs", "rows", "columns", "pad_rows", "pad_columns"),
    *("pool_rows", "pool_columns", "conv_height", "conv_width", "pooled_height", "pooled_width", "relu"),
)


class _Sizes(ctypes.Structure):
    """`Convolution` of convolution.h."""

    _fields_ = (
        *((name, ctypes.c_long) for name in _SIZES),
        *((name, _Strides) for name in ("x_stride", "y_stride", "w_stride")),
    )


@dataclass(frozen=True)
class FusedConvolution:
    """One convolution with what follows it; (height, width) throughout.

    Parameters: `pool`, the window and stride of the maximum, (1, 1) for none; `pooled`, the positions of
    that window, the last of which may hang over the edge; `relu`, before or after the pool, which gives
    the same; `channels_last`, how the output lies in memory.
    """

    channels: int
    size: Shape
    outputs: int
    window: Shape
    pad: Shape
    pool: Shape
    pooled: Shape
    relu: bool
    channels_last: bool

    @cached_property
    def convolved(self) -> Shape:
        """The size of the convolution's output."""
        return tuple(
            size + 2 * pad - window + 1
            for size, pad, window in zip(self.size, self.pad, self.window, strict=True)
        )

    @cached_property
    def multiply_adds(self) -> int:
        """Those of a sample, forward."""
        return self.outputs * self.channels * prod(self.window) * prod(self.convolved)

    @property
    def _weight_shape(self) -> Shape:
        return self.outputs, self.channels, *self.window

    def __call__(self, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(N, C, H, W) -> (N, outputs, *pooled), float32, differentiable once.

        Raises: ValueError for a tensor of another kind or shape; MissingExtra where there is no library.
        """
        import torch

        shape = self._weight_shape
        if not (self.takes(images) and _fits(weight, shape) and (bias is None or _fits(bias, shape[:1]))):
            raise ValueError("the compiled convolution takes float32 tensors on the CPU, of its own shapes")
        wanted = torch.is_grad_enabled() and any(
            tensor is not None and tensor.requires_grad for tensor in (images, weight, bias)
        )
        if not wanted:
            return self.forward(images, weight, bias, with_winners=False)[0]
        result: Tensor = _function().apply(images, weight, bias, self)  # type: ignore[no-untyped-call]
        return result

    def takes(self, images: Tensor) -> bool:
        """Whether these are images that this was made for."""
        return _fits(images, (len(images), self.channels, *self.size))

    def learned_by(self, parameters: Sequence[Tensor]) -> bool:
        """Whether this is the layer's weight, and its bias or none, as they lie in memory for its calls."""
        shapes = self._weight_shape, self._weight_shape[:1]
        shaped = all(_fits(each, shape) for each, shape in zip(parameters, shapes, strict=False))
        return shaped and all(bias.is_contiguous() for bias in parameters[1:])

    def forward(
        self, images: Tensor, weight: Tensor, bias: Tensor | None, *, with_winners: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The output, and which place won under each window, (N, *pooled, outputs) bytes."""
        output = self.output_room(len(images))
        winners = self.winners_room(len(images)) if with_winners else None
        few = len(images) * self.multiply_adds <= FEW
        run(self.forward_call(images, weight, bias, output, winners), threads=1 if few else 0)
        return output, winners

    def output_room(self, batch: int) -> Tensor:
        """Memory for the output of so many samples."""
        import torch

        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        shape = (batch, self.outputs, *self.pooled)
        return torch.empty(shape, dtype=torch.float32, device="cpu", memory_format=layout)

    def winners_room(self, batch: int) -> Tensor:
        """Memory for which place won under each window."""
        import torch

        return torch.empty((batch, *self.pooled, self.outputs), dtype=torch.uint8, device="cpu")

    def backward(
        self, images: Tensor, weight: Tensor, winners: Tensor, gradient: Tensor, wanted: Sequence[bool]
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """The gradients of images, weight and bias, each if it is `wanted`."""
        import torch

        learned = any(wanted[1:])
        # gradients lie as their tensors do, whose numbers may share places (expand): a gradient's must not
        images, weight = (
            tensor if side_by_side(tensor) else tensor.contiguous() for tensor in (images, weight)
        )
        of_images = torch.empty_like(images) if wanted[0] else None
        of_weight = torch.empty_like(weight) if learned else None
        of_bias = torch.empty(self.outputs, dtype=torch.float32, device="cpu") if learned else None
        run(self.backward_call(images, weight, winners, gradient, of_images, of_weight, of_bias))
        return of_images, of_weight if wanted[1] else None, of_bias if wanted[2] else None

    def forward_call(
        self,
        images: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        output: Tensor,
        winners: Tensor | None = None,
    ) -> Call:
        """What fills `output` and, if it is given, `winners`."""
        bias = None if bias is None else bias.contiguous()  # the only one without strides
        sizes = self._sizes(images, output, weight)
        return Call("convolution_forward", sizes, (images, weight, bias, output, winners))

    def backward_call(
        self,
        images: Tensor,
        weight: Tensor,
        winners: Tensor,
        gradient: Tensor,
        of_images: Tensor | None,
        of_weight: Tensor | None,
        of_bias: Tensor | None,
    ) -> Call:
        """What fills the gradients, of weight and bias both or neither; they lie as their tensors do."""
        sizes = self._sizes(images, gradient, weight)
        tensors = (images, weight, gradient, winners, of_images, of_weight, of_bias)
        return Call("convolution_backward", sizes, tensors)

    def _sizes(self, images: Tensor, output: Tensor, weight: Tensor) -> _Sizes:
        pairs = (self.window, self.pad, self.pool, self.convolved, self.pooled)
        numbers = (len(images), self.channels, *self.size, self.outputs, *(n for pair in pairs for n in pair))
        strides = (_Strides(*tensor.stride()) for tensor in (images, output, weight))
        return _Sizes(*numbers, self.relu, *strides)


def _fits(tensor: Tensor, shape: Shape) -> bool:
    import torch

    return tensor.dtype == torch.float32 and tensor.device.type == "cpu" and tuple(tensor.shape) == shape


class _Context(Protocol):
    """What autograd hands from the forward to the backward pass."""

    its: FusedConvolution
    saved_tensors: tuple[Tensor, Tensor, Tensor]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor | None) -> None: ...


@cache
def _function() -> type[torch.autograd.Function]:
    """The autograd function; made on first use, because this file does not import torch."""
    import torch

    class Fused(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: _Context, images: Tensor, weight: Tensor, bias: Tensor | None, its: FusedConvolution
        ) -> Tensor:
            output, winners = its.forward(images, weight, bias, with_winners=True)
            ctx.save_for_backward(images, weight, winners)
            ctx.its = its
            return output

        @staticmethod
        def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
            # torch's once_differentiable would let a gradient pass for a constant in what is built on it
            if torch.is_grad_enabled():
                raise RuntimeError("the compiled convolution has no second derivatives: use kernels 'torch'")
            images, weight, winners = ctx.saved_tensors
            wanted = ctx.needs_input_grad[:3]
            return *ctx.its.backward(images, weight, winners, gradient, wanted), None

    return Fused
