"""Blobs: the arrays of a network, seen through numpy and written to through the same view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lenet.errors import DescriptionError, enough_memory
from lenet.layers.blob_shape import BlobShape
from lenet.shapes import Array, Shape, text

if TYPE_CHECKING:
    from torch import Tensor, nn


class Cell:
    """A place for a tensor.

    Until somebody looks at it through numpy, each new tensor just takes the place of the last one.
    From then on the memory stays the same and new values are copied into it, so that an array that
    a user holds shows them, and what the user writes is there for the next layer.
    """

    __slots__ = ("_array", "shape", "tensor")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.tensor: Tensor | None = None
        self._array: Array | None = None

    @property
    def seen(self) -> bool:
        """Whether a user may hold an array of this memory."""
        return self._array is not None

    def put(self, tensor: Tensor) -> None:
        """Give the place new contents, float32 wherever a user looks."""
        if self._array is not None and self._array.shape == tuple(tensor.shape):
            # .data: what autograd saved of the old contents is, as in Caffe, what lies there now
            self.tensor.data.copy_(tensor.detach())  # type: ignore[union-attr]
            return
        self.tensor, self._array, self.shape = tensor.detach(), None, tuple(tensor.shape)

    def get(self) -> Tensor:
        """The contents, zeros if there were none yet.

        Raises: TrainingError where memory is not enough for the shape.
        """
        if self.tensor is None or tuple(self.tensor.shape) != self.shape:
            import torch

            with enough_memory():
                self.tensor, self._array = torch.zeros(self.shape), None
        return self.tensor

    def array(self) -> Array:
        """The contents as a numpy array, float32, that shares their memory."""
        if self._array is None or self._array.shape != self.shape:
            import torch

            # a copy: layers give views of their inputs, and no other blob may change with this one
            with enough_memory():
                self.tensor = self.get().to("cpu", torch.float32, copy=True).contiguous()
            self._array = self.tensor.numpy()
        return self._array

    def fill(self, value: float) -> None:
        """Set all numbers to one value, in the memory that is there."""
        if self.tensor is not None or value:
            self.get().data.fill_(value)


class Blob(BlobShape):
    """A blob between layers: values and gradient."""

    def __init__(self, shape: Shape, loss_weight: float = 0.0) -> None:
        self.values = Cell(shape)
        self.slopes = Cell(shape)
        self.loss_weight = loss_weight
        self.slopes.fill(loss_weight)  # where the backward pass starts

    @property
    def data(self) -> Array:
        """The values, float32; writing to the array writes to the blob."""
        return self.values.array()

    @property
    def diff(self) -> Array:
        """The gradient of the loss with respect to the values, float32, writable likewise."""
        return self.slopes.array()

    @property
    def shape(self) -> Shape:
        return self.values.shape

    def put(self, tensor: Tensor) -> None:
        """Give the blob new values; a gradient of another shape is forgotten."""
        self.values.put(tensor)
        if self.slopes.shape != self.values.shape:
            self.slopes.shape = self.values.shape
            self.slopes.fill(self.loss_weight)

    def reshape(self, *sizes: int) -> None:
        """Give the blob another shape, with zeros; the layers behind it follow at the next forward pass.

        Raises: DescriptionError for negative sizes.
        """
        if any(size < 0 for size in sizes):
            raise DescriptionError(f"a blob cannot have the shape {text(tuple(sizes))}")
        if tuple(sizes) != self.shape:
            self.values.shape = self.slopes.shape = tuple(int(size) for size in sizes)
            self.slopes.fill(self.loss_weight)


class ParameterBlob(BlobShape):
    """A parameter of a layer: views of the tensor that the network computes with, and of its gradient.

    Weights of 2-D convolutions lie in memory with their channels last: the arrays have the usual axis
    order but are not contiguous, so `reshape` of one gives a copy.  Write through `data[...]` or `data.flat`.
    """

    def __init__(self, tensor: nn.Parameter) -> None:
        self.tensor = tensor

    @property
    def data(self) -> Array:
        """The values, float32, writable."""
        array: Array = self.tensor.detach().numpy()
        return array

    @property
    def diff(self) -> Array:
        """The gradient of the loss with respect to the values, float32, writable."""
        array: Array = self.slopes().numpy()
        return array

    @property
    def shape(self) -> Shape:
        return tuple(self.tensor.shape)

    def slopes(self) -> Tensor:
        """The gradient's tensor; it is made, and zero, if there was none."""
        if self.tensor.grad is None:
            import torch

            self.tensor.grad = torch.zeros_like(self.tensor, requires_grad=False)
        return self.tensor.grad

    def reshape(self, *sizes: int) -> None:
        """Refused: a parameter's shape follows from its layer.

        Raises: DescriptionError unless the shape stays.
        """
        if tuple(sizes) != self.shape:
            reason = f"a parameter of {text(self.shape)} cannot become {text(tuple(sizes))}"
            raise DescriptionError(reason, hint="its layer's settings give its shape")
