"""The time of several ways to compute the same, which take turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import torch
from torch import Tensor

from lenet.engine.build import Network
from lenet.engine.running import blobs_of

Pass = Callable[[], None]
ROUNDS = 10


@dataclass
class Contender:
    """Milliseconds of one iteration, block by block."""

    name: str
    times: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median over blocks."""
        return median(self.times)

    def ratio(self, other: Contender) -> float:
        """The median of this one's time over another's, block by block."""
        return median(ours / theirs for ours, theirs in zip(self.times, other.times, strict=True))


def contest(passes: Mapping[str, Pass], iterations: int, rounds: int = ROUNDS) -> list[Contender]:
    """Time `rounds` blocks of each, in turn, so that a slow moment hits all of them; one warms up."""
    found = [Contender(name) for name in passes]
    for number in range(rounds + 1):
        for contender, work in zip(found, passes.values(), strict=True):
            started = time.perf_counter()
            for _ in range(iterations):
                work()
            if number:
                contender.times.append((time.perf_counter() - started) * 1000 / iterations)
    return found


def network_pass(network: Network, images: Tensor, answers: Sequence[str]) -> Pass:
    """Forward and backward through one of our networks."""
    network.requires_grad_(True)
    (blob,) = network.net.input_nodes()[0].outputs

    def work() -> None:
        blobs = blobs_of(network, {blob: images})
        _back([blobs[name] for name in answers], network)

    return work


def module_pass(module: torch.nn.Module, images: Tensor) -> Pass:
    """Forward and backward through a module that takes images and gives one answer or several."""
    module.requires_grad_(True)

    def work() -> None:
        found = module(images)
        _back([found] if isinstance(found, Tensor) else list(found), module)

    return work


def _back(outputs: Sequence[Tensor], module: torch.nn.Module) -> None:
    for parameter in module.parameters():
        parameter.grad = None
    learned = [output for output in outputs if output.requires_grad]  # others only hand on what came in
    torch.autograd.backward(learned, [torch.ones_like(output) for output in learned])
