"""Which networks train as one list of compiled calls.

The rule: the network is a chain, from one feed of images with labels through layers that run compiled (see
:mod:`lenet.engine.fusing`), fully connected layers with or without a ReLU, and dropout to a softmax loss, the
mean over the batch, which is all that it answers; each layer has parameters of its own, all of which learn.
Everything else goes through autograd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from torch import Tensor

from lenet.data.feed import Feed
from lenet.engine.build import Network, Step
from lenet.engine.fusing import FusedStep, runs_compiled
from lenet.kernels.convolution import FusedConvolution
from lenet.kernels.dense import FusedDense
from lenet.kernels.update import side_by_side
from lenet.layers.activation import ReLU
from lenet.layers.arrange import Flatten
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout
from lenet.layers.loss import SoftmaxLoss
from lenet.net import Node
from lenet.shapes import Shape

MOST_WEIGHTS = 2**21  # of a fully connected layer; the kernel was measured with up to half as many


@dataclass(frozen=True)
class Part:
    """An operation of a chain, with its weight and bias."""

    operation: FusedConvolution | FusedDense | Dropout
    parameters: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Chain:
    """What the rule found: the blobs of the feed and of the loss, and what lies between."""

    images: str
    labels: str
    loss: str
    sample: Shape  # of one image
    parts: tuple[Part, ...]

    @property
    def draws(self) -> int:
        """How many numbers dropout draws for each sample."""
        drawn = size = 0
        for part in self.parts:
            its = part.operation
            if isinstance(its, Dropout):
                drawn += size
            else:
                size = its.outputs * (prod(its.pooled) if isinstance(its, FusedConvolution) else 1)
        return drawn


def chain_of(network: Network) -> Chain | None:
    """What is to be compiled of a network that was fused; None where the rule forbids it."""
    steps = [step for step in network.fused or () if not _is_feed(step)]
    feeds = [outputs for _, outputs in network.feeds.values()]
    if len(feeds) != 1 or len(feeds[0]) != 2 or len(steps) < 2:
        return None
    images, labels = feeds[0]
    parts: list[Part] = []
    blob = images
    for step in steps[:-1]:
        if not (_hands_on(step, blob) and _joins(step, parts)):
            return None
        blob = _nodes(step)[-1].outputs[0]
    if not (_is_loss(network, steps[-1], (blob, labels)) and _all_learn(network, parts)):
        return None
    sample = network.blob_shapes()[images][1:]
    return Chain(images, labels, network.loss_terms[0][0], sample, _laid_flat(parts))


def _is_feed(step: Step | FusedStep) -> bool:
    return isinstance(step, Step) and isinstance(step.node.kind, Feed)


def _nodes(step: Step | FusedStep) -> Sequence[Node]:
    return [each.node for each in step.steps] if isinstance(step, FusedStep) else [step.node]


def _hands_on(step: Step | FusedStep, blob: str) -> bool:
    """Whether this reads that blob alone, gives one, and lets gradients through."""
    nodes = _nodes(step)
    alone = nodes[0].inputs == (blob,) and len(nodes[-1].outputs) == 1
    return alone and all(all(node.propagate) and not any(node.loss_weights) for node in nodes)


def _joins(step: Step | FusedStep, parts: list[Part]) -> bool:
    """Take a step into the chain; False if there is no place for it."""
    if isinstance(step, FusedStep):
        parts.append(Part(step.operation, step.steps[0].parameters))
        return True
    kind = step.node.kind
    last = parts[-1] if parts else None
    if isinstance(kind, ReLU) and kind.slope == 0 and last and isinstance(last.operation, FusedDense):
        parts[-1] = replace(last, operation=replace(last.operation, relu=True))
    elif isinstance(kind, Dense) and _compiles(kind, step):
        outputs, inputs = step.parameters[0].shape
        parts.append(Part(FusedDense(inputs, outputs, relu=False), step.parameters))
    elif isinstance(kind, Dropout) and kind.ratio and last:
        parts.append(Part(kind))
    else:  # what is connected fully is flat in memory anyway, and with ratio 0 torch draws nothing
        return kind in (Flatten(), Dropout(0))
    return True


def _compiles(kind: Dense, step: Step) -> bool:
    """Whether this is a fully connected layer of whole samples, not too large."""
    weight = step.parameters[0]
    return (
        kind.axis == 1
        and not kind.transposed
        and weight.numel() <= MOST_WEIGHTS
        and all(map(runs_compiled, step.parameters))
        and tuple(weight.shape) == step.shapes.parameters["weight"].shape  # not shared in another shape
    )


def _is_loss(network: Network, step: Step | FusedStep, blobs: tuple[str, str]) -> bool:
    """Whether this is a loss that the kernel computes, of these blobs, and all that the network answers."""
    kind = step.node.kind if isinstance(step, Step) else None
    return (
        isinstance(step, Step)
        and isinstance(kind, SoftmaxLoss)
        and step.node.inputs == blobs
        and step.node.propagate[:1] != (False,)
        and kind.axis == 1
        and kind.ignore_label is None
        and kind.normalization != "none"
        and not kind.probabilities
        and len(step.shapes.inputs[0]) == 2
        and network.loss_terms == ((step.node.outputs[0], 1),)
    )


def _all_learn(network: Network, parts: Sequence[Part]) -> bool:
    """Whether each parameter of the network is one part's, lies without gaps and learns."""
    parameters = [parameter for part in parts for parameter in part.parameters]
    return (
        {id(each) for each in parameters} == {id(each) for each in network.tensors}
        and len(parameters) == len(network.tensors)
        and bool(parameters)
        and all(each.requires_grad and side_by_side(each.detach()) for each in parameters)
    )


def _laid_flat(parts: Sequence[Part]) -> tuple[Part, ...]:
    """What a fully connected layer or dropout reads lies in the usual order."""
    flat = []
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        its = part.operation
        if isinstance(its, FusedConvolution):
            beside = following is not None and isinstance(following.operation, FusedConvolution)
            part = replace(part, operation=replace(its, channels_last=beside))
        flat.append(part)
    return tuple(flat)
