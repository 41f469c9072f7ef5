"""What holds for all networks of a process: the random numbers, the device, the log."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.errors import Notes, UsageError

if TYPE_CHECKING:
    from lenet.layers.draws import Draws

TRAIN, TEST = 0, 1


@dataclass
class _Process:
    """The settings, which old scripts change by functions."""

    draws: Draws | None = None
    seed: int | None = None
    solvers: int = 1
    rank: int = 0
    logging: bool = False


PROCESS = _Process()


def set_random_seed(seed: int) -> None:
    """Let all random numbers from here on follow from `seed`: fillers, dropout, crops."""
    import torch

    from lenet.layers.draws import Draws

    PROCESS.draws, PROCESS.seed = Draws(seed), seed
    torch.manual_seed(seed)


def set_mode_cpu() -> None:
    """Compute on the CPU, which is where it is done anyway."""


def set_mode_gpu() -> None:
    """Ask for a GPU: networks whose arrays are shared with numpy stay on the CPU, which is said once."""
    if not PROCESS.logging:
        PROCESS.logging = True
        log("networks of this interface run on the CPU; 'lenet train' uses a GPU")


def set_device(index: int) -> None:
    """Choose a GPU, which means nothing on the CPU."""


def init_log(*_: object) -> None:
    """Start the log; there is nothing to prepare."""


def log(text: str) -> None:
    """Write a line to the log, which is stderr."""
    print(text, file=sys.stderr)


def tell(notes: Notes) -> None:
    """Log what was read in another way than it was written."""
    for note in notes:
        log(str(note))


def solver_count() -> int:
    """How many solvers train together."""
    return PROCESS.solvers


def set_solver_count(number: int) -> None:
    """Say how many solvers train together; one is all that there can be here.

    Raises: UsageError for another number.
    """
    if number != 1:
        raise UsageError(
            f"{number} solvers cannot share their work here",
            hint="torchrun --nproc-per-node N -m lenet train SOLVER trains on several devices",
        )


def solver_rank() -> int:
    """The number of this process's solver."""
    return PROCESS.rank


def set_solver_rank(rank: int) -> None:
    """Say which of several solvers this is; see :func:`set_solver_count`.

    Raises: UsageError for another than the first.
    """
    if rank:
        raise UsageError(f"there is one solver here, number {rank} cannot be")


def set_multiprocess(wanted: bool) -> None:
    """Say that solvers run in several processes; see :func:`set_solver_count`.

    Raises: UsageError if they should.
    """
    set_solver_count(2 if wanted else 1)


def has_nccl() -> bool:
    """Whether gradients can be added up over GPUs from Python: no."""
    return False


class NCCL:
    """Gradients added up over several GPUs, which cannot be asked for from here.

    Raises: UsageError.
    """

    def __init__(self, *_: object) -> None:
        set_solver_count(2)
