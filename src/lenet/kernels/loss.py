"""The calls of a softmax loss and of products number by number, see loss.h."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from lenet.kernels.calls import Call

if TYPE_CHECKING:
    from torch import Tensor


class _SoftmaxLoss(ctypes.Structure):
    _fields_ = (("batch", ctypes.c_long), ("classes", ctypes.c_long))


class _Multiply(ctypes.Structure):
    _fields_ = (("count", ctypes.c_long), ("step", ctypes.c_long))


def softmax_loss_call(scores: Tensor, labels: Tensor, losses: Tensor, gradient: Tensor) -> Call:
    """What fills `losses`, one number for each turn, and the gradient of the scores (N, classes).

    The loss is the mean over the batch, of each sample at most 87.34 (see lenet.layers.loss).  Labels are
    int64 (N,); one outside the classes fails with NO_SUCH_LABEL, a loss that is no number with NO_NUMBER.
    """
    return Call("softmax_loss", _SoftmaxLoss(*scores.shape), (scores, labels, losses, gradient))


def multiply_call(numbers: Tensor, factors: Tensor, products: Tensor) -> Call:
    """What fills `products`; contiguous tensors of one shape, `factors` also (turns, ...) of that shape."""
    step = numbers.numel() if factors.ndim > numbers.ndim else 0
    return Call("multiply", _Multiply(numbers.numel(), step), (numbers, factors, products))
