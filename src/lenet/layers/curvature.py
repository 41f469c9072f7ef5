"""Rules for diagonal second derivatives that several layers share; see `lenet.layers.layer.Curvature`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.layers.layer import Curvature, Operation

    Curvatures: TypeAlias = tuple[tuple[Tensor | None, ...], tuple[Tensor, ...]]


def through_squares(operation: Operation) -> Curvature:
    """The exact rule for an operation that is linear in its inputs and, inputs held, in its parameters.

    Each output is then a sum of products input x parameter, so running it on the squares of both and
    going back gives the squared factors; an input that meets several parameters at one output, or a
    parameter several inputs, needs another rule.
    """

    def rule(inputs: Sequence[Tensor], parameters: Sequence[Tensor], outputs: Sequence[Tensor]) -> Curvatures:
        found = pulled_back(
            lambda *squares: operation(squares[: len(inputs)], *squares[len(inputs) :]),
            [tensor.detach().square() for tensor in (*inputs, *parameters)],
            outputs,
        )
        return found[: len(inputs)], found[len(inputs) :]

    return rule


def through_choices(operation: Operation) -> Curvature:
    """The exact rule for an operation without parameters that only moves and copies numbers about.

    Its derivatives are 0 and 1, their own squares, so curvature goes back as a gradient does.
    """

    def rule(inputs: Sequence[Tensor], parameters: Sequence[Tensor], outputs: Sequence[Tensor]) -> Curvatures:
        return pulled_back(lambda *tensors: operation(tensors), inputs, outputs), ()

    return rule


def number_by_number(function: Callable[..., Tensor], axis: int = 1) -> Curvature:
    """The exact rule for a function of each number alone and of parameters with one number per feature.

    `function` takes the input and the parameters, those already spread over the input's shape; `axis`
    is the features'.
    """

    def rule(inputs: Sequence[Tensor], parameters: Sequence[Tensor], outputs: Sequence[Tensor]) -> Curvatures:
        import torch

        (numbers,) = inputs
        spread = [per_feature(tensor, numbers, axis).expand_as(numbers) for tensor in parameters]
        slopes = pulled_back(function, (numbers, *spread), [torch.ones_like(numbers)])
        own, *theirs = (slope.square() * outputs[0] for slope in slopes)
        features = numbers.shape[axis] if theirs else 0
        return (own,), tuple(curved.transpose(0, axis).reshape(features, -1).sum(1) for curved in theirs)

    return rule


def place_by_place(operation: Operation) -> Curvature:
    """The exact rule where each number of the output depends on the numbers at its place in the inputs."""

    def rule(
        inputs: Sequence[Tensor], _parameters: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> Curvatures:
        import torch

        slopes = pulled_back(lambda *tensors: operation(tensors), inputs, [torch.ones_like(outputs[0])])
        return tuple(slope.square() * outputs[0] for slope in slopes), ()

    return rule


def scaled(factor: float) -> Curvature:
    """The rule that multiplies by a fixed factor, for layers with one input and no parameters."""
    return lambda _inputs, _parameters, outputs: ((outputs[0] * factor,), ())


def stopped(_inputs: object, _parameters: object, _outputs: object, /) -> Curvatures:
    """The rule of a preparing layer with one input: nothing before it is trained."""
    return (None,), ()


def pulled_back(
    function: Callable[..., Tensor | tuple[Tensor, ...]],
    tensors: Sequence[Tensor],
    outputs: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """What the gradients of `tensors` would be if those of the function's outputs were `outputs`."""
    import torch

    with torch.enable_grad():
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        results = function(*leaves)
    single = (results,) if isinstance(results, torch.Tensor) else results
    found = torch.autograd.grad(single, leaves, tuple(outputs), allow_unused=True)
    pairs = zip(found, leaves, strict=True)
    return tuple(torch.zeros_like(leaf) if slope is None else slope for slope, leaf in pairs)


def per_feature(tensor: Tensor, like: Tensor, axis: int = 1) -> Tensor:
    """One number per index of `axis`, shaped to be combined with `like`."""
    return tensor.view(-1, *[1] * (like.dim() - 1 - axis % like.dim()))


def with_slope(value: Tensor, slope: Tensor, numbers: Tensor) -> Tensor:
    """`value`, whose gradient with respect to `numbers` is `slope` whatever it was computed from."""
    return value.detach() + slope.detach() * (numbers - numbers.detach())
