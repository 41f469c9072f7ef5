"""A layer whose code a user has written in Python, in the form that Caffe gave such layers.

It stands in no catalogue: no description alone can make one, somebody has to allow the code to run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from lenet.errors import DescriptionError, LenetError
from lenet.layers.blob_shape import BlobShape
from lenet.layers.layer import Layer, Operation
from lenet.shapes import Array, Shape

if TYPE_CHECKING:
    from torch import Tensor

Code = Any  # an object with setup, reshape, forward and backward, each of bottoms and tops


class UserBlob(BlobShape):
    """An input or output as user code sees it: `data` and `diff`, float32 arrays, and `reshape`."""

    def __init__(self, data: Array) -> None:
        self.data = data
        self._diff: Array | None = None

    @property
    def diff(self) -> Array:
        """The gradient, zeros until it is written."""
        import numpy as np

        if self._diff is None or self._diff.shape != self.data.shape:
            self._diff = np.zeros_like(self.data)
        return self._diff

    @property
    def shape(self) -> Shape:
        shape: Shape = self.data.shape
        return shape

    def reshape(self, *sizes: int) -> None:
        """Give the blob another shape; the values are then zeros."""
        import numpy as np

        if tuple(sizes) != self.shape:
            self.data = np.zeros(sizes, np.float32)


class Worker:
    """One object of user code with its blobs; `setup` has been called."""

    def __init__(self, code: Code, inputs: Sequence[Shape], outputs: int) -> None:
        self.code = code
        self.bottoms = [_blank(shape) for shape in inputs]
        self.tops = [_blank(()) for _ in range(outputs)]
        self.call("setup", self.bottoms, self.tops)

    def call(self, method: str, *values: object) -> None:
        """Call one of its methods.

        Raises: DescriptionError with what the code raised.
        """
        try:
            getattr(self.code, method)(*values)
        except LenetError:
            raise
        except Exception as error:
            name = f"{type(self.code).__name__}.{method}"
            raise DescriptionError(f"{name} raised {type(error).__name__}: {error}") from error

    def shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        """The output shapes for these inputs."""
        self.bottoms = [_blank(shape) for shape in inputs]
        self.call("reshape", self.bottoms, self.tops)
        return tuple(top.shape for top in self.tops)

    def forward(self, arrays: Sequence[Array]) -> list[Array]:
        """The outputs for arrays."""
        self.bottoms = [UserBlob(array) for array in arrays]
        self.call("reshape", self.bottoms, self.tops)
        self.call("forward", self.bottoms, self.tops)
        return [top.data.copy() for top in self.tops]

    def backward(self, slopes: Sequence[Array], wanted: Sequence[bool]) -> list[Array]:
        """The inputs' gradients for those of the outputs, after a forward pass."""
        for top, slope in zip(self.tops, slopes, strict=True):
            top.diff[...] = slope
        self.call("backward", self.tops, list(wanted), self.bottoms)
        return [bottom.diff for bottom in self.bottoms]


def _blank(shape: Shape) -> UserBlob:
    import numpy as np

    return UserBlob(np.zeros(shape, np.float32))


@dataclass(frozen=True)
class Python(Layer):
    """A layer that user code computes, on arrays in the CPU's memory.

    Shape: as the code's `reshape` says.
    Parameters: `make` gives a new object of the code; `param_str`, a text that the code gets; `outputs`,
    their number; `written`, how a dialect wrote the layer.
    Differs: Caffe's own may hold parameters (`blobs`), which these cannot.

    >>> class Double:
    ...     def setup(self, bottom, top): ...
    ...     def reshape(self, bottom, top): top[0].reshape(*bottom[0].shape)
    ...     def forward(self, bottom, top): top[0].data[...] = 2 * bottom[0].data
    ...     def backward(self, top, propagate_down, bottom): bottom[0].diff[...] = 2 * top[0].diff
    >>> Python(Double).shape([(3, 4)])
    ((3, 4),)
    """

    on_host: ClassVar[bool] = True

    make: Callable[[], Code]
    param_str: str = ""
    outputs: int = 1
    written: Any = field(default=None, compare=False, repr=False)
    _workers: dict[bool | None, Worker] = field(default_factory=dict, compare=False, repr=False)

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return self._worker(inputs, None).shapes(inputs)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        function = _function(self._worker(inputs, training))
        return lambda tensors, *_: function(tensors)

    def _worker(self, inputs: Sequence[Shape], training: bool | None) -> Worker:
        """The worker of a phase; the one that only tells shapes is asked before the phase is known."""
        if training not in self._workers:
            code = self.make()
            code.param_str = code.param_str_ = self.param_str
            code.phase = 0 if training else 1
            self._workers[training] = Worker(code, inputs, self.outputs)
        return self._workers[training]


def _function(worker: Worker) -> Callable[[Sequence[Tensor]], tuple[Tensor, ...]]:
    """The worker as a function that autograd can go back through."""
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, *tensors: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
            arrays = [tensor.detach().to("cpu", torch.float32, copy=True).numpy() for tensor in tensors]
            return tuple(torch.from_numpy(array) for array in worker.forward(arrays))

        @staticmethod
        def backward(context: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
            wanted = context.needs_input_grad
            arrays = worker.backward([slope.cpu().numpy() for slope in slopes], wanted)
            pairs = zip(wanted, arrays, strict=True)
            return tuple(torch.from_numpy(array.copy()) if want else None for want, array in pairs)

    def run(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if not tensors:
            return tuple(torch.from_numpy(array) for array in worker.forward([]))
        results: tuple[Tensor, ...] = Function.apply(*tensors)  # type: ignore[no-untyped-call]
        return results

    return run
