"""The arrays of every layer, by its path in the model, from each form in which Keras keeps weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lenet.dialects.keras.building import OTHER_MODEL
from lenet.dialects.keras.contents import content_of, tree_from
from lenet.dialects.keras.description import Graph, LayerText
from lenet.dialects.keras.layers import SPELLINGS
from lenet.errors import FileError, WeightsError, Where
from lenet.formats.files import read_bytes
from lenet.formats.hdf5_tree import Tree
from lenet.formats.keras_zip import WEIGHTS, read_archive
from lenet.shapes import Array

Arrays = dict[str, list[Array]]  # path of a layer, "outer/inner" -> its arrays in Keras' order

LAYER_GROUPS = ("layers", "_layer_checkpoint_dependencies")  # Keras 3; the first files of this form
MODEL_WEIGHTS = "model_weights"
DESCRIPTION_SUFFIX, WEIGHTS_SUFFIX = ".json", ".weights.h5"


def group_name(type: str) -> str:
    """The name of a layer's group: its type in small letters, words apart.

    >>> group_name("Conv2DTranspose"), group_name("PReLU"), group_name("BatchNormalization")
    ('conv2d_transpose', 'p_re_lu', 'batch_normalization')
    """
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def tree_in(path: Path) -> Tree:
    """The groups of a file that holds weights: `.weights.h5`, `.h5` or `.keras`.

    Raises: FileError if it holds none.
    """
    where, content = Where(str(path)), content_of(path)
    if content == "archive":
        members = read_archive(path)
        if WEIGHTS not in members:
            raise FileError(f"has no member {WEIGHTS}, so it holds no weights", where)
        return tree_from(members[WEIGHTS], where)
    if content in ("model", "weights"):
        return tree_from(read_bytes(path), where)
    raise FileError(
        "holds no weights of Keras'", where, "the weights are in a .weights.h5, .h5 or .keras file"
    )


def arrays_from(tree: Tree, graph: Graph, where: Where) -> Arrays:
    """The arrays of every layer of a model.

    Raises: WeightsError where they are those of another model.
    """
    found: Arrays = {}
    top = tree.groups.get(MODEL_WEIGHTS, tree)
    names = top.strings("layer_names")
    if names is not None:
        _named(top, names, graph, found, where)
        return found
    if not any(name in tree.groups for name in LAYER_GROUPS):
        raise FileError("holds no layers", where, "is it a file of Keras' at all?")
    _numbered(tree, graph, "", found, where)
    return found


def _numbered(tree: Tree, graph: Graph, prefix: str, found: Arrays, where: Where) -> None:
    """Keras 3: groups called after types, numbered in the order of the layers."""
    layers = next((tree.groups[name] for name in LAYER_GROUPS if name in tree.groups), Tree())
    seen: Counter[str] = Counter()
    for layer in graph.layers:
        name = group_name("Functional" if layer.type == "Model" else layer.type)
        seen[name] += 1
        group = layers.groups.get(name if seen[name] == 1 else f"{name}_{seen[name] - 1}")
        path = f"{prefix}{layer.name}"
        if layer.part:
            _numbered(group or Tree(), layer.part, f"{path}/", found, where)
        else:
            arrays = group.groups["vars"].arrays if group and "vars" in group.groups else {}
            if not all(key.isdecimal() for key in arrays):
                raise WeightsError(f"layer '{path}' holds arrays without numbers", where)
            found[path] = [arrays[key] for key in sorted(arrays, key=int)]
        _check_there(layer, found.get(path, []), path, where)


def _check_there(layer: LayerText, arrays: list[Array], path: str, where: Where) -> None:
    learned, gathered = _kept(layer)
    if layer.part is None and learned + gathered and not arrays:
        label = f"layer '{path}' ({layer.type})"
        raise WeightsError(f"{label} has no weights in this file", where, OTHER_MODEL)


def _kept(layer: LayerText) -> tuple[int, int]:
    spelling = SPELLINGS.get(layer.type)
    return spelling.kept(layer.config) if spelling else (0, 0)


def _named(top: Tree, names: list[str], graph: Graph, found: Arrays, where: Where) -> None:
    """Keras 1, 2 and 3 in `.h5`: groups called after layers, each with the names of its arrays in order."""
    stored = {name: _stored(top, name, where) for name in names}
    wanted = [layer for layer in graph.layers if any(map(_any_kept, _leaves(layer)))]
    filled = [name for name in names if stored[name]]
    groups = {layer.name: layer.name for layer in wanted}
    if not set(groups) <= set(filled):  # names are given by counting, so a model made anew has others
        if len(filled) != len(wanted):
            counts = f"{len(filled)} layers have weights in this file, {len(wanted)} in the model"
            raise WeightsError(counts, where, OTHER_MODEL)
        groups = {layer.name: name for layer, name in zip(wanted, filled, strict=True)}
    for layer in wanted:
        arrays = stored[groups[layer.name]]
        if layer.part:
            _shared_out(layer, arrays, found, where)
        else:
            found[layer.name] = arrays


def _stored(top: Tree, name: str, where: Where) -> list[Array]:
    group = top.groups
    here: Tree | None = None
    for part in name.split("/"):
        here = group.get(part)
        group = here.groups if here else {}
    if here is None:
        raise FileError(f"names a layer '{name}', of which it has no group", where, "is the file whole?")
    arrays = []
    for path in here.strings("weight_names") or []:
        array = here.find(path)
        if array is None:
            raise FileError(f"layer '{name}' names an array '{path}', which is not there", where)
        arrays.append(array)
    return arrays


def _any_kept(leaf: tuple[str, LayerText, bool]) -> bool:
    return sum(_kept(leaf[1])) > 0


def _leaves(
    layer: LayerText, prefix: str = "", frozen: bool = False
) -> Iterator[tuple[str, LayerText, bool]]:
    """The layers within a layer, with their paths, and whether they are frozen; itself if it is no model."""
    path, frozen = f"{prefix}{layer.name}", frozen or layer.frozen
    if layer.part is None:
        yield path, layer, frozen
        return
    for inner in layer.part.layers:
        yield from _leaves(inner, f"{path}/", frozen)


def _shared_out(layer: LayerText, arrays: list[Array], found: Arrays, where: Where) -> None:
    """The arrays of a model within the model: all that are learned come first, then all that are not."""
    leaves = list(_leaves(layer))
    counts = {path: _kept(leaf) for path, leaf, _ in leaves}
    if sum(map(sum, counts.values())) != len(arrays):
        total = sum(map(sum, counts.values()))
        message = f"model '{layer.name}' holds {len(arrays)} arrays, its layers want {total}"
        raise WeightsError(message, where, OTHER_MODEL)
    waiting = iter(arrays)
    for path, _, frozen in leaves:
        found[path] = [] if frozen else [next(waiting) for _ in range(counts[path][0])]
    for path, _, frozen in leaves:
        found[path] += [next(waiting) for _ in range(sum(counts[path]) if frozen else counts[path][1])]
