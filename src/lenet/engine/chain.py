"""Which networks train as one list of compiled calls.

The rule: the network is a chain, from one feed of images with labels through layers that run compiled (see
:mod:`lenet.engine.fusing`), fully connected layers with or without a ReLU, and dropout to a softmax loss, the
mean over the batch, which is all that it answers; each layer has parameters of its own, all of which learn.
Everything else goes through autograd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.data.feed import Feed
from lenet.engine.build import Network, Step
from lenet.engine.fusing import FusedStep, nodes_of
from lenet.engine.parts import Part, hands_on, joined, laid_out_flat, numbers_of
from lenet.kernels.update import side_by_side
from lenet.layers.dropout import Dropout
from lenet.layers.loss import SoftmaxLoss
from lenet.shapes import Shape


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
                size = numbers_of(its)
        return drawn


def chain_of(network: Network) -> Chain | None:
    """What is to be compiled of a network that was fused; None where the rule forbids it."""
    steps = [step for step in network.fused or () if not _is_feed(step)]
    feeds = [outputs for _, outputs in network.feeds.values()]
    if len(feeds) != 1 or len(feeds[0]) != 2 or len(steps) < 2:
        return None
    images, labels = feeds[0]
    parts: tuple[Part, ...] = ()
    blob = images
    for step in steps[:-1]:
        behind = joined(step, parts, dropping=True) if hands_on(step, blob) else None
        if behind is None:
            return None
        parts, blob = behind, nodes_of(step)[-1].outputs[0]
    if not (_is_loss(network, steps[-1], (blob, labels)) and _all_learn(network, parts)):
        return None
    sample = network.blob_shapes()[images][1:]
    return Chain(images, labels, network.loss_terms[0][0], sample, laid_out_flat(parts, last=True))


def _is_feed(step: Step | FusedStep) -> bool:
    return isinstance(step, Step) and isinstance(step.node.kind, Feed)


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
