"""Devices by their names, this machine's processor or one of its GPUs, and how finely they calculate."""

from __future__ import annotations

import re
from typing import get_args

from lenet.errors import NOWHERE, UsageError, Where
from lenet.job import Precision

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


def check_precision(word: str, *, online: bool, where: Where = NOWHERE) -> None:
    """Refuse a precision that there is not, or not for a network that learns sample by sample (`online`).

    Raises: UsageError.
    """
    known = get_args(Precision)
    if word not in known:
        raise UsageError(f"there is no precision '{word}'", where, " or ".join(known))
    if online and word != "float32":
        reason = f"{word} is for networks that learn from batches; EBLearn's learn one by one, in float64"
        raise UsageError(reason, where, "leave the precision out")
