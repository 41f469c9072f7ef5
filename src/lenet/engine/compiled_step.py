"""A training iteration's forward and backward pass as one list of compiled calls, without autograd.

The rule: the network is a chain, from one feed of images with labels through layers that run compiled (see
:mod:`lenet.engine.fusing`), fully connected layers and dropout to a softmax loss, the mean over the batch,
which is all that it answers; each layer has parameters of its own, and all of them learn.  Everything else
goes through autograd.  Memory is taken once: an iteration's gradients are overwritten by those of the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lenet.data.feed import Feed
from lenet.engine.build import Network, Step
from lenet.engine.fusing import FusedStep, plan
from lenet.kernels.calls import Call, Calls
from lenet.kernels.convolution import FusedConvolution
from lenet.kernels.dense import FusedDense
from lenet.kernels.loss import multiply_call, softmax_loss_call
from lenet.kernels.update import dense
from lenet.layers.arrange import Flatten
from lenet.layers.dropout import Dropout
from lenet.layers.loss import SoftmaxLoss
from lenet.net import Node
from lenet.shapes import Shape

_Operation = FusedConvolution | FusedDense | Dropout


@dataclass(frozen=True)
class _Part:
    """An operation of the chain, with its weight and bias."""

    operation: _Operation
    parameters: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Chain:
    """What the rule found: the blobs of the feed and of the loss, and what lies between."""

    images: str
    labels: str
    loss: str
    sample: Shape  # of one image
    parts: tuple[_Part, ...]


@dataclass
class _Made:
    """The calls of a chain while it is laid out."""

    forward: list[Call] = field(default_factory=list)
    backward: list[Call] = field(default_factory=list)  # of the first layer first
    gradients: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # parameter, its gradient
    masks: list[tuple[Tensor, float]] = field(default_factory=list)  # factors of dropout, the chance to stay


class CompiledStep:
    """The pass of a chain; call it with a batch."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._shape = torch.Size()
        self._calls: Calls | None = None
        self._made = _Made()
        self._loss = torch.zeros((), dtype=torch.float32, device="cpu")

    def __call__(self, batch: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]] | None:
        """The loss and its blob, with the gradients at the parameters.

        None for a batch of another kind, and for one with a label that has no class, which autograd refuses:
        no gradient is changed then.
        """
        images, labels = batch[self.chain.images], batch[self.chain.labels]
        if images.shape[1:] != self.chain.sample or not _fits(images, labels):
            return None
        if self._calls is None or self._shape != images.shape:
            self._lay_out(images, labels)
        calls = self._calls
        assert calls is not None
        forward, backward = len(self._made.forward), len(self._made.backward)
        for first_layer in (0, forward + backward - 1):
            calls.replace(first_layer, 0, images)
        calls.replace(forward - 1, 1, labels)  # the loss'
        for mask, chance in self._made.masks:
            mask.bernoulli_(chance).div_(chance)  # torch's dropout draws the same
        if calls.run():
            return None
        for parameter, gradient in self._made.gradients:
            parameter.grad = gradient
        loss = self._loss.clone()
        return float(loss), {self.chain.loss: loss}

    def _lay_out(self, images: Tensor, labels: Tensor) -> None:
        """Take memory for batches like this one, and prepare the calls."""
        made = _Made()
        values, gradient = images, None
        for part in self.chain.parts:
            values, gradient = _add(made, part, values, gradient)
        assert gradient is not None
        made.forward.append(softmax_loss_call(values, labels, self._loss, gradient))
        self._made, self._shape = made, images.shape
        self._calls = Calls([*made.forward, *reversed(made.backward)])


def _fits(images: Tensor, labels: Tensor) -> bool:
    """Whether these are images and one label each, as the kernels take them."""
    return (
        images.dtype == torch.float32
        and images.device.type == "cpu"
        and images.is_contiguous()
        and labels.dtype == torch.int64
        and labels.numel() == len(images) > 0
        and labels.is_contiguous()
    )


def _add(made: _Made, part: _Part, values: Tensor, gradient: Tensor | None) -> tuple[Tensor, Tensor]:
    """The calls of a part; its output and that one's gradient."""
    operation = part.operation
    if isinstance(operation, FusedConvolution):
        return _add_convolution(made, operation, part.parameters, values, gradient)
    if isinstance(operation, FusedDense):
        return _add_dense(made, operation, part.parameters, values, gradient)
    assert gradient is not None
    mask, output = torch.empty_like(values), torch.empty_like(values)
    of_output = torch.empty_like(values)
    made.masks.append((mask, 1 - operation.ratio))
    made.forward.append(multiply_call(values, mask, output))
    made.backward.append(multiply_call(of_output, mask, gradient))
    return output, of_output


def _add_convolution(
    made: _Made, its: FusedConvolution, parameters: Sequence[Tensor], images: Tensor, gradient: Tensor | None
) -> tuple[Tensor, Tensor]:
    output, winners = its.room(len(images))
    of_output = torch.empty_like(output)
    weight, bias, of_weight, of_bias = _learned(made, parameters)
    # always computed
    room = torch.empty(its.outputs, dtype=torch.float32, device="cpu") if of_bias is None else of_bias
    made.forward.append(its.forward_call(images, weight, bias, output, winners))
    made.backward.append(its.backward_call(images, weight, winners, of_output, gradient, of_weight, room))
    return output, of_output


def _add_dense(
    made: _Made, its: FusedDense, parameters: Sequence[Tensor], values: Tensor, gradient: Tensor | None
) -> tuple[Tensor, Tensor]:
    rows = values.flatten(1)
    output = torch.empty((len(rows), its.outputs), dtype=torch.float32, device="cpu")
    of_output = torch.empty_like(output)
    weight, bias, of_weight, of_bias = _learned(made, parameters)
    made.forward.append(its.forward_call(rows, weight, bias, output))
    made.backward.append(its.backward_call(rows, weight, output, of_output, gradient, of_weight, of_bias))
    return output, of_output


def _learned(
    made: _Made, parameters: Sequence[Tensor]
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
    """Weight and bias, and memory for their gradients."""
    gradients = [torch.empty_like(parameter, requires_grad=False) for parameter in parameters]
    made.gradients.extend(zip(parameters, gradients, strict=True))
    weight, *bias = [parameter.detach() for parameter in parameters]
    of_weight, *of_bias = gradients
    return weight, bias[0] if bias else None, of_weight, of_bias[0] if of_bias else None


def compiled_step(network: Network) -> CompiledStep | None:
    """The compiled pass of a network that was fused, where the rule allows."""
    if network.fused is None:
        return None
    steps = [step for step in plan(network, dense=True) if not _is_feed(step)]
    feeds = [outputs for _, outputs in network.feeds.values()]
    if len(feeds) != 1 or len(feeds[0]) != 2 or len(steps) < 2:
        return None
    images, labels = feeds[0]
    parts: list[_Part] = []
    blob = images
    for step in steps[:-1]:
        part = _part(step, blob)
        if part is None:
            return None
        parts.extend(part)
        blob = _nodes(step)[-1].outputs[0]
    if not (
        parts
        and parts[0].parameters
        and _is_loss(network, steps[-1], (blob, labels))
        and _all_learn(network, parts)
    ):
        return None
    sample = network.blob_shapes()[images][1:]
    return CompiledStep(Chain(images, labels, network.loss_terms[0][0], sample, _laid_flat(parts)))


def _is_feed(step: Step | FusedStep) -> bool:
    return isinstance(step, Step) and isinstance(step.node.kind, Feed)


def _nodes(step: Step | FusedStep) -> Sequence[Node]:
    return [each.node for each in step.steps] if isinstance(step, FusedStep) else [step.node]


def _part(step: Step | FusedStep, blob: str) -> tuple[_Part, ...] | None:
    """What this is in a chain, if it reads this blob alone and hands gradients on."""
    nodes = _nodes(step)
    if nodes[0].inputs != (blob,) or len(nodes[-1].outputs) != 1:
        return None
    if any(any(node.loss_weights) or not all(node.propagate) for node in nodes):
        return None
    if isinstance(step, FusedStep):
        return (_Part(step.operation, step.steps[0].parameters),)
    kind = step.node.kind
    if kind == Flatten():
        return ()  # what is connected fully is flat in memory anyway
    if not isinstance(kind, Dropout):
        return None
    return (_Part(kind),) if kind.ratio else ()  # with ratio 0 torch draws nothing


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


def _all_learn(network: Network, parts: Sequence[_Part]) -> bool:
    """Whether each parameter of the network is one part's, lies without gaps and learns."""
    parameters = [parameter for part in parts for parameter in part.parameters]
    return (
        {id(each) for each in parameters} == {id(each) for each in network.tensors}
        and len(parameters) == len(network.tensors)
        and all(each.requires_grad and dense(each.detach()) for each in parameters)
    )


def _laid_flat(parts: Sequence[_Part]) -> tuple[_Part, ...]:
    """What a fully connected layer or dropout reads lies in the usual order."""
    flat = []
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        its = part.operation
        if isinstance(its, FusedConvolution):
            beside = following is not None and isinstance(following.operation, FusedConvolution)
            part = replace(part, operation=replace(its, channels_last=beside))
        flat.append(part)
    return tuple(flat)
