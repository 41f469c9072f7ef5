"""The calls of a fully connected layer with its bias and ReLU, forward and backward, see dense.h.

The matrix products are about as quick as torch's; they run on the threads that the compiled convolutions use,
so that no layer of a LeNet wakes a second set of threads and waits for it.
"""

from __future__ import annotations

import ctypes
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
