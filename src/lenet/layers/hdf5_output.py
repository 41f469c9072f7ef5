"""Writing what comes along into a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lenet.formats.hdf5 import append_rows
from lenet.layers.layer import LAYERS, Layer, Operation, expect
from lenet.shapes import Shape, ShapeError, text

if TYPE_CHECKING:
    from torch import Tensor

NAMES = ("data", "label")


@LAYERS.add("hdf5_output")
@dataclass(frozen=True)
class Hdf5Output(Layer):
    """Writes its two inputs into an HDF5 file, as "data" and "label".

    Shape: (N, ...), (N, ...) -> nothing.
    Parameters: `file`, which the first batch replaces; later batches add their rows.
    Raises: FileError if it cannot be written; MissingExtra without h5py.
    Differs: Caffe aborts at the second batch.

    >>> Hdf5Output("features.h5").shape([(64, 500), (64,)])
    ()
    """

    on_host: ClassVar[bool] = True

    file: str

    def shape(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        expect(inputs, 2)
        if not inputs[0] or inputs[0][:1] != inputs[1][:1]:
            raise ShapeError(f"needs as many labels as data, not {text(inputs[1])} and {text(inputs[0])}")
        return ()

    def operation(self, inputs: Sequence[Shape], training: bool) -> Operation:
        written = False

        def run(tensors: Sequence[Tensor], *_: Tensor) -> tuple[Tensor, ...]:
            nonlocal written
            arrays = [tensor.detach().cpu().contiguous().numpy() for tensor in tensors]
            append_rows(self.file, dict(zip(NAMES, arrays, strict=True)), anew=not written)
            written = True
            return ()

        return run
