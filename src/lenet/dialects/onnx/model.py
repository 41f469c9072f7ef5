"""ONNX files: written, read, and run by the runtime that others use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lenet.dialects.onnx.writer import proto_of
from lenet.errors import DescriptionError, Notes, UsageError, need
from lenet.formats.files import whole_file
from lenet.model import Model

if TYPE_CHECKING:
    from lenet.shapes import Array, Shape

__all__ = ["read_model", "run", "write_model"]

LARGEST = 2**31 - 1  # bytes of a message


def read_model(path: Path, notes: Notes, weights: Path | None = None, sample: Shape | None = None) -> Model:
    """The network of an ONNX file with its weights; `sample` where the file leaves the sizes open.

    Raises: FileError, DescriptionError with the node's name, MissingExtra; UsageError for weights beside it.
    """
    from lenet.dialects.onnx.reader import model_of

    if weights is not None:
        raise UsageError(f"{path} holds its weights, {weights} is one file too many")
    return model_of(path, notes, sample)


def write_model(model: Model, path: Path, notes: Notes) -> list[Path]:
    """Write a network for use as ONNX; the files written.

    Raises: DescriptionError for what ONNX cannot say, with the layer's place; MissingExtra; FileError.
    """
    if sum(array.nbytes for arrays in model.weights.layers.values() for array in arrays.values()) > LARGEST:
        raise DescriptionError("the weights are more than the 2 GB that one ONNX file holds", model.net.where)
    proto = proto_of(model, notes)
    with whole_file(path) as file:
        file.write(proto.SerializeToString())
    return [path]


def run(path: Path, inputs: dict[str, Array]) -> dict[str, Array]:
    """The outputs that onnxruntime computes, by name.

    Raises: MissingExtra if it is not installed; DescriptionError if it refuses the file.
    """
    try:
        import onnxruntime
    except ImportError:
        raise need("onnxruntime", "onnx", "running ONNX") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        values = session.run(None, inputs)
    except Exception as error:  # the runtime's errors have no class of their own
        raise DescriptionError(f"onnxruntime refuses it: {error}") from None
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, values, strict=True))
