"""A fully connected layer with its bias and ReLU in one pass, forward and backward, compiled.

The matrix products are no quicker than torch's; they run on the threads that the compiled convolutions use,
so that no layer of a LeNet wakes a second set of threads and waits for it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from lenet.kernels.calls import Call, run

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class _Sizes(ctypes.Structure):
    """`Dense` of dense.h."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("batch", "inputs", "outputs", "relu"))


@dataclass(frozen=True)
class FusedDense:
    """One fully connected layer, with the ReLU behind it or without."""

    inputs: int
    outputs: int
    relu: bool

    def __call__(self, samples: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(N, ...) with `inputs` numbers a sample -> (N, outputs), float32, differentiable once.

        Raises: ValueError for a tensor of another kind or shape; MissingExtra where there is no library.
        """
        import torch

        shape = (self.outputs, self.inputs)
        if not (self.takes(samples) and _fits(weight, shape) and (bias is None or _fits(bias, shape[:1]))):
            raise ValueError("the compiled layer takes float32 tensors on the CPU, of its own shapes")
        rows = samples.flatten(1)
        wanted = torch.is_grad_enabled() and any(
            tensor is not None and tensor.requires_grad for tensor in (samples, weight, bias)
        )
        if not wanted:
            return self.forward(rows, weight, bias)
        result: Tensor = _function().apply(rows, weight, bias, self)  # type: ignore[no-untyped-call]
        return result

    def takes(self, samples: Tensor) -> bool:
        """Whether these are samples that this was made for."""
        return _fits(samples, (len(samples), *samples.shape[1:])) and samples.shape[1:].numel() == self.inputs

    def forward(self, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        import torch

        rows, weight = rows.contiguous(), weight.contiguous()
        bias = None if bias is None else bias.contiguous()
        output = torch.empty((len(rows), self.outputs), dtype=torch.float32, device="cpu")
        run(self.forward_call(rows, weight, bias, output))
        return output

    def backward(
        self, rows: Tensor, weight: Tensor, output: Tensor, gradient: Tensor, wanted: Sequence[bool]
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """The gradients of rows, weight and bias, each if it is `wanted`."""
        import torch

        rows, weight, gradient = rows.contiguous(), weight.contiguous(), gradient.contiguous()
        of_rows, of_weight = (
            torch.empty_like(tensor) if each else None
            for tensor, each in zip((rows, weight), wanted, strict=False)
        )
        of_bias = torch.empty(self.outputs, dtype=torch.float32, device="cpu") if wanted[2] else None
        run(self.backward_call(rows, weight, output, gradient, of_rows, of_weight, of_bias))
        return of_rows, of_weight, of_bias

    def forward_call(self, rows: Tensor, weight: Tensor, bias: Tensor | None, output: Tensor) -> Call:
        """What fills `output` (N, outputs); all tensors are contiguous."""
        return Call("dense_forward", self._sizes(rows), (rows, weight, bias, output))

    def backward_call(
        self,
        rows: Tensor,
        weight: Tensor,
        output: Tensor,
        gradient: Tensor,
        of_rows: Tensor | None,
        of_weight: Tensor | None,
        of_bias: Tensor | None,
    ) -> Call:
        """What fills the gradients that are wanted; all tensors are contiguous."""
        tensors = (rows, weight, output, gradient, of_rows, of_weight, of_bias)
        return Call("dense_backward", self._sizes(rows), tensors)

    def _sizes(self, rows: Tensor) -> _Sizes:
        return _Sizes(len(rows), self.inputs, self.outputs, self.relu)


def _fits(tensor: Tensor, shape: Sequence[int]) -> bool:
    import torch

    return (
        tensor.dtype == torch.float32 and tensor.device.type == "cpu" and tuple(tensor.shape) == tuple(shape)
    )


class _Context(Protocol):
    """What autograd hands from the forward to the backward pass."""

    its: FusedDense
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
            ctx: _Context, rows: Tensor, weight: Tensor, bias: Tensor | None, its: FusedDense
        ) -> Tensor:
            output = its.forward(rows, weight, bias)
            ctx.save_for_backward(rows, weight, output)
            ctx.its = its
            return output

        @staticmethod
        def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
            # torch's once_differentiable would let a gradient pass for a constant in what is built on it
            if torch.is_grad_enabled():
                raise RuntimeError("the compiled layer has no second derivatives: use kernels 'torch'")
            return *ctx.its.backward(*ctx.saved_tensors, gradient, ctx.needs_input_grad[:3]), None

    return Fused
