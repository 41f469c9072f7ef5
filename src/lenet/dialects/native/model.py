"""Our own form of a model, a safetensors file: weights as its arrays, the description in its metadata.

Any reader of safetensors finds the weights under LAYER/PARAMETER; nothing in such a file can be run.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenet.deploy.description import described, net_of
from lenet.deploy.told import told_by, with_told
from lenet.deploy.use import complete
from lenet.errors import FileError, Notes, UsageError, Where
from lenet.formats.files import file_error, whole_file
from lenet.model import Model
from lenet.shapes import Array, Shape
from lenet.weights import Weights

__all__ = ["read_model", "write_model"]

VERSION = "1"
_NETWORK, _TOLD, _VERSION = "lenet.network", "lenet.told", "lenet.version"


def write_model(model: Model, path: Path, notes: Notes) -> list[Path]:
    """Write a network for use with its weights; the files written.

    Raises: DescriptionError for a layer that is none of the catalogue; FileError.
    """
    from safetensors.numpy import save

    arrays = {
        f"{layer}/{name}": _contiguous(array)
        for layer, parameters in model.weights.layers.items()
        for name, array in parameters.items()
    }
    metadata = {
        _VERSION: VERSION,
        _NETWORK: json.dumps(described(model.net)),
        _TOLD: told_by(model),
    }
    with whole_file(path) as file:
        file.write(save(arrays, metadata))
    return [path]


def _contiguous(array: Array) -> Array:
    import numpy as np

    return np.ascontiguousarray(array).reshape(array.shape)  # which makes an axis of none


def read_model(path: Path, notes: Notes, weights: Path | None = None, sample: Shape | None = None) -> Model:
    """The network of a file, with its weights.

    Raises: FileError for a damaged or another file; DescriptionError, WeightsError for what does not fit.
    """
    if weights is not None:
        raise UsageError(f"{path} holds its weights, {weights} is one file too many")
    where = Where(str(path))
    arrays, metadata = _content(path, where)
    if _NETWORK not in metadata:
        hint = "such files are written by lenet convert; others hold weights without their network"
        raise FileError("holds arrays without the description of a network", where, hint)
    if metadata.get(_VERSION) != VERSION:
        raise FileError(f"is of version {metadata.get(_VERSION)}, this reads version {VERSION}", where)
    try:
        found = json.loads(metadata[_NETWORK])
    except (ValueError, RecursionError) as error:
        raise FileError(f"the description of its network is damaged: {error}", where) from None
    net = net_of(found, where)
    named: dict[str, dict[str, Array]] = {}
    for node in net.nodes:  # a layer's name may hold a slash
        start = f"{node.name}/"
        own = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
        named[node.name] = {name: array for name, array in own.items() if "/" not in name}
    shapes = net.shapes()
    for node, known in zip(net.nodes, shapes, strict=True):
        named[node.name] = {key: named[node.name][key] for key in known.parameters if key in named[node.name]}
    model = Model(net, complete(net, Weights(named, where)))
    return replace(with_told(model, metadata.get(_TOLD, "{}"), where))


def _content(path: Path, where: Where) -> tuple[dict[str, Array], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb"):
            pass
        with safe_open(path, framework="numpy") as file:
            opened: Any = file
            return {key: opened.get_tensor(key) for key in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except OSError as error:
        raise file_error(error, path) from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"is no safetensors file, or a damaged one: {error}", where) from None
