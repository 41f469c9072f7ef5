"""Build a network of torch operations from a description."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lenet.data.feed import Feed
from lenet.engine.parameters import Parameters, Trained
from lenet.errors import DescriptionError, LenetError, Notes, WeightsError, Where
from lenet.layers.draws import Draws
from lenet.layers.layer import Input, Layer, Operation
from lenet.net import Net, Node, NodeShapes, error_at
from lenet.process import is_command, keep_memory
from lenet.shapes import Array, Shape
from lenet.weights import Weights

SEEDS = 2**31  # seeds are drawn below this where none is given


@dataclass(frozen=True)
class Step:
    """One node, ready to run."""

    node: Node
    shapes: NodeShapes
    operation: Operation | None  # None: the caller brings the outputs (feeds, inputs)
    parameters: tuple[nn.Parameter, ...]

    def run(self, blobs: dict[str, Tensor]) -> None:
        """Compute the node's outputs into `blobs`."""
        if self.operation is None:
            return
        node = self.node
        inputs = [blobs[name] for name in node.inputs]
        if not all(node.propagate):
            for index, wanted in enumerate(node.propagate[: len(inputs)]):
                inputs[index] = inputs[index] if wanted else inputs[index].detach()
        results = self._computed(inputs)
        if isinstance(results, Tensor):  # nearly always, and small networks take no longer than this
            (name,) = node.outputs
            blobs[name] = results
        else:
            blobs.update(zip(node.outputs, results, strict=True))

    def compute(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The node's outputs for these inputs.

        Raises: LenetError for numbers that cannot be, such as a label without a class, with the place.
        """
        results = self._computed(inputs)
        return (results,) if isinstance(results, Tensor) else tuple(results)

    def _computed(self, inputs: Sequence[Tensor]) -> Tensor | Sequence[Tensor]:
        assert self.operation is not None
        try:
            return self.operation(inputs, *self.parameters)
        except LenetError as error:
            raise error_at(self.node, error) from None


class Network(nn.Module):
    """A network that runs: blobs by name in, blobs by name out.

    Nodes run out of place: a node that works in place in the description makes a new tensor under
    the old name, so that autograd sees every version.  What :mod:`lenet.engine.fusing` makes of some
    of them is run by :func:`lenet.engine.running.blobs_of`.
    """

    def __init__(
        self,
        net: Net,
        steps: Sequence[Step],
        trained: Sequence[Trained],
        feed_seeds: Mapping[str, int],
        *,
        drops: bool,
    ) -> None:
        super().__init__()
        self.drops = drops  # dropout drops in this network, whatever mode it is put in
        self.feed_seeds = feed_seeds
        self.net = net
        self.steps = tuple(steps)
        self.fused: Sequence[Any] | None = None  # the steps with some run as one, see engine/fusing.py
        self.listed: Sequence[Any] | None = None  # these with lists of some, see engine/running.py
        self.trained = tuple(trained)
        self.tensors = nn.ParameterList([entry.tensor for entry in trained])
        self.loss_terms = tuple(
            (name, weight)
            for node in net.nodes
            for name, weight in zip(node.outputs, node.loss_weights, strict=False)
            if weight
        )

    def __getstate__(self) -> dict[str, Any]:
        """What a copy gets: lists of calls work on the memory of this network, so it makes its own."""
        return {**self.__dict__, "listed": None}

    @property
    def feeds(self) -> dict[str, tuple[Feed, tuple[str, ...]]]:
        """The feeds by node name, each with the blobs that it fills."""
        return {
            step.node.name: (step.node.kind, step.node.outputs)
            for step in self.steps
            if isinstance(step.node.kind, Feed)
        }

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """All blobs by name; `inputs` holds those of feeds and inputs."""
        blobs = dict(inputs)
        for step in self.steps:
            step.run(blobs)
        return blobs

    def loss(self, blobs: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of all loss outputs, a scalar; 0 without gradient where there are none."""
        terms = [
            blobs[name] if weight == 1 and not blobs[name].dim() else blobs[name].sum() * weight
            for name, weight in self.loss_terms
        ]
        if not terms:
            return torch.zeros(())
        return terms[0] if len(terms) == 1 else torch.stack(terms).sum()

    def by_layer(self) -> dict[str, tuple[nn.Parameter, ...]]:
        """The parameter tensors of every layer, for another network to share."""
        return {step.node.name: step.parameters for step in self.steps if step.parameters}

    def wanted(self) -> dict[str, dict[str, Shape]]:
        """The parameter shapes of every layer, as weights have to fit them."""
        return {
            step.node.name: {name: parameter.shape for name, parameter in step.shapes.parameters.items()}
            for step in self.steps
        }

    def blob_shapes(self) -> dict[str, Shape]:
        """The shape of every blob; of one that is worked on in place the last."""
        return {
            name: shape
            for step in self.steps
            for name, shape in zip(step.node.outputs, step.shapes.outputs, strict=True)
        }

    def weights(self) -> Weights:
        """A copy of all parameters, (layer -> name -> float32 array in the usual axis order)."""
        return Weights(self._arrays(tensor for tensor in self.parameters_in_order()))

    def gradients(self) -> Weights:
        """A copy of all parameters' gradients; zeros where there is none."""
        tensors = self.parameters_in_order()
        return Weights(self._arrays(torch.zeros_like(t) if t.grad is None else t.grad for t in tensors))

    def parameters_in_order(self) -> list[nn.Parameter]:
        """The parameters layer by layer; a shared one comes once per layer."""
        return [tensor for step in self.steps for tensor in step.parameters]

    def _arrays(self, tensors: Iterable[Tensor]) -> dict[str, dict[str, Array]]:
        arrays = iter(tensors)
        return {
            step.node.name: {
                name: next(arrays).detach().cpu().contiguous().numpy().copy()
                for name in step.shapes.parameters
            }
            for step in self.steps
        }

    def load(self, weights: Weights) -> list[str]:
        """Copy weights in by layer name; returns the layers that got theirs.

        Raises: WeightsError where a layer's shapes differ.
        """
        fitted = weights.fitted(self.wanted())
        with torch.no_grad():
            for step in self.steps:
                arrays = fitted.get(step.node.name, {})
                for tensor, array in zip(step.parameters, arrays.values(), strict=False):
                    tensor.copy_(torch.tensor(array))  # a copy: arrays read from files cannot be written to
        return list(fitted)

    def check_finite(self, where: Where) -> None:
        """Refuse parameters that are not numbers.

        Raises: WeightsError that names the layer; `where` is the place of the weights.
        """
        if node := self.not_finite():
            reason = f"layer '{node.name}': there are weights that are not numbers"
            raise WeightsError(reason, where, "did the training that made them diverge?")

    def not_finite(self) -> Node | None:
        """The first layer with a parameter that is not a number."""
        for step in self.steps:
            if not all(bool(tensor.isfinite().all()) for tensor in step.parameters):
                return step.node
        return None

    def load_checked(self, weights: Weights, notes: Notes) -> list[str]:
        """Copy weights in by layer name; what they hold besides is noted and returned.

        Raises: WeightsError where shapes differ, or where no layer has a name in common.
        """
        wanted = self.wanted()
        unused = weights.unused(wanted)
        if not self.load(weights):
            names = ", ".join(name for name, shapes in wanted.items() if shapes)
            message = "no layer of these weights has the name of a layer of the network"
            raise WeightsError(message, weights.where, f"the network's layers are {names}")
        for name, hint in unused:
            notes.warn(f"layer '{name}' is not in the network: its weights are left", weights.where, hint)
        return [name for name, _ in unused]


def build(
    net: Net,
    *,
    training: bool = False,
    seed: int | None = None,
    device: torch.device | str = "cpu",
    shapes: Mapping[str, Shape] | None = None,
    share: Network | Mapping[str, tuple[nn.Parameter, ...]] | None = None,
    dtype: torch.dtype = torch.float32,
    draws: Draws | None = None,
    weights: Weights | None = None,
) -> Network:
    """Build the network of a selected `net` (see `Net.select`).

    `shapes` overrides input shapes; `seed` makes the fillers repeat themselves, or else `draws`, another
    stream of random numbers; with `share`, layers that the other network has too use its tensors
    (a mapping gives them by layer).
    `dtype` is that of the parameters, and the one that inputs are expected in.  Layers that `weights` has
    start with them, and nothing is drawn for them.

    Raises: LenetError with the place of everything that cannot be.
    """
    net.check()
    if is_command():  # how memory is taken is a matter of the whole process
        keep_memory()
    if draws is None:
        draws = Draws(secrets.randbelow(SEEDS) if seed is None else seed)
    builder = _Builder(net, training, draws, torch.device(device), share, dtype, weights or Weights())
    return builder.build(net.shapes(shapes))


class _Builder:
    """Makes the steps of one network."""

    def __init__(
        self,
        net: Net,
        training: bool,
        draws: Draws,
        device: torch.device,
        share: Network | Mapping[str, tuple[nn.Parameter, ...]] | None,
        dtype: torch.dtype,
        weights: Weights,
    ) -> None:
        self.net = net
        self.training = training
        self.device = device
        self.draws = draws
        self.feed_seeds: dict[str, int] = {}
        shared = share.by_layer() if isinstance(share, Network) else share or {}
        self.parameters = Parameters(draws, device, dtype, shared, weights)

    def build(self, shapes: Sequence[NodeShapes]) -> Network:
        steps = [self._step(node, its) for node, its in zip(self.net.nodes, shapes, strict=True)]
        trained = self.parameters.trained()
        if self.training:  # a test network shares the tensors of one that learns
            for entry in trained:
                entry.tensor.requires_grad_(entry.rate != 0 or self.net.force_backward)
        network = Network(self.net, steps, trained, self.feed_seeds, drops=self.training)
        return network.train(self.training)

    def _step(self, node: Node, shapes: NodeShapes) -> Step:
        operation = None
        if self.training and any(node.loss_weights) and getattr(node.kind, "is_answer", False):
            reason = f"layer '{node.name}' ({node.type}): has no gradient, so it is no loss to train by"
            raise DescriptionError(reason, node.where, "leave its loss_weight out")
        if isinstance(node.kind, Feed):
            self._seed_feed(node.name, node.kind)
        elif not isinstance(node.kind, Input):
            operation = self._operation(node, shapes)
        tensors = self.parameters.of(node, shapes.parameters)
        wanted = [parameter.shape for parameter in shapes.parameters.values()]
        if operation and [tuple(tensor.shape) for tensor in tensors] != wanted:
            operation = _reshaping(operation, wanted)
        return Step(node, shapes, operation, tensors)

    def _seed_feed(self, name: str, feed: Feed) -> None:
        """Draw the feed's seed where Caffe draws those that it needs."""
        drawn = [self.draws.seed() for _ in range(feed.seeds(self.training))]
        if drawn:
            self.feed_seeds[name] = drawn[0]

    def _operation(self, node: Node, shapes: NodeShapes) -> Operation:
        if not isinstance(node.kind, Layer):
            raise DescriptionError(f"layer '{node.name}' ({node.type}) cannot run", node.where)
        try:
            operation = node.kind.operation(shapes.inputs, self.training)
            return operation if shapes.inputs else _placed(operation, self.device)
        except LenetError as error:
            raise error_at(node, error) from None


def _reshaping(operation: Operation, wanted: Sequence[Shape]) -> Operation:
    """An operation that first gives permissively shared parameters the shapes that it wants."""

    def run(inputs: Sequence[Tensor], *parameters: Tensor) -> Tensor | tuple[Tensor, ...]:
        views = (tensor.reshape(shape) for tensor, shape in zip(parameters, wanted, strict=True))
        return operation(inputs, *views)

    return run


def _placed(operation: Operation, device: torch.device) -> Operation:
    """An operation without inputs, which could not tell where its outputs are wanted."""

    def run(inputs: Sequence[Tensor], *parameters: Tensor) -> Tensor | tuple[Tensor, ...]:
        outputs = operation(inputs, *parameters)
        return outputs.to(device) if isinstance(outputs, Tensor) else tuple(o.to(device) for o in outputs)

    return run
