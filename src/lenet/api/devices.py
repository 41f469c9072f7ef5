"""Devices by their names: this machine's processor, or one of its GPUs."""

from __future__ import annotations

import re

from lenet.errors import UsageError

_GPU = re.compile(r"(?:gpu|cuda)(?::(\d{1,3}))?")


def device_named(word: str) -> str:
    """The name that torch has for a device: "cpu", "gpu" or "cuda", "gpu:1" or "cuda:1".

    Raises: UsageError for another word, and for a GPU that is not there.

    >>> device_named("cpu")
    'cpu'
    """
    word = str(word)
    if word == "cpu":
        return word
    found = _GPU.fullmatch(word)
    if not found:
        raise UsageError(f"there is no device '{word}'", hint="cpu, gpu or gpu:N")
    import torch

    number = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(found[1] or 0)
    if index >= number:
        there = f"there are {number}, counted from 0" if number else "there is none that torch can use"
        raise UsageError(f"no GPU '{word}': {there}", hint="device='cpu'")
    return f"cuda:{index}"
