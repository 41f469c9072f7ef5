"""Where a network runs."""

from __future__ import annotations

from typing import Literal

import torch

from lenet.errors import Notes


def choose(wanted: Literal["cpu", "gpu"], index: int, notes: Notes) -> torch.device:
    """The device asked for, or the CPU with a note where there is no such GPU."""
    if wanted == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        notes.inform("a GPU is asked for and there is none here: running on the CPU")
        return torch.device("cpu")
    if index >= torch.cuda.device_count():
        number = torch.cuda.device_count()
        notes.inform(f"GPU {index} is asked for and there are {number}: running on GPU 0")
        index = 0
    return torch.device("cuda", index)


def describe(device: torch.device) -> str:
    """A device in words, with the number of threads for a CPU."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"cpu, {torch.get_num_threads()} threads"
