"""An ONNX model as a network: the part of ONNX that the catalogue can say, the rest refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lenet.deploy.blobs import with_outputs
from lenet.deploy.told import with_told
from lenet.deploy.use import complete
from lenet.dialects.onnx.operators_arrange import ARRANGE_OPERATORS
from lenet.dialects.onnx.operators_numbers import NUMBER_OPERATORS
from lenet.dialects.onnx.operators_windows import WINDOW_OPERATORS
from lenet.dialects.onnx.reading import Op, Reading
from lenet.dialects.onnx.writer import TOLD, library
from lenet.errors import DescriptionError, FileError, Notes, Where, did_you_mean
from lenet.formats.files import read_bytes
from lenet.layers.arithmetic import Power
from lenet.layers.layer import Input
from lenet.model import Model
from lenet.net import Net, Node
from lenet.shapes import Array, Shape
from lenet.weights import Weights

OPERATORS = WINDOW_OPERATORS | NUMBER_OPERATORS | ARRANGE_OPERATORS
_EXTERNAL = 1  # TensorProto.EXTERNAL
_DIGITS = 20  # of the largest size of a file
_FLOATS = (1, 10, 11, 16)  # float, float16, double, bfloat16


def model_of(path: Path, notes: Notes, sample: Shape | None = None) -> Model:
    """The network of a file, with its weights; `sample` is the shape of a sample if it is left open.

    Raises: FileError for a damaged file or one whose data are not here; DescriptionError, with the node's
    name, for what the catalogue cannot say; MissingExtra.
    """
    where = Where(str(path))
    proto = _loaded(path, where)
    versions = [entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")]
    reading = Reading(where, notes, max(versions, default=1), _constants(proto, where))
    _add_input(reading, proto, sample)
    problems = Notes()
    for index, node in enumerate(proto.graph.node):
        _read(node, index, reading, problems)
    problems.check()
    net = _net(proto, reading)
    weights = complete(net, Weights(reading.layers, where))
    model = Model(net, weights)
    texts = {entry.key: entry.value for entry in proto.metadata_props}
    told = with_told(model, texts[TOLD], where) if TOLD in texts else model
    return replace(told, dialect="onnx", version=f"opset {reading.opset}")


def _loaded(path: Path, where: Where) -> Any:  # noqa: ANN401 a message of the library's
    onnx = library()
    from google.protobuf.message import DecodeError

    try:
        proto = onnx.load_model_from_string(read_bytes(path))
    except DecodeError:
        raise FileError("is no ONNX file, or a damaged one", where) from None
    if not proto.HasField("graph"):
        raise FileError("is no ONNX file: it holds no graph", where)
    for tensor in proto.graph.initializer:
        if tensor.data_location == _EXTERNAL:
            _check_external(path, tensor, where)
    try:
        onnx.external_data_helper.load_external_data_for_model(proto, str(path.parent))
    except (OSError, ValueError, RuntimeError, onnx.checker.ValidationError) as error:
        raise FileError(f"its external data cannot be read: {error}", where) from None
    return proto


def _check_external(path: Path, tensor: Any, where: Where) -> None:  # noqa: ANN401
    entries = {entry.key: entry.value for entry in tensor.external_data}
    name = entries.get("location", "")
    file = path.parent / name
    if not name or Path(name).is_absolute() or ".." in Path(name).parts or file.is_symlink():
        raise FileError(f"weights '{tensor.name}' are said to lie in '{name}', outside its folder", where)
    if not file.is_file():
        hint = "put the file beside it: it belongs to the model"
        raise FileError(f"weights '{tensor.name}' lie in '{name}', which is not here", where, hint)
    start, length = (entries.get(key) or "0" for key in ("offset", "length"))
    if not (_is_count(start) and _is_count(length)):
        message = f"weights '{tensor.name}' have offset '{start}' and length '{length}' in '{name}'"
        raise FileError(f"{message}: numbers of bytes are wanted", where)
    if int(start) + int(length) > file.stat().st_size:
        raise FileError(f"weights '{tensor.name}' go beyond the end of '{name}'", where)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _constants(proto: Any, where: Where) -> dict[str, Array]:  # noqa: ANN401
    return {tensor.name: _array(tensor, where) for tensor in proto.graph.initializer}


def _array(tensor: Any, where: Where) -> Array:  # noqa: ANN401
    onnx = library()
    try:
        array: Array = onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise FileError(f"constant '{tensor.name}' is damaged: {error}", where) from None
    return array


def _add_input(reading: Reading, proto: Any, sample: Shape | None) -> None:  # noqa: ANN401
    """The one input that is no constant."""
    given = [value for value in proto.graph.input if value.name not in reading.constants]
    if len(given) != 1:
        names = ", ".join(f"'{value.name}'" for value in given)
        raise DescriptionError(f"has {len(given)} inputs ({names}), one is wanted", reading.where)
    tensor = given[0].type.tensor_type
    if tensor.elem_type not in _FLOATS:
        raise DescriptionError(f"input '{given[0].name}' takes no floating-point numbers", reading.where)
    sizes = [size.dim_value if size.HasField("dim_value") else 0 for size in tensor.shape.dim]
    shape = (sizes[0] or 1, *(sample or sizes[1:])) if sizes else ()
    if len(shape) < 2 or min(shape) < 1:
        raise DescriptionError(
            f"input '{given[0].name}' leaves its sizes open",
            reading.where,
            "tell them: --input 3x224x224",
        )
    name = given[0].name
    reading.shapes[name] = shape
    reading.nodes.append(Node(name, Input((shape,)), outputs=(name,), where=reading.where))


def _read(node: Any, index: int, reading: Reading, problems: Notes) -> None:  # noqa: ANN401
    onnx = library()
    name = node.name or (node.output[0] if node.output else f"{node.op_type}_{index}")
    attributes = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
    attributes = {
        key: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for key, value in attributes.items()
    }
    inputs = tuple(reading.same.get(each, each) for each in node.input)
    op = Op(reading, node.op_type, name, inputs, tuple(node.output), attributes)
    if node.op_type == "Constant" and "value" in attributes:
        reading.constants[node.output[0]] = _array(attributes["value"], reading.where)
        return
    read = OPERATORS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    if any(each not in reading.shapes and each not in reading.constants for each in inputs if each):
        return  # what makes it was refused already
    if read is None:
        hint = did_you_mean(node.op_type, OPERATORS)
        problems.error(op.error("an operator that the catalogue of layers does not have", hint))
        return
    try:
        read(op)
    except DescriptionError as error:
        problems.error(error)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        problems.error(op.error(f"has attributes or inputs that cannot be: {error}"))


def _net(proto: Any, reading: Reading) -> Net:  # noqa: ANN401
    """The network up to the outputs, which keep their names."""
    wanted = []
    for value in proto.graph.output:
        name = value.name
        if name in reading.same and name not in reading.shapes:
            source = reading.same[name]
            made = reading.free(name)
            reading.nodes.append(Node(made, Power(), (source,), (name,), where=reading.where))
        elif name not in reading.shapes:
            raise DescriptionError(f"output '{name}' is made by nobody", reading.where)
        wanted.append(name)
    net = Net(proto.graph.name, tuple(reading.nodes), where=reading.where)
    kept = with_outputs(net.leading_to(*wanted), wanted)
    names = {node.name for node in kept.nodes}
    reading.layers = {name: arrays for name, arrays in reading.layers.items() if name in names}
    return kept
