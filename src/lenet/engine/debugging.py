"""How large everything is: the mean absolute values of blobs, parameters and gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lenet.engine.build import Network, Step
from lenet.results import Magnitude, ParameterNorms


@dataclass(frozen=True)
class _Ran:
    """A layer that ran: what went in, and how large what came out and its parameters were."""

    step: Step
    inputs: Sequence[Tensor]
    values: Sequence[tuple[str, str, float]]


class Watch:
    """Looks at what passes through a network while it is `on`; takes the place of its forward pass.

    A blob that several layers read shows the sum of its gradients at each of them, unless a Split stands
    between; a shared parameter shows the gradient of all its layers at each of them.
    """

    def __init__(self, network: Network, on: bool = True) -> None:
        self.network = network
        self.on = on
        self._plain = network.forward
        self._passes: list[tuple[list[_Ran], bool]] = []  # and whether gradients follow
        network.forward = self._run  # type: ignore[method-assign]

    def taken(self, iteration: int) -> Iterator[Magnitude | ParameterNorms]:
        """What was seen since the last time: of each pass the values, then the gradients if it has some."""
        passes, self._passes = self._passes, []
        for ran, learning in passes:
            for each in ran:
                yield from (Magnitude(iteration, each.step.node.name, *value) for value in each.values)
            if learning:
                yield from _gradients(ran, iteration)
                yield _norms(self.network, iteration)

    def _run(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if not self.on:
            return self._plain(inputs)
        blobs = dict(inputs)
        ran: list[_Ran] = []
        for step in self.network.steps:
            before = [blobs[name] for name in step.node.inputs]
            for tensor in before:
                if tensor.requires_grad and not tensor.is_leaf:
                    tensor.retain_grad()
            step.run(blobs)
            for name in step.node.outputs:
                if any(blobs[name] is tensor for tensor in before):
                    blobs[name] = blobs[name].view_as(blobs[name])  # a tensor with a gradient of its own
            ran.append(_Ran(step, before, _values(step, blobs)))
        self._passes.append((ran, torch.is_grad_enabled()))
        return blobs


def _values(step: Step, blobs: Mapping[str, Tensor]) -> list[tuple[str, str, float]]:
    outputs = [("output", name, _mean(blobs[name])) for name in step.node.outputs]
    shared = [step.node.use(index).share for index in range(len(step.parameters))]
    names = [share or str(index) for index, share in enumerate(shared)]
    parameters = zip(names, step.parameters, strict=True)
    return outputs + [("parameter", name, _mean(parameter)) for name, parameter in parameters]


def _gradients(ran: Sequence[_Ran], iteration: int) -> Iterator[Magnitude]:
    """The gradients of a pass, the last layer first."""
    for each in reversed(ran):
        node = each.step.node
        for name, tensor in zip(node.inputs, each.inputs, strict=True):
            gradient = tensor.grad if tensor.requires_grad and not tensor.is_leaf else None
            if gradient is not None:
                yield Magnitude(iteration, node.name, "input", name, _mean(gradient), backward=True)
        for index, parameter in enumerate(each.step.parameters):
            if parameter.grad is not None:
                mean = _mean(parameter.grad)
                yield Magnitude(iteration, node.name, "parameter", str(index), mean, backward=True)


def _norms(network: Network, iteration: int) -> ParameterNorms:
    """The sums and norms of all parameters and of their gradients, in float64."""
    tensors = [tensor.detach().double() for tensor in network.tensors]
    gradients = [tensor.grad.double() for tensor in network.tensors if tensor.grad is not None]
    return ParameterNorms(iteration, *(_sum_and_norm(group) for group in (tensors, gradients)))


def _sum_and_norm(tensors: Sequence[Tensor]) -> tuple[float, float]:
    total = sum(float(tensor.abs().sum()) for tensor in tensors)
    return total, sum(float(tensor.square().sum()) for tensor in tensors) ** 0.5


@torch.no_grad()
def _mean(tensor: Tensor) -> float:
    return float(tensor.detach().abs().double().mean()) if tensor.numel() else 0.0
