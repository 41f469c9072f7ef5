"""Where numbers are only looked at, layers may compute in ways that do not suit autograd or a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def only_looked_at(numbers: Tensor) -> bool:
    """Whether no gradient is wanted of float32 or float64 numbers on a CPU."""
    import torch

    wanted = torch.is_grad_enabled() and numbers.requires_grad
    return not wanted and numbers.device.type == "cpu" and numbers.dtype in (torch.float32, torch.float64)
