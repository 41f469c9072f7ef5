"""The parameter tensors of a network: drawn by their fillers, given, or shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lenet.errors import DescriptionError, LenetError
from lenet.layers.draws import Draws
from lenet.layers.layer import Parameter
from lenet.net import Node, ParameterUse, error_at
from lenet.shapes import Shape, count, text
from lenet.weights import Weights


@dataclass(frozen=True)
class Trained:
    """One distinct parameter tensor and how it is trained, with the layers that use it."""

    tensor: nn.Parameter
    rate: float
    decay: float


class Parameters:
    """Makes the tensors of one network, layer by layer in their order.

    `shared` are another network's, by layer: layers of the same names use them.  Others share what has a
    name, start with what `weights` has for them, or are drawn.
    """

    def __init__(
        self,
        draws: Draws,
        device: torch.device,
        dtype: torch.dtype,
        shared: Mapping[str, tuple[nn.Parameter, ...]],
        weights: Weights,
    ) -> None:
        self._draws = draws
        self._device = device
        self._dtype = dtype
        self._shared = shared
        self._weights = weights
        self._named: dict[str, tuple[nn.Parameter, Node]] = {}
        self._uses: dict[nn.Parameter, list[tuple[Node, ParameterUse]]] = {}

    def of(self, node: Node, wanted: Mapping[str, Parameter]) -> tuple[nn.Parameter, ...]:
        """The tensors of a layer that wants these parameters.

        Raises: DescriptionError for parameters that cannot be shared or drawn; WeightsError.
        """
        tensors = []
        shapes = {name: parameter.shape for name, parameter in wanted.items()}
        given = self._weights.fitted({node.name: shapes}).get(node.name, {})
        for index, (name, parameter) in enumerate(wanted.items()):
            use = node.use(index) if parameter.learned else _not_learned(node, index)
            tensor = self._found(node, index, use, parameter.shape)
            if tensor is None:
                # a copy of what is given: arrays read from files cannot be written to
                values = torch.tensor(given[name]) if name in given else self._drawn(node, parameter)
                tensor = nn.Parameter(_laid_out(values.to(self._device, self._dtype)), requires_grad=False)
            if use.share:
                self._named.setdefault(use.share, (tensor, node))
            self._uses.setdefault(tensor, []).append((node, use))
            tensors.append(tensor)
        return tuple(tensors)

    def trained(self) -> list[Trained]:
        """The distinct tensors of all layers so far, and how each is trained.

        Raises: DescriptionError where layers that share one contradict each other.
        """
        return [_trained(tensor, uses) for tensor, uses in self._uses.items()]

    def _drawn(self, node: Node, parameter: Parameter) -> Tensor:
        try:
            return torch.from_numpy(parameter.filler.values(parameter.shape, self._draws))
        except LenetError as error:
            raise error_at(node, error) from None

    def _found(self, node: Node, index: int, use: ParameterUse, shape: Shape) -> nn.Parameter | None:
        """The tensor that this parameter shares with another layer or network, if it does."""
        if node.name in self._shared and index >= len(self._shared[node.name]):
            number = len(self._shared[node.name])
            raise DescriptionError(
                f"layer '{node.name}': has more parameters here than in the training network, {number}",
                node.where,
                "a layer of one name needs the same parameters in both networks",
            )
        if node.name in self._shared:
            tensor, owner = self._shared[node.name][index], "the training network"
        elif use.share in self._named:
            tensor, other = self._named[use.share]
            owner = f"layer '{other.name}'"
        else:
            return None
        if tuple(tensor.shape) == shape or (use.permissive and tensor.numel() == count(shape)):
            return tensor
        found = text(tuple(tensor.shape))
        raise DescriptionError(
            f"layer '{node.name}': shares a parameter of {text(shape)} with {owner}, where it is {found}",
            node.where,
            "shared parameters need the same shape",
        )


def _not_learned(node: Node, index: int) -> ParameterUse:
    """How a parameter is used that its layer changes by itself: training leaves it alone."""
    use = node.use(index)
    if use.rate:
        raise DescriptionError(
            f"layer '{node.name}' ({node.type}): parameter {index} is not learned, "
            f"its learning-rate multiplier is {use.rate:g}",
            node.where,
            "use 0, or leave it out",
        )
    return replace(use, rate=0.0, decay=0.0)


def _laid_out(tensor: Tensor) -> Tensor:
    """Weights of 2-D convolutions in channels-last order.

    The outputs of a convolution take the layout of its weights, and with channels last a training
    iteration of LeNet takes two thirds of the time (benchmarks/RESULTS.md).
    """
    return tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def _trained(tensor: nn.Parameter, uses: Sequence[tuple[Node, ParameterUse]]) -> Trained:
    """The multipliers of a tensor; users of a shared one must not contradict each other."""

    def only(name: str, values: set[float]) -> float:
        if len(values) > 1:
            node = uses[-1][0]
            raise DescriptionError(
                f"layer '{node.name}': shares a parameter whose {name} multipliers differ: "
                + ", ".join(f"{value:g}" for value in sorted(values)),
                node.where,
                "give all layers that share it the same one",
            )
        return values.pop() if values else 1.0

    rate = only("learning-rate", {use.rate for _, use in uses if use.rate is not None})
    decay = only("weight-decay", {use.decay for _, use in uses if use.decay is not None})
    return Trained(tensor, rate, decay)
