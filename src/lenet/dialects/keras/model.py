"""Whole files of Keras': a model for use, read from any of their forms and written in four of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lenet.deploy.equivalents import expressed
from lenet.dialects.keras.contents import content_of, object_from, tree_from
from lenet.dialects.keras.description import graph_from
from lenet.dialects.keras.net import net_from_graph
from lenet.dialects.keras.weights import (
    DESCRIPTION_SUFFIX,
    LAYER_GROUPS,
    MODEL_WEIGHTS,
    WEIGHTS_SUFFIX,
    arrays_from,
    tree_in,
)
from lenet.errors import FileError, Notes, Where
from lenet.formats.files import read_bytes
from lenet.formats.hdf5_tree import Tree
from lenet.formats.keras_zip import CONFIG, METADATA, WEIGHTS, read_archive
from lenet.layers.affine import Scale
from lenet.layers.arithmetic import Power
from lenet.layers.layer import Input
from lenet.model import Channels, Model, Preprocessing
from lenet.net import Net
from lenet.shapes import Shape
from lenet.weights import Weights

__all__ = ["Source", "read_model", "source_in", "write_model"]

_CHANNELS: dict[int, Channels] = {1: "grey", 3: "rgb"}


@dataclass
class Source:
    """What a file holds, as plain values: the model's JSON, weights, compile settings, who wrote it."""

    description: dict[str, Any]
    tree: Tree | None
    training: dict[str, Any] | None
    version: str
    backend: str


def read_model(path: Path, notes: Notes, weights: Path | None = None, sample: Shape | None = None) -> Model:
    """The model in a `.keras`, `.h5` or `.json` file; `weights` are taken from another file where given.

    `sample` is the shape of a sample, channels first, where the file leaves sizes open.

    Raises: FileError if a file cannot be read, is truncated or not safe; DescriptionError for a layer that
    cannot be said, by name; WeightsError where weights do not fit; MissingExtra without h5py.
    """
    path, weights = _pair(Path(path), weights, notes)
    where, source = Where(str(path)), source_in(path)
    graph = graph_from(source.description, where, source.version)
    tree = tree_in(Path(weights)) if weights is not None else source.tree
    place = Where(str(weights)) if weights is not None else where
    arrays = None if tree is None else arrays_from(tree, graph, place)
    if tree is None:
        notes.inform("this describes a model and holds no weights", where)
    backend = tree.string("backend") or source.backend if tree else source.backend
    if backend == "theano":
        notes.inform("written with Theano: kernels are mirrored", where)
    net, found = net_from_graph(graph, arrays, where, place, notes, backend == "theano", sample)
    net = replace(net, where=where)
    net, found, preprocessing = _without_rescaling(net, found)
    notes.check()
    return Model(net, found, preprocessing, dialect="keras", version=source.version)


def _pair(path: Path, weights: Path | None, notes: Notes) -> tuple[Path, Path | None]:
    """A description and its weights, where one of them lies beside the file that was asked for."""
    name = path.name.lower()
    if weights is None and name.endswith(DESCRIPTION_SUFFIX):
        beside = path.with_name(path.name[: -len(DESCRIPTION_SUFFIX)] + WEIGHTS_SUFFIX)
        if beside.is_file():
            notes.inform(f"the weights are those of {beside.name} beside it", Where(str(path)))
            return path, beside
    if weights is None and name.endswith(WEIGHTS_SUFFIX):
        beside = path.with_name(path.name[: -len(WEIGHTS_SUFFIX)] + DESCRIPTION_SUFFIX)
        if beside.is_file():
            notes.inform(f"the description is {beside.name} beside it", Where(str(path)))
            return beside, path
    return path, weights


def source_in(path: Path) -> Source:
    """The parts of a file that describes a model.

    Raises: FileError if it cannot be read, is truncated, or describes none.
    """
    where, content = Where(str(path)), content_of(path)
    if content == "archive":
        return _from_archive(read_archive(path), where)
    if content == "model":
        return _from_tree(tree_from(read_bytes(path), where), where)
    if content == "weights":
        hint = "give the model's .json or .keras file, and this one as its weights"
        raise FileError("holds weights and no description of the model", where, hint)
    if content is None and not path.name.lower().endswith(".json"):
        raise FileError("this is no whole file of Keras'", where, "was a download or copy broken off?")
    description = object_from(read_bytes(path), where, "the file")
    return Source(
        description,
        None,
        None,
        str(description.get("keras_version", "")),
        str(description.get("backend", "")),
    )


def _from_archive(members: dict[str, bytes], where: Where) -> Source:
    if CONFIG not in members:
        raise FileError(f"has no member {CONFIG}, so it is no model", where)
    description = object_from(members[CONFIG], where, CONFIG)
    about = object_from(members[METADATA], where, METADATA) if METADATA in members else {}
    compiled = description.get("compile_config")
    return Source(
        description,
        tree_from(members[WEIGHTS], where) if WEIGHTS in members else None,
        compiled if isinstance(compiled, dict) and compiled else None,
        str(about.get("keras_version", "3")),
        "",
    )


def _from_tree(tree: Tree, where: Where) -> Source:
    text = tree.string("model_config")
    if text is None:
        raise FileError("model_config is not a text", where)
    top = tree.groups.get(MODEL_WEIGHTS, tree)
    compiled = tree.string("training_config")
    has_weights = top is not tree or top.strings("layer_names") or any(n in tree.groups for n in LAYER_GROUPS)
    return Source(
        object_from(text, where, "model_config"),
        tree if has_weights else None,
        object_from(compiled, where, "training_config") if compiled else None,
        tree.string("keras_version") or top.string("keras_version") or "1",
        tree.string("backend") or top.string("backend") or "",
    )


def _without_rescaling(net: Net, weights: Weights) -> tuple[Net, Weights, Preprocessing | None]:
    """A network of images that begins with a rescaling, as one without it and how to prepare images."""
    first, *rest = net.nodes
    readers = [node for node in rest if first.outputs[0] in node.inputs]
    if not isinstance(first.kind, Input) or len(readers) != 1 or len(readers[0].inputs) != 1 or len(rest) < 2:
        return net, weights, None
    shape, scaling = first.kind.shapes[0], readers[0]
    found = _preprocessing(scaling.kind, weights.layers.get(scaling.name, {}))
    if found is None or len(shape) != 4 or shape[1] not in _CHANNELS:
        return net, weights, None
    nodes = [
        replace(node, inputs=tuple(first.outputs[0] if b == scaling.outputs[0] else b for b in node.inputs))
        for node in rest
        if node is not scaling
    ]
    layers = {name: arrays for name, arrays in weights.layers.items() if name != scaling.name}
    preprocessing = replace(found, channels=_CHANNELS[shape[1]], size=(shape[2], shape[3]))
    return replace(net, nodes=(first, *nodes)), Weights(layers, weights.where), preprocessing


def _preprocessing(kind: object, arrays: dict[str, Any]) -> Preprocessing | None:
    if isinstance(kind, Power) and kind.power == 1 and kind.scale:
        return Preprocessing(scale=kind.scale, bias=kind.shift)
    if isinstance(kind, Scale) and arrays and kind.bias:
        scale = float(arrays["weight"][0])
        if scale and (arrays["weight"] == arrays["weight"][0]).all():
            return Preprocessing(scale=scale, mean=tuple(-float(n) / scale for n in arrays["bias"]))
    return None


def write_model(model: Model, path: Path, notes: Notes) -> list[Path]:
    """Write a model as `.keras`, `.h5`, `.weights.h5` or `.json`, by the suffix; the files written.

    Images have their channels last in the file, as Keras has them.  A `.json` has its `.weights.h5` beside it
    and the other way round, a `.json` without weights stands alone.

    Raises: DescriptionError for a layer that Keras cannot say, by name; WeightsError if it has no weights
    and the file is to hold them; FileError if it cannot be written; MissingExtra without h5py.
    """
    from lenet.dialects.keras.files import write_file
    from lenet.dialects.keras.layers_written import WRITERS

    said = expressed(model, lambda kind: type(kind) in WRITERS)
    return write_file(said, Path(path), notes)
