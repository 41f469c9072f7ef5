"""A chain laid out as compiled calls: forward to the loss, back to the gradients of all parameters.

Memory is taken once: an iteration's gradients are overwritten by those of the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lenet.engine.chain import Chain
from lenet.engine.parts import Part
from lenet.kernels.calls import Call
from lenet.kernels.convolution import FusedConvolution
from lenet.kernels.dense import FusedDense
from lenet.kernels.loss import multiply_call, softmax_loss_call


@dataclass
class Layout:
    """The calls of a chain, and what they write."""

    forward: list[Call] = field(default_factory=list)  # the loss is the last one
    backward: list[Call] = field(default_factory=list)  # of the first layer first
    gradients: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # parameter, its gradient
    places: list[int] = field(default_factory=list)  # of the parameters
    # factors of dropout, (turns, ...), and the chance to stay
    masks: list[tuple[Tensor, float]] = field(default_factory=list)

    def calls(self) -> list[Call]:
        """All of them, in the order of an iteration."""
        return [*self.forward, *reversed(self.backward)]

    def draw(self, turns: int) -> None:
        """Draw what stays in the next turns, from torch's generator as torch's dropout does."""
        for turn in range(turns):
            for mask, chance in self.masks:
                mask[turn].bernoulli_(chance).div_(chance)

    def in_place(self) -> bool:
        """Whether each parameter is where it was."""
        return self.places == [parameter.data_ptr() for parameter, _ in self.gradients]

    def hand_over(self) -> None:
        """Let the parameters have their gradients."""
        for parameter, gradient in self.gradients:
            parameter.grad = gradient


def laid_out(chain: Chain, images: Tensor, labels: Tensor, losses: Tensor) -> Layout:
    """The calls for batches like this one; the loss of each turn goes to its place in `losses`."""
    made = Layout()
    values, gradient = images, None
    for part in chain.parts:
        values, gradient = _add(made, part, values, gradient, losses.numel())
    assert gradient is not None
    made.forward.append(softmax_loss_call(values, labels, losses, gradient))
    return made


def _add(
    made: Layout, part: Part, values: Tensor, gradient: Tensor | None, turns: int
) -> tuple[Tensor, Tensor]:
    """The calls of a part; its output and that one's gradient."""
    operation = part.operation
    if isinstance(operation, FusedConvolution):
        return _add_convolution(made, operation, part.parameters, values, gradient)
    if isinstance(operation, FusedDense):
        return _add_dense(made, operation, part.parameters, values, gradient)
    assert gradient is not None
    mask, output = values.new_empty((turns, *values.shape)), torch.empty_like(values)
    of_output = torch.empty_like(values)
    made.masks.append((mask, 1 - operation.ratio))
    made.forward.append(multiply_call(values, mask, output))
    made.backward.append(multiply_call(of_output, mask, gradient))
    return output, of_output


def _add_convolution(
    made: Layout, its: FusedConvolution, parameters: Sequence[Tensor], images: Tensor, gradient: Tensor | None
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
    made: Layout, its: FusedDense, parameters: Sequence[Tensor], values: Tensor, gradient: Tensor | None
) -> tuple[Tensor, Tensor]:
    rows = values.flatten(1)
    output = its.output_room(len(rows))
    of_output = torch.empty_like(output)
    weight, bias, of_weight, of_bias = _learned(made, parameters)
    made.forward.append(its.forward_call(rows, weight, bias, output))
    made.backward.append(its.backward_call(rows, weight, output, of_output, gradient, of_weight, of_bias))
    return output, of_output


def _learned(
    made: Layout, parameters: Sequence[Tensor]
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
    """Weight and bias, and memory for their gradients."""
    gradients = [torch.empty_like(parameter, requires_grad=False) for parameter in parameters]
    made.gradients.extend(zip(parameters, gradients, strict=True))
    made.places.extend(parameter.data_ptr() for parameter in parameters)
    weight, *bias = [parameter.detach() for parameter in parameters]
    of_weight, *of_bias = gradients
    return weight, bias[0] if bias else None, of_weight, of_bias[0] if of_bias else None
