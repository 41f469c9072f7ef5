"""The bytes of a model in each of Keras' forms, from its layers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from lenet.dialects.keras.weights import DESCRIPTION_SUFFIX, MODEL_WEIGHTS, WEIGHTS_SUFFIX, group_name
from lenet.dialects.keras.writing import Written, layers_from_model
from lenet.errors import Notes, UsageError, Where
from lenet.formats.files import files_together, whole_file
from lenet.formats.hdf5_library import write_tree
from lenet.formats.hdf5_tree import Tree, tree_of
from lenet.formats.keras_zip import CONFIG, METADATA, WEIGHTS, write_archive
from lenet.model import Model

VERSION = "3.8.0"  # the oldest Keras that reads what is written here


def write_file(model: Model, path: Path, notes: Notes) -> list[Path]:
    """Write a model in the form that the file's suffix asks for; the files written.

    Raises: UsageError for another suffix; else as :func:`lenet.dialects.keras.model.write_model`.
    """
    name = path.name.lower()
    pair = next((suffix for suffix in (DESCRIPTION_SUFFIX, WEIGHTS_SUFFIX) if name.endswith(suffix)), "")
    if not pair and not name.endswith((".keras", ".h5", ".hdf5")):
        hint = "give it one of .keras, .h5, .weights.h5, .json"
        raise UsageError("Keras has no form with this suffix", Where(str(path)), hint)
    with_weights = pair != DESCRIPTION_SUFFIX or bool(model.weights.layers)
    layers, outputs = layers_from_model(model, notes, with_weights)
    layers = in_keras_order(layers, outputs)
    description = describe(model.net.name or "model", layers, outputs)
    if pair:
        return _write_pair(path, pair, description, layers, with_weights)
    if name.endswith(".keras"):
        members = {METADATA: _json({"keras_version": VERSION}), CONFIG: _json(description)}
        write_archive(path, members | {WEIGHTS: write_tree(_numbered(layers))})
        return [path]
    data = write_tree(_named(layers, description))
    with whole_file(path) as file:
        file.write(data)
    return [path]


def _write_pair(
    path: Path, suffix: str, description: dict[str, Any], layers: list[Written], with_weights: bool
) -> list[Path]:
    """A description and its weights beside each other, both or none."""
    stem = path.name[: -len(suffix)]
    files = {f"{stem}{DESCRIPTION_SUFFIX}": _json(description | {"keras_version": VERSION, "backend": ""})}
    if with_weights:
        files[f"{stem}{WEIGHTS_SUFFIX}"] = write_tree(_numbered(layers))
    with files_together(path.parent) as folder:
        for name, data in files.items():
            (folder / name).write_bytes(data)
    return [path.with_name(name) for name in files]


def in_keras_order(layers: list[Written], outputs: list[str]) -> list[Written]:
    """The layers as Keras will count them, by which it finds their weights; those that nobody reads left out.

    Facts: the farthest from the outputs come first; among equals, those that a walk back from the outputs,
    first inputs first, meets first.
    """
    by_name = {layer.name: layer for layer in layers}
    met: dict[str, int] = {}
    waiting = list(reversed(outputs))
    while waiting:
        name = waiting.pop()
        if name not in met:
            met[name] = len(met)
            waiting += reversed(by_name[name].inputs)
    depths = dict.fromkeys(met, 0)
    for layer in reversed(layers):  # a layer stands behind all that it reads
        for name in layer.inputs if layer.name in met else ():
            depths[name] = max(depths[name], depths[layer.name] + 1)
    return [by_name[name] for name in sorted(met, key=lambda name: (-depths[name], met[name]))]


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def describe(name: str, layers: list[Written], outputs: list[str]) -> dict[str, Any]:
    """The model as Keras 3 says it: Sequential for a chain, else Functional."""
    before = [(), *((layer.name,) for layer in layers)]
    chain = all(layer.inputs == reads for reads, layer in zip(before, layers, strict=False))
    name = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in name)
    config: dict[str, Any] = {"name": name, "trainable": True}
    shape = [None, *layers[0].shape]
    if chain and outputs == [layers[-1].name]:
        whole = config | {"layers": [_layer(layer, layers) for layer in layers], "build_input_shape": shape}
        return {"module": "keras", "class_name": "Sequential", "config": whole, "registered_name": None}
    ends = [[name, 0, 0] for name in outputs]
    whole = config | {
        "layers": [_called(layer, layers) for layer in layers],
        "input_layers": [layers[0].name, 0, 0],
        "output_layers": ends[0] if len(ends) == 1 else ends,
    }
    module = "keras.src.models.functional"
    return {"module": module, "class_name": "Functional", "config": whole, "registered_name": "Functional"}


def _layer(layer: Written, layers: list[Written]) -> dict[str, Any]:
    config: dict[str, Any] = {"name": layer.name, "dtype": "float32"} | layer.config
    if layer.arrays:
        config["trainable"] = True
    if layer.type == "InputLayer":
        config = {"name": layer.name, "batch_shape": [None, *layer.shape], "dtype": "float32"}
    found = {"module": "keras.layers", "class_name": layer.type, "config": config, "registered_name": None}
    shapes = [[None, *other.shape] for other in layers if other.name in layer.inputs]
    if len(layer.inputs) == 1:
        found["build_config"] = {"input_shape": shapes[0]}
    return found


def _called(layer: Written, layers: list[Written]) -> dict[str, Any]:
    """A layer of a Functional model, with what it reads."""
    shapes = {other.name: [None, *other.shape] for other in layers}
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {"shape": shapes[name], "dtype": "float32", "keras_history": [name, 0, 0]},
        }
        for name in layer.inputs
    ]
    merging = len(tensors) > 1
    nodes: list[Any] = [{"args": [tensors] if merging else tensors, "kwargs": {}}] if tensors else []
    return _layer(layer, layers) | {"name": layer.name, "inbound_nodes": nodes}


def _numbered(layers: list[Written]) -> Tree:
    """Weights as Keras 3 keeps them: groups called after types and numbered in order."""
    seen: Counter[str] = Counter()
    groups = {}
    for layer in layers:
        name = group_name(layer.type)
        seen[name] += 1
        arrays = {str(place): array for place, array in enumerate(layer.arrays.values())}
        inner = Tree({"name": layer.name}, arrays)
        groups[name if seen[name] == 1 else f"{name}_{seen[name] - 1}"] = Tree(groups={"vars": inner})
    return Tree(groups={"layers": Tree(groups=groups), "vars": Tree()})


def _named(layers: list[Written], description: dict[str, Any]) -> Tree:
    """A whole model in HDF5: groups called after layers, and the description as an attribute."""
    kept = [layer for layer in layers if layer.type != "InputLayer"]
    groups = {}
    for layer in kept:
        paths = {f"{layer.name}/{name}": array for name, array in layer.arrays.items()}
        tree = tree_of(paths)
        tree.attributes["weight_names"] = list(paths)
        groups[layer.name] = tree
    groups["top_level_model_weights"] = Tree({"weight_names": []})
    about = {"keras_version": VERSION, "backend": "tensorflow"}
    top = Tree(about | {"layer_names": [layer.name for layer in kept]}, groups=groups)
    config = {"class_name": description["class_name"], "config": description["config"]}
    return Tree(about | {"model_config": json.dumps(config)}, groups={MODEL_WEIGHTS: top})
