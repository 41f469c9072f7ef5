"""What a snapshot holds of a training, and how training goes on from it: data and random numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from lenet.checkpoint import Place, SolverState
from lenet.engine.build import Network
from lenet.engine.distributed import Alone
from lenet.engine.feeding import Feeder
from lenet.job import Job
from lenet.results import Snapshot

T = TypeVar("T")
_PROCESS = "process"  # before its number, in the names of the generators of the second process and later ones
Feeders = Sequence[tuple[str, Feeder]]  # with a name each


@dataclass(frozen=True)
class Checkpoint:
    """What a snapshot holds; whoever saves it chooses names and form."""

    job: Job
    network: Network
    state: SolverState


Save = Callable[[Checkpoint], Snapshot]


def take_place(
    feeders: Feeders, losses: Sequence[float], rule: str, device: torch.device, group: Alone
) -> Place:
    """Where the data and the random generators of all processes stand, with the last losses.

    `rule` is the name of the update rule, whose history is kept apart from this.
    """
    positions: dict[str, int] = {}
    generators = {"torch": _bytes(torch.get_rng_state())}
    if device.type == "cuda":
        generators["cuda"] = _bytes(torch.cuda.get_rng_state(device))
    for prefix, feeder in feeders:
        positions |= {f"{prefix}/{name}": position for name, position in feeder.positions.items()}
        generators |= {f"{prefix}/{name}": state for name, state in feeder.generators.items()}
    for rank, others in enumerate(group.gathered(generators)):
        generators |= {f"{_PROCESS}{rank}/{name}": state for name, state in others.items() if rank}
    return Place(positions, generators, tuple(losses), rule)


def restore_place(place: Place, feeders: Feeders, device: torch.device, rank: int) -> None:
    """Set the data and the random generators of process `rank` to where they stood."""
    generators = _own(place.generators, rank)
    for prefix, feeder in feeders:
        feeder.seek(_under(prefix, place.positions), _under(prefix, generators))
    if "torch" in generators:
        torch.set_rng_state(_tensor(generators["torch"]))
    if "cuda" in generators and device.type == "cuda":
        torch.cuda.set_rng_state(_tensor(generators["cuda"]), device)


def _own(generators: Mapping[str, bytes], rank: int) -> Mapping[str, bytes]:
    """The random generators of a process among those of all: the first one's have plain names."""
    return _under(f"{_PROCESS}{rank}", generators) if rank else generators


def _under(prefix: str, values: Mapping[str, T]) -> dict[str, T]:
    """The entries of `values` under `prefix/`, without it."""
    start = prefix + "/"
    return {key[len(start) :]: value for key, value in values.items() if key.startswith(start)}


def _bytes(state: Tensor) -> bytes:
    return state.numpy().tobytes()


def _tensor(state: bytes) -> Tensor:
    return torch.frombuffer(bytearray(state), dtype=torch.uint8)
