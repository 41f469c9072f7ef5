"""A network that learns sample by sample as one call of compiled code per sample.

The rule: the network is a chain of layers that all have a compiled form (:mod:`lenet.engine.online_stages`),
from the one feed to one squared error or cross entropy with targets; its parameters, in float64 or float32,
lie on the CPU and no two layers share one.  Any other network runs on plain torch.  The numbers are those of
plain torch up to the order of adding up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from lenet.data.feed import Feed
from lenet.engine.build import Network, Step
from lenet.engine.online_stages import stages_of
from lenet.errors import NOWHERE, UsageError, Where
from lenet.kernels.online import OnlinePlan, why_not
from lenet.kernels.online_stage import Energy, Learned, Stage, Update
from lenet.layers.answer_class import ClassAnswer, ClassTargets
from lenet.layers.energy import SquaredError, TargetCrossEntropy
from lenet.net import type_name
from lenet.solvers.hessian import RATE_BUFFER, STEP_BUFFER, DiagonalHessian
from lenet.solvers.update import History

_ENERGIES = {SquaredError: Energy.SQUARED_ERROR, TargetCrossEntropy: Energy.CROSS_ENTROPY}


class NotCompiled(UsageError):
    """A network has no plan; the message says why."""

    def __init__(self, message: str, where: Where = NOWHERE) -> None:
        super().__init__(message, where, "--kernels auto trains it on plain torch")


@dataclass
class _Chain:
    """What a network is made of, as far as it has been followed."""

    image: str
    stages: list[Stage] = field(default_factory=list)
    parameters: list[nn.Parameter] = field(default_factory=list)
    current: str = ""
    shape: tuple[int, ...] = ()
    targets: Step | None = None
    answers: list[Step] = field(default_factory=list)
    energy: Step | None = None


class CompiledNetwork:
    """A network with its plan.

    Parameters: `history` and `update` are those with which it learns; None for one that is only tested.
    Raises: NotCompiled for a network that is none of those described above.
    """

    def __init__(
        self, network: Network, history: History | None = None, update: DiagonalHessian | None = None
    ) -> None:
        chain = _followed(network)
        assert chain.energy is not None
        self.network, self._chain = network, chain
        self._target_blob = chain.energy.node.inputs[1]
        self._known: dict[int, Tensor] = {}
        self.weight = network.loss_terms[0][1]
        self._learned = _learned(network, history)
        places = [next(n for n, e in enumerate(network.trained) if e.tensor is p) for p in chain.parameters]
        numbers = iter(places)
        stages = [s if s.parameter is None else replace(s, parameter=next(numbers)) for s in chain.stages]
        self._plan = OnlinePlan(
            stages,
            self._learned,
            energy=_ENERGIES[type(chain.energy.node.kind)],  # type: ignore[index]
            weight=self.weight,
            update=Update(update.inertia, update.l1, update.l2) if update else Update(),
            dtype=network.trained[0].tensor.dtype,
        )

    @property
    def gradients(self) -> list[Tensor]:
        """The last gradient of each parameter that is learned, in the order of `network.trained`."""
        return [each.gradient for each in self._learned if each.multiplier]

    def learn(self, inputs: Mapping[str, Tensor], rate: float) -> float:
        """Learn from one sample; its energy before.  Where that is not finite nothing is changed."""
        return self._plan.step(inputs[self._chain.image], self._targets(inputs), rate)

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The outputs, answers and energies of some samples, by blob name."""
        blobs, chain = dict(inputs), self._chain
        assert chain.energy is not None
        blobs[self._target_blob] = self._targets(inputs)
        energies, outputs = self._plan.answer(inputs[chain.image], blobs[self._target_blob])
        blobs[chain.current] = outputs.view(-1, *chain.shape[1:])
        blobs[chain.energy.node.outputs[0]] = (energies / self.weight).to(outputs)
        for step in chain.answers:
            step.run(blobs)
        return blobs

    def answers(self) -> dict[str, Tensor]:
        """The outputs of the sample that was learned from last, and the answers, by blob name."""
        blobs = {self._chain.current: self._plan.outputs.view(1, *self._chain.shape[1:])}
        for step in self._chain.answers:
            step.run(blobs)
        return blobs

    def curvatures(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """The second derivatives for each parameter that is learned, summed over some samples."""
        found = self._plan.curvatures(inputs[self._chain.image], self._targets(inputs))
        return [curved for curved, each in zip(found, self._learned, strict=True) if each.multiplier]

    def _targets(self, inputs: Mapping[str, Tensor]) -> Tensor:
        step = self._chain.targets
        if step is None:
            return inputs[self._target_blob]
        labels = inputs[step.node.inputs[0]]
        rows = [self._target(step, int(label)) for label in labels.tolist()]
        return rows[0][None] if len(rows) == 1 else torch.stack(rows)

    def _target(self, step: Step, label: int) -> Tensor:
        if label not in self._known:
            assert step.operation is not None
            found = step.operation([torch.tensor([label])])
            assert isinstance(found, Tensor)
            self._known[label] = found[0].to(self._plan.dtype)
        return self._known[label]


def compiled(
    network: Network, kernels: str, history: History | None = None, update: DiagonalHessian | None = None
) -> CompiledNetwork | None:
    """The network with its plan, or None where plain torch is wanted or the only way.

    `kernels` is "torch", "fused" or, for whatever is there, "auto".
    Raises: NotCompiled where "fused" is wanted and cannot be had.
    """
    if kernels == "torch":
        return None
    try:
        return CompiledNetwork(network, history, update)
    except NotCompiled:
        if kernels == "fused":
            raise
        return None


def _learned(network: Network, history: History | None) -> list[Learned]:
    """All parameters; without a history none is learned."""
    given = iter(zip(history[RATE_BUFFER], history[STEP_BUFFER], strict=True)) if history else iter(())
    nothing = torch.zeros(0)
    found = []
    for entry in network.trained:
        multiplier = entry.rate if history else 0.0
        rate, step = next(given) if multiplier else (nothing, nothing)
        tensor = entry.tensor.detach()
        gradient, curvature = torch.zeros_like(tensor), torch.zeros_like(tensor)
        found.append(Learned(tensor, rate, step, gradient, curvature, multiplier))
    return found


def _followed(network: Network) -> _Chain:
    """Follow a network from its feed to its energy."""
    tensors = [entry.tensor for entry in network.trained]
    feeds = [step for step in network.steps if isinstance(step.node.kind, Feed)]
    if not tensors or len(feeds) != 1:
        raise NotCompiled("there is no compiled form for a network without parameters, or without one feed")
    image = feeds[0].node.outputs[0]
    chain = _Chain(image, current=image, shape=feeds[0].shapes.outputs[0])
    for step in network.steps:
        if step is not feeds[0]:
            _follow(chain, step)
    if chain.energy is None or chain.energy.node.inputs[0] != chain.current or not chain.parameters:
        raise NotCompiled("the network does not end in an energy of its outputs")
    if [name for name, _ in network.loss_terms] != list(chain.energy.node.outputs):
        raise NotCompiled("the network has more than one energy")
    if any(t.device.type != "cpu" or t.dtype != tensors[0].dtype or not t.is_contiguous() for t in tensors):
        raise NotCompiled("the parameters do not lie on the CPU in one type, without gaps")
    reason = why_not(tensors[0].dtype)
    if reason:
        raise NotCompiled(f"there are no compiled kernels: {reason}")
    if len(set(chain.parameters)) != len(chain.parameters) or set(chain.parameters) != set(tensors):
        raise NotCompiled("layers share a parameter")
    return chain


def _follow(chain: _Chain, step: Step) -> None:
    """Take up the next layer.

    Raises: NotCompiled if it is none that a plan knows in this place.
    """
    node = step.node
    if isinstance(node.kind, ClassTargets) and chain.targets is None:
        chain.targets = step
        return
    if isinstance(node.kind, ClassAnswer) and node.inputs == (chain.current,):
        chain.answers.append(step)
        return
    if type(node.kind) in _ENERGIES and chain.energy is None and node.inputs[0] == chain.current:
        chain.energy = step
        return
    stages = (
        stages_of(node.kind, step.shapes.inputs[0], step.shapes.outputs[0]) if step.shapes.inputs else None
    )
    in_line = node.inputs == (chain.current,) and all(node.propagate) and len(step.shapes.outputs) == 1
    if stages is None or not in_line or chain.energy or chain.answers:
        raise NotCompiled(
            f"layer '{node.name}' ({type_name(node.kind)}) has no compiled form here", node.where
        )
    chain.stages += stages
    chain.parameters += step.parameters
    chain.current, chain.shape = node.outputs[0], step.shapes.outputs[0]
