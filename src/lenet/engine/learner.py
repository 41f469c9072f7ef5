"""Parameters that learn sample by sample, each at a rate of its own from second derivatives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from lenet.engine.build import Network
from lenet.engine.online_plan import compiled
from lenet.engine.second_order import curvatures
from lenet.results import Spread
from lenet.shapes import Array
from lenet.solvers.hessian import DiagonalHessian


class Learner:
    """A network's parameters under an update rule, with what the rule remembers.

    Whether compiled code runs, `kernels` and the rule of :mod:`lenet.engine.online_plan` decide.
    Raises: NotCompiled where it is insisted on and cannot be had.
    """

    def __init__(self, network: Network, rule: DiagonalHessian, kernels: str) -> None:
        self.network, self.rule = network, rule
        self._learning = [entry for entry in network.trained if entry.rate]
        self.tensors = [entry.tensor for entry in self._learning]
        self.history = rule.start(self.tensors)
        self._compiled = compiled(network, kernels, self.history, rule)
        self._gradients: list[Tensor] = [torch.zeros_like(t, requires_grad=False) for t in self.tensors]
        self._curvatures = self._gradients
        self._blobs: dict[str, Tensor] | None = None

    def learn(self, inputs: Mapping[str, Tensor], rate: float) -> float:
        """Learn from one sample; its energy before.  Where that is not finite nothing is changed."""
        if self._compiled:
            self._blobs = None
            energy = self._compiled.learn(inputs, rate)
            if math.isfinite(energy):
                self._gradients = self._compiled.gradients
                return energy
        self._blobs = self.network(inputs)  # also to say in which layer the numbers ended
        loss = self.network.loss(self._blobs)
        energy = float(loss.detach())
        if math.isfinite(energy):
            self.update(loss, rate)
        return energy

    def blobs(self) -> dict[str, Tensor]:
        """What the network made of the last sample: its answers at least."""
        if self._blobs is None:
            assert self._compiled
            self._blobs = self._compiled.answers()
        return self._blobs

    def update(self, loss: Tensor, rate: float) -> None:
        """Change the parameters by the gradient of a loss."""
        found = torch.autograd.grad(loss, self.tensors, allow_unused=True)
        pairs = zip(found, self.tensors, strict=True)
        self._gradients = [torch.zeros_like(tensor) if one is None else one for one, tensor in pairs]
        with torch.no_grad():
            rates = [rate * entry.rate for entry in self._learning]
            self.rule.step(self.tensors, self._gradients, rates, self.history, 0)

    @torch.no_grad()
    def find_rates(self, parts: Iterable[Mapping[str, Tensor]]) -> bool:
        """Set each parameter's rate from the second derivatives of samples, which come some at a time.

        Whether those are numbers; if not, no rate is set.
        """
        sums = [torch.zeros_like(tensor) for tensor in self.tensors]
        for inputs in parts:
            self._curvatures = self._curvatures_of(inputs)
            for total, curvature in zip(sums, self._curvatures, strict=True):
                total.add_(curvature, alpha=1 / self.rule.samples)
        if not all(bool(total.isfinite().all()) for total in sums):
            return False
        self.rule.set_rates(self.history, sums)
        return True

    def spreads(self) -> tuple[Spread, Spread, Spread]:
        """Of the parameters, and of the last gradients and second derivatives."""
        return spread(self.tensors), spread(self._gradients), spread(self._curvatures)

    def memory(self) -> tuple[Array, ...]:
        """What the rule remembers, as arrays that :meth:`recall` takes."""
        return tuple(tensor.detach().cpu().numpy().copy() for tensor in self._buffers())

    def recall(self, memory: Sequence[Array]) -> bool:
        """Take over what a rule remembered; whether it is that of such a network, else nothing changes."""
        buffers = self._buffers()
        if [tuple(tensor.shape) for tensor in buffers] != [array.shape for array in memory]:
            return False
        for tensor, array in zip(buffers, memory, strict=True):
            tensor.copy_(torch.from_numpy(array.copy()))
        return True

    def _buffers(self) -> list[Tensor]:
        return [tensor for name in sorted(self.history) for tensor in self.history[name]]

    def _curvatures_of(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """The second derivatives for each parameter, summed over some samples."""
        if self._compiled:
            return self._compiled.curvatures(inputs)
        blobs = self.network(inputs)
        tops = {name: torch.full_like(blobs[name], weight) for name, weight in self.network.loss_terms}
        found = curvatures(self.network, blobs, tops)
        return [found[index] for index, entry in enumerate(self.network.trained) if entry.rate]


def spread(tensors: Sequence[Tensor]) -> Spread:
    """The least and the greatest number of some tensors."""
    if not tensors:
        return Spread(0, 0.0, 0.0)
    number = sum(tensor.numel() for tensor in tensors)
    with torch.no_grad():
        least = min(float(tensor.min()) for tensor in tensors)
        return Spread(number, least, max(float(tensor.max()) for tensor in tensors))
