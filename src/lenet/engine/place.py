"""Which of several processes this one is, as its environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lenet.errors import UsageError

_NEEDED = ("RANK", "WORLD_SIZE")
RENDEZVOUS = "LENET_RENDEZVOUS"  # where processes that `lenet train` started itself meet, a file


@dataclass(frozen=True)
class Place:
    """Which of how many processes this one is, and which of those on its machine."""

    rank: int
    number: int
    local: int
    rendezvous: str  # an address for torch.distributed


def place_here(environment: Mapping[str, str] = os.environ) -> Place | None:
    """What torchrun, or `lenet train` itself, says in the environment; None for a process of its own.

    Raises: UsageError for words that are no numbers or do not fit each other.

    >>> place_here({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost"})
    Place(rank=1, number=2, local=1, rendezvous='env://')
    """
    meets = environment.get(RENDEZVOUS, "env://" if "MASTER_ADDR" in environment else "")
    words = [environment.get(name, "") for name in _NEEDED]
    if not meets or not all(words):
        return None
    words.append(environment.get("LOCAL_RANK", words[0]))
    if not all(word.isdecimal() for word in words) or not int(words[0]) < int(words[1]):
        said = ", ".join(f"{name}={word}" for name, word in zip((*_NEEDED, "LOCAL_RANK"), words, strict=True))
        raise UsageError(f"the environment names no process of several: {said}", hint="start with torchrun")
    rank, number, local = map(int, words)
    return Place(rank, number, local, meets)
