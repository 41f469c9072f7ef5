"""Caffe's weight files: .caffemodel (of every version), and HDF5 by the ending .h5."""

from __future__ import annotations

from pathlib import Path

from lenet.dialects.caffe.blobs import array_from_blob, blob_from_array
from lenet.dialects.caffe.contents import is_binary
from lenet.dialects.caffe.layers import parameter_names
from lenet.dialects.caffe.net import message_from_net
from lenet.dialects.caffe.schema import schema, weights_schema
from lenet.dialects.caffe.solver_state import read_state, write_state
from lenet.dialects.caffe.splits import insert_splits
from lenet.dialects.caffe.upgrade import upgrade_net, version
from lenet.errors import FileError, Notes, Where
from lenet.formats.files import read_bytes, whole_file
from lenet.formats.message import Message
from lenet.net import Net, State
from lenet.shapes import Array
from lenet.weights import Weights

__all__ = ["read_state", "read_weights", "write_state", "write_weights"]

HDF5_ENDING = ".h5"


def read_weights(path: str | Path, notes: Notes) -> Weights:
    """The weights of every layer in a file; layers without any are there, too, with none.

    Raises: FileError if the file cannot be read, is truncated, or holds no weights.
    """
    if str(path).endswith(HDF5_ENDING):
        from lenet.dialects.caffe.hdf5 import read_hdf5_weights

        return read_hdf5_weights(path)
    where = Where(str(path))
    data = read_bytes(path)
    _check_kind(data, where)
    message = upgrade_net(_message(data, str(path)), notes)
    weights = Weights(where=where)
    for layer in message.all("layer"):
        name, arrays = str(layer.get("name", "")), _arrays(layer, where)
        if arrays or name not in weights.layers:
            weights.layers[name] = arrays
    if not weights.count():
        raise FileError("holds no weights", where, "is it a network description, or another file?")
    return weights


def _message(data: bytes, file: str) -> Message:
    """The layers of a file without their settings, which only a V0 layer's upgrade needs."""
    from lenet.formats.protobuf import read_binary

    message = read_binary(data, file, weights_schema(), "NetParameter")
    if version(message) == "V0":
        return read_binary(data, file, schema(), "NetParameter")
    for inputs in ("input", "input_shape", "input_dim"):  # they would become a layer with settings
        message.remove(inputs)
    return message


def _check_kind(data: bytes, where: Where) -> None:
    if data and not is_binary(data):
        raise FileError("this is text, weights are binary", where, "the weights are in the .caffemodel")
    if data[:1] == b"\x08":  # SolverState.iter comes first
        raise FileError("this is a solver's state", where, "the weights are in the .caffemodel beside it")


def _arrays(layer: Message, where: Where) -> dict[str, Array]:
    blobs = layer.all("blobs")
    names = parameter_names(str(layer.get("type", "")), len(blobs))
    return {
        name: array_from_blob(blob, where, f"layer '{layer.get('name', '')}', {name}")
        for name, blob in zip(names, blobs, strict=True)
    }


def write_weights(path: str | Path, net: Net, weights: Weights, gradients: Weights | None = None) -> None:
    """Write the weights of a selected `net` as Caffe does: with every layer, its automatic splits too.

    The file appears whole or not at all.

    Raises: FileError if it cannot be written.
    """
    if str(path).endswith(HDF5_ENDING):
        from lenet.dialects.caffe.hdf5 import write_hdf5_weights

        return write_hdf5_weights(path, insert_splits(net), weights, gradients)
    message = trained_message(net, weights, gradients)
    from lenet.formats.protobuf import write_binary

    data = write_binary(message, schema())
    with whole_file(path) as file:
        file.write(data)
    return None


def trained_message(net: Net, weights: Weights, gradients: Weights | None = None) -> Message:
    """A selected network with its weights as the NetParameter that Caffe saves."""
    split = insert_splits(net)
    message = message_from_net(split)
    message.remove("state")
    message.remove("force_backward")
    state = net.state or State("train")
    for node, layer in zip(split.nodes, message.all("layer"), strict=True):
        if node.loss_weights and not layer.has("loss_weight"):
            for weight in node.loss_weights:
                layer.add("loss_weight", weight)
        slopes = gradients.layers.get(node.name, {}) if gradients else {}
        for name, array in weights.layers.get(node.name, {}).items():
            layer.add("blobs", blob_from_array(array, slopes.get(name)))
        layer.set("phase", state.phase.upper())
    return message
