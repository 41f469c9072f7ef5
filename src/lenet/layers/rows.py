"""Layers that choose rows of a batch by what another input says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.errors import DataError
from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, count, text

if TYPE_CHECKING:
    from torch import Tensor


@LAYERS.add("batch_reindex")
@dataclass(frozen=True)
class BatchReindex(Layer):
    """The rows of its first input that the second one numbers, in that order.

    Shape: (N, ...), (M,) -> (M, ...).
    Parameters: none.
    Raises: DataError for a row that is not there.
    Differs: none.

    >>> BatchReindex().shape([(5, 3, 2), (4,)])
    ((4, 3, 2),)
    """

    on_host: ClassVar[bool] = True

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        if not inputs[0] or len(inputs[1]) != 1:
            raise ShapeError(
                f"takes rows and a list of their numbers, not {text(inputs[0])}, {text(inputs[1])}"
            )
        return ((*inputs[1], *inputs[0][1:]),)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> Tensor:
            rows, numbers = tensors[0], tensors[1].detach().long()
            check_indices(numbers, len(rows), "row")
            return rows.index_select(0, numbers)

        return run


@LAYERS.add("filter")
@dataclass(frozen=True)
class Filter(Layer):
    """The rows of its inputs for which the last input is not 0.

    Shape: (N, ...), ..., (N,) -> (M, ...), ...: M is known only when it runs, N stands for it.
    Parameters: none.
    Differs: none.

    >>> Filter().shape([(5, 3, 2), (5, 2), (5, 1)])
    ((5, 3, 2), (5, 2))
    """

    on_host: ClassVar[bool] = True

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        if len(inputs) < 2:
            raise ShapeError(f"takes two or more inputs, {len(inputs)} given")
        *rows, chosen = inputs
        if count(chosen) != chosen[0] or any(shape[:1] != chosen[:1] for shape in rows):
            shapes = ", ".join(text(shape) for shape in inputs)
            raise ShapeError(f"needs as many rows in each input and one number per row in the last: {shapes}")
        return tuple(rows)

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        def run(tensors: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, ...]:
            *rows, chosen = tensors
            keep = chosen.detach().reshape(-1) != 0
            return tuple(tensor[keep] for tensor in rows)

        return run


def check_indices(indices: Tensor, number: int, what: str) -> None:
    """Refuse indices outside 0 .. number - 1.

    Raises: DataError that names the first one.
    """
    wrong = (indices < 0) | (indices >= number)
    if wrong.any():
        raise DataError(f"{what} {int(indices[wrong][0])} is not there: they are numbered 0 to {number - 1}")
