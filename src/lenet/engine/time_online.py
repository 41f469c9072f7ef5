"""How long each layer takes with one sample: forward, backward, and second derivatives."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from lenet.engine.build import Network, Step
from lenet.engine.sample_set import SampleSet
from lenet.engine.second_order import curvatures
from lenet.engine.time import Clock, Timing


@dataclass(frozen=True)
class SampleTiming:
    """Mean milliseconds of one sample; `second` is the time of the second derivatives, by layer."""

    timing: Timing
    second: dict[str, float]


class _InTurn:
    """Gives the samples of a set one after the other."""

    def __init__(self, samples: SampleSet) -> None:
        self._samples, self._next = samples, 0

    def next(self) -> dict[str, torch.Tensor]:
        found = self._samples.take(self._next % len(self._samples))
        self._next += 1
        return found


def time_samples(network: Network, samples: SampleSet, iterations: int, warm_up: int = 2) -> SampleTiming:
    """Time `iterations` samples, one at a time, layer by layer.

    Raises: DescriptionError for a layer that has no second derivatives.
    """
    network.requires_grad_(True)
    clock, source = Clock(network, next(network.parameters()).device), _InTurn(samples)
    for _ in range(warm_up):
        clock.iterate(source)
    clock.reset()
    timing = Timing(clock.loss, clock.layers)
    for _ in range(iterations):
        started = clock.now()
        forward, backward = clock.iterate(source)
        timing.iterations.append(clock.now() - started)
        timing.forward += forward / iterations
        timing.backward += backward / iterations
    for layer in timing.layers:
        layer.forward /= iterations
        layer.backward /= iterations
    return SampleTiming(timing, _second_order(network, source, iterations))


def _second_order(network: Network, source: _InTurn, iterations: int) -> dict[str, float]:
    times = {step.node.name: 0.0 for step in network.steps}
    last = 0.0

    def passed(step: Step) -> None:
        nonlocal last, times
        now = time.perf_counter()
        times[step.node.name] += (now - last) * 1000 / iterations
        last = now

    with torch.no_grad():
        for number in range(iterations + 1):
            if number == 1:  # the first one warms up
                times = dict.fromkeys(times, 0.0)
            blobs = network(source.next())
            tops = {name: torch.full_like(blobs[name], weight) for name, weight in network.loss_terms}
            last = time.perf_counter()
            curvatures(network, blobs, tops, passed)
    return times
