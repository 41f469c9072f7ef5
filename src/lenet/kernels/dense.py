"""The calls of a fully connected layer with its bias and ReLU, forward and backward, see dense.h.

The matrix products are about as quick as torch's; they run on the threads that the compiled convolutions use,
so that no layer of a LeNet wakes a second set of threads and waits for it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.kernels.calls import Call

if TYPE_CHECKING:
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

    @property
    def multiply_adds(self) -> int:
        """Those of a sample, forward."""
        return self.inputs * self.outputs

    def output_room(self, batch: int) -> Tensor:
        """Memory for the output of so many samples."""
        import torch

        return torch.empty((batch, self.outputs), dtype=torch.float32, device="cpu")

    def learned_by(self, parameters: Sequence[Tensor]) -> bool:
        """Whether this is the layer's weight, and its bias or none, as they lie in memory for its calls."""
        shapes = (self.outputs, self.inputs), (self.outputs,)
        return all(
            tuple(each.shape) == shape and each.is_contiguous()
            for each, shape in zip(parameters, shapes, strict=False)
        )

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
