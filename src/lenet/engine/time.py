"""How long each layer takes, forward and backward."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from lenet.engine.build import Network, Step, build
from lenet.engine.feeding import Feeder
from lenet.engine.fusing import FusedStep, Kernels
from lenet.engine.precision import arrange
from lenet.job import Precision
from lenet.net import Net


@dataclass
class LayerTime:
    """Mean milliseconds that one layer takes."""

    name: str
    kind: str
    forward: float = 0.0
    backward: float = 0.0


@dataclass
class Timing:
    """Mean milliseconds of a network: per layer, per pass; `iterations` holds each iteration's own."""

    loss: float
    layers: list[LayerTime]
    forward: float = 0.0
    backward: float = 0.0
    iterations: list[float] = field(default_factory=list)


def time_network(
    net: Net,
    *,
    training: bool,
    iterations: int,
    device: torch.device | str = "cpu",
    warm_up: int = 1,
    kernels: Kernels = "torch",
    precision: Precision = "float32",
) -> Timing:
    """Time `iterations` forward and backward passes of a selected network, layer by layer.

    Data layers count the reading of a batch as their forward pass; inputs are filled with zeros.  With
    `kernels` layers that run as one, compiled, are timed as one, see :func:`lenet.engine.fusing.fuse`;
    for `precision` see :mod:`lenet.engine.precision`.

    Raises: MissingExtra, UsageError for kernels that are not there.
    """
    network = build(net, training=training, seed=0, device=device)
    arrange(network, precision, kernels)
    network.requires_grad_(True)  # Caffe times the backward pass in both phases
    clock = Clock(network, torch.device(device))
    with _feeder(network, training, device) as batches:
        for _ in range(warm_up):
            clock.iterate(batches)
        clock.reset()
        timing = Timing(clock.loss, clock.layers)
        for _ in range(iterations):
            started = clock.now()
            forward, backward = clock.iterate(batches)
            timing.iterations.append(clock.now() - started)
            timing.forward += forward / iterations
            timing.backward += backward / iterations
    for layer in timing.layers:
        layer.forward /= max(1, iterations)
        layer.backward /= max(1, iterations)
    return timing


class Batches(Protocol):
    """What gives the blobs of one iteration after the other."""

    def next(self) -> Mapping[str, Tensor]:
        """Those of the next one."""


class _Zeros:
    """Stands for a feeder where a network's inputs are the user's: zeros, as in Caffe, are labels, too."""

    def __init__(self, network: Network, device: torch.device | str) -> None:
        self.blobs = {
            name: torch.zeros(shape, device=device)
            for step in network.steps
            if step.operation is None
            for name, shape in zip(step.node.outputs, step.shapes.outputs, strict=True)
        }

    def next(self) -> dict[str, Tensor]:
        return self.blobs

    def __enter__(self) -> _Zeros:
        return self

    def __exit__(self, *error: object) -> None: ...


def _feeder(network: Network, training: bool, device: torch.device | str) -> Feeder | _Zeros:
    if network.net.input_nodes():
        return _Zeros(network, device)
    return Feeder(network, training=training, device=device)


@dataclass(frozen=True)
class _Unit:
    """A step, or several that run as one; `compute` is None where the outputs are given."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: tuple[Tensor, ...]
    compute: Callable[[Sequence[Tensor]], tuple[Tensor, ...]] | None


def _unit(step: Step | FusedStep) -> _Unit:
    if isinstance(step, Step):
        compute, node = step.compute if step.operation else None, step.node
        return _Unit(node.name, node.type, node.inputs, node.outputs, step.parameters, compute)
    nodes = [each.node for each in step.steps]
    (source,), (made,) = nodes[0].inputs, nodes[-1].outputs

    def run(inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        blobs = {source: inputs[0]}
        step.run(blobs)
        return (blobs[made],)

    name, kind = ("+".join(words) for words in zip(*((node.name, node.type) for node in nodes), strict=True))
    return _Unit(name, kind, (source,), (made,), step.steps[0].parameters, run)


@dataclass
class _Ran:
    """What ran forward: cut from its neighbours, so that it can go back alone."""

    unit: _Unit
    inputs: list[Tensor]
    outputs: tuple[Tensor, ...]


class Clock:
    """Runs a network node by node and keeps the time of each; batches come from a `next` method."""

    def __init__(self, network: Network, device: torch.device) -> None:
        self.network = network
        self.device = device
        self.loss = 0.0
        self.units = [_unit(step) for step in network.fused or network.steps]
        self.layers: list[LayerTime] = []
        self.reset()

    def reset(self) -> None:
        self.layers = [LayerTime(unit.name, unit.kind) for unit in self.units]

    def now(self) -> float:
        """Milliseconds, everything asked of the device being done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter() * 1000

    def iterate(self, feeder: Batches) -> tuple[float, float]:
        """One forward and backward pass; the milliseconds of each."""
        started = self.now()
        ran = self._forward(feeder)
        middle = self.now()
        self._backward(ran)
        return middle - started, self.now() - middle

    def _forward(self, feeder: Batches) -> list[_Ran]:
        blobs: dict[str, Tensor] = {}
        given: Mapping[str, Tensor] | None = None
        ran = []
        for unit, layer in zip(self.units, self.layers, strict=True):
            started = self.now()
            inputs = [_cut(blobs[name]) for name in unit.inputs]
            if unit.compute is None:
                given = feeder.next() if given is None else given
                outputs = tuple(given[name] for name in unit.outputs)
            else:
                outputs = unit.compute(inputs)
            layer.forward += self.now() - started
            blobs.update(zip(unit.outputs, outputs, strict=True))
            ran.append(_Ran(unit, inputs, outputs))
        self.loss = float(self.network.loss(blobs).detach())
        return ran

    def _backward(self, ran: list[_Ran]) -> None:
        weights = dict(self.network.loss_terms)
        gradients: dict[str, Tensor] = {}
        for entry, layer in zip(reversed(ran), reversed(self.layers), strict=True):
            started = self.now()
            names = entry.unit.outputs
            outputs = [
                (output, gradients.pop(name, None), weights.get(name, 0.0))
                for name, output in zip(names, entry.outputs, strict=True)
                if output.requires_grad
            ]
            wanted = [tensor for tensor in (*entry.inputs, *entry.unit.parameters) if tensor.requires_grad]
            if outputs and wanted:
                found = torch.autograd.grad(
                    [output for output, _, _ in outputs],
                    wanted,
                    [torch.full_like(o, weight) if g is None else g for o, g, weight in outputs],
                    allow_unused=True,
                )
                self._hand_on(entry, dict(zip(map(id, wanted), found, strict=True)), gradients)
            layer.backward += self.now() - started

    @staticmethod
    def _hand_on(entry: _Ran, found: dict[int, Tensor | None], gradients: dict[str, Tensor]) -> None:
        for name, tensor in zip(entry.unit.inputs, entry.inputs, strict=True):
            gradient = found.get(id(tensor))
            if gradient is not None:
                gradients[name] = gradients[name] + gradient if name in gradients else gradient


def _cut(tensor: Tensor) -> Tensor:
    """The same values as a new leaf, which asks for a gradient if the original had one."""
    return tensor.detach().requires_grad_(tensor.requires_grad)
