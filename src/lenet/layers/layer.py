"""The contract of a layer: parameters, shape rule and torch code in one frozen dataclass.

A layer is a description: it never holds tensors and importing it never imports torch.  The engine
asks for :meth:`Layer.operation` once the shapes are known; that is the one place where torch is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from lenet.catalogue import Catalogue
from lenet.errors import DescriptionError
from lenet.layers.fillers import Filler
from lenet.layers.limits import Limits, check_settings
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Parameter:
    """A parameter tensor of a layer: its shape and how it is filled before training.

    One that is not `learned` (a running mean) has no gradient: the operation itself changes it in place.
    """

    shape: Shape
    filler: Filler
    learned: bool = True


class Operation(Protocol):
    """The torch code of a layer: tensors in, one tensor or one per output out.

    `parameters` come in the order of :meth:`Layer.parameters`.
    """

    def __call__(self, inputs: Sequence[Tensor], /, *parameters: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Compute the outputs; differentiable by autograd with respect to inputs and parameters."""


class Curvature(Protocol):
    """The rule by which a layer hands second derivatives of the loss back to its inputs and parameters.

    Only the diagonal is kept, and of it what first derivatives give: an input's share is the sum over
    all outputs of (d output / d input)^2 times the output's curvature (LeCun et al. 1998, "Efficient
    BackProp", section 7).  A loss starts it: there the rule is the loss's own second derivative.
    """

    def __call__(
        self, inputs: Sequence[Tensor], parameters: Sequence[Tensor], outputs: Sequence[Tensor], /
    ) -> tuple[tuple[Tensor | None, ...], tuple[Tensor, ...]]:
        """The curvature of each input (None: it gets none) and of each parameter.

        `inputs` and `parameters` are what the operation was called with, `outputs` the curvature of
        each of its outputs; what is returned has the shapes of `inputs` and `parameters`, parameters
        summed over the batch, and no gradient.
        """


@dataclass(frozen=True)
class Layer:
    """What every layer of the catalogue offers; subclasses add their settings as fields."""

    is_loss: ClassVar[bool] = False  # its first output counts in the loss unless a description says otherwise
    is_answer: ClassVar[bool] = False  # it only reports (accuracy): no gradient passes through it
    #: it looks at numbers, draws some, runs somebody's code or writes a file: a GPU cannot record it, and
    #: even to try would leave traces
    on_host: ClassVar[bool] = False
    #: settings, and the numbers that they take: each of them where a setting has several
    limits: ClassVar[Mapping[str, Limits]] = {}

    def check_limits(self) -> None:
        """Refuse a number that a setting cannot have; shape rules begin with this where there are limits.

        Raises: ShapeError that names the setting.
        """
        check_settings(self, self.limits)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        """The output shapes, one per output.

        Raises: ShapeError where the inputs do not fit; the network adds name and place.
        """
        raise NotImplementedError

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Parameter]:
        """The layer's parameters by name, in the order in which weight files hold them."""
        return {}

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        """The torch code for inputs of these shapes.

        `training` tells a layer that behaves differently then (dropout).  Only the batch axis may
        differ between calls of one operation.
        """
        raise NotImplementedError

    def curvature(self, inputs: Sequence[Shape]) -> Curvature:
        """The rule for second derivatives while training, for inputs of these shapes.

        Raises: DescriptionError where a layer has none; the engine adds name and place.
        """
        raise DescriptionError(
            f"{type(self).__name__} has no rule for second derivatives",
            hint="train without rates from the diagonal Hessian",
        )

    def multiply_adds(self, inputs: Sequence[Shape]) -> int:
        """Multiply-add operations of one forward pass, 0 where they do not matter."""
        return 0


LAYERS: Catalogue[Layer] = Catalogue("layer")


def expect(inputs: Sequence[Shape], number: int) -> None:
    """Refuse a number of inputs other than `number`."""
    if len(inputs) != number:
        raise ShapeError(f"takes {number} input{'s' * (number != 1)}, {len(inputs)} given")


def expect_channels(inputs: Sequence[Shape]) -> Shape:
    """The shape of the one input, which has a batch axis and a channel axis."""
    expect(inputs, 1)
    if len(inputs[0]) < 2:
        raise ShapeError(f"takes a batch axis and a channel axis, not {text(inputs[0])}")
    return inputs[0]


@LAYERS.add("input")
@dataclass(frozen=True)
class Input(Layer):
    """A place where the user puts arrays in.

    Shape: () -> one shape per output, as given.
    Parameters: `shapes`, one per output, the batch axis included.
    Differs: EBLearn and Keras leave the batch axis open; their readers put 1.

    >>> Input(shapes=((1, 1, 28, 28),)).shape([])
    ((1, 1, 28, 28),)
    """

    shapes: tuple[Shape, ...]

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 0)
        return self.shapes
