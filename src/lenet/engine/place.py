"""Which of several processes this one is, as its environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lenet.errors import UsageError

_NEEDED = ("RANK", "WORLD_SIZE")
_MEETING = ("MASTER_ADDR", "MASTER_PORT")  # where processes meet that torchrun started
_LARGEST_PORT = 65535
RENDEZVOUS = "LENET_RENDEZVOUS"  # where processes that `lenet train` started itself meet, a file


@dataclass(frozen=True)
class Place:
    """Which of how many processes this one is, and which of those on its machine."""

    rank: int
    number: int
    local: int
    rendezvous: str  # an address for torch.distributed


def is_of_several(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment says that there are other processes.

    >>> is_of_several({"RANK": "0", "WORLD_SIZE": "2"}), is_of_several({"WORLD_SIZE": "2"})
    (True, False)
    """
    return bool(environment.get("RANK")) and environment.get("WORLD_SIZE", "") not in ("", "1")


def speaks(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process tells that all were interrupted: one that `lenet train` started leaves it to that.

    Of those that torchrun started it is the first one of each machine.
    """
    return RENDEZVOUS not in environment and environment.get("LOCAL_RANK") in (None, "0")


def place_here(environment: Mapping[str, str] = os.environ) -> Place | None:
    """What torchrun, or `lenet train` itself, says in the environment; None for a process of its own.

    Raises: UsageError for words that are no numbers or do not fit each other, or where one is missing.

    >>> meeting = {"MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
    >>> place_here({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", **meeting})
    Place(rank=1, number=2, local=1, rendezvous='env://')
    """
    words = [environment.get(name, "") for name in _NEEDED]
    if not all(words):
        return None
    words.append(environment.get("LOCAL_RANK", words[0]))
    if not all(word.isdecimal() for word in words) or not int(words[0]) < int(words[1]):
        said = ", ".join(f"{name}={word}" for name, word in zip((*_NEEDED, "LOCAL_RANK"), words, strict=True))
        raise UsageError(f"the environment names no process of several: {said}", hint="start with torchrun")
    rank, number, local = map(int, words)
    if RENDEZVOUS in environment:
        return Place(rank, number, local, environment[RENDEZVOUS])
    if number == 1 and not any(environment.get(name) for name in _MEETING):
        return None
    _check_meeting(environment, rank, number)
    return Place(rank, number, local, "env://")


def _check_meeting(environment: Mapping[str, str], rank: int, number: int) -> None:
    """Refuse an environment that does not say where the processes meet."""
    missing = [name for name in _MEETING if not environment.get(name)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"RANK={rank} and WORLD_SIZE={number} name one of several processes, "
            f"but {' and '.join(missing)} {verb} not set",
            hint="torchrun --nproc-per-node N -m lenet train SOLVER sets them all; "
            "without RANK and WORLD_SIZE one process trains, or several: --processes N",
        )
    port = environment["MASTER_PORT"]
    if not port.isdecimal() or not 0 < int(port) <= _LARGEST_PORT:
        raise UsageError(f"MASTER_PORT={port} is no port", hint=f"it is a number from 1 to {_LARGEST_PORT}")
