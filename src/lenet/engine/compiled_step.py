"""A training iteration's forward and backward pass as one list of compiled calls, without autograd.

Which networks have one: see :mod:`lenet.engine.chain`.  Memory is taken once: an iteration's gradients are
overwritten by those of the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lenet.engine.build import Network
from lenet.engine.chain import Chain, Part, chain_of
from lenet.kernels.calls import Call, Calls
from lenet.kernels.convolution import FusedConvolution
from lenet.kernels.dense import FusedDense
from lenet.kernels.loss import multiply_call, softmax_loss_call


@dataclass
class _Made:
    """The calls of a chain while it is laid out."""

    forward: list[Call] = field(default_factory=list)
    backward: list[Call] = field(default_factory=list)  # of the first layer first
    gradients: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # parameter, its gradient
    places: list[int] = field(default_factory=list)  # of the parameters
    masks: list[tuple[Tensor, float]] = field(default_factory=list)  # factors of dropout, the chance to stay

    def in_place(self) -> bool:
        """Whether each parameter is where it was: whoever gives it other memory goes through autograd."""
        return self.places == [parameter.data_ptr() for parameter, _ in self.gradients]


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
        if not self._made.in_place():
            return None
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


def _add(made: _Made, part: Part, values: Tensor, gradient: Tensor | None) -> tuple[Tensor, Tensor]:
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
    output, winners = its.output_room(len(images)), its.winners_room(len(images))
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
    made.places.extend(parameter.data_ptr() for parameter in parameters)
    weight, *bias = [parameter.detach() for parameter in parameters]
    of_weight, *of_bias = gradients
    return weight, bias[0] if bias else None, of_weight, of_bias[0] if of_bias else None


def compiled_step(network: Network) -> CompiledStep | None:
    """The compiled pass of a network that was fused, where the rule allows."""
    chain = chain_of(network)
    return CompiledStep(chain) if chain else None
