"""Caffe's snapshots in HDF5: /data/<layer>/<index> for weights, /history/<index> for a solver's state."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lenet.checkpoint import SolverState
from lenet.errors import FileError, Where, need
from lenet.formats.files import read_bytes, whole_file
from lenet.net import Net, Node
from lenet.shapes import Array
from lenet.weights import Weights


def read_hdf5_weights(path: str | Path) -> Weights:
    """The weights in a .caffemodel.h5; its layers come in alphabetical order, their arrays by number.

    Raises: FileError if the file cannot be read or holds no weights; MissingExtra without h5py.
    """
    where = Where(str(path))
    weights = Weights(where=where)
    with _open(path) as file:
        data = file.get("data")
        if data is None or not hasattr(data, "items"):
            raise FileError(
                "holds no /data, so it is no weights of Caffe's", where, "those are in the .caffemodel.h5"
            )
        weights.layers.update(_layers(data, "", where))
    if not weights.count():
        raise FileError("holds no weights", where)
    return weights


def write_hdf5_weights(path: str | Path, net: Net, weights: Weights, gradients: Weights | None) -> None:
    """Write weights as Caffe does: a group for every layer, an empty one if all its arrays are shared.

    Raises: FileError if the file cannot be written; MissingExtra without h5py.
    """
    with _new(path) as file:
        for name, source in (("data", weights), ("diff", gradients)):
            if source is None:
                continue
            group, owned = file.create_group(name), set[str]()
            for node in net.nodes:
                layer = group.require_group(node.name)
                arrays = source.layers.get(node.name, {})
                if not _all_shared(node, len(arrays), owned):
                    _write_arrays(layer, list(arrays.values()))


def _layers(group: Any, prefix: str, where: Where) -> Iterator[tuple[str, dict[str, Array]]]:  # noqa: ANN401
    """The layers of a group; one with a slash in its name lies in a group of its own."""
    for key, item in group.items():
        name = prefix + key
        if not hasattr(item, "items"):
            raise FileError(f"/data/{name} is an array, a group for a layer is wanted", where)
        if all(inner.isdecimal() for inner in item):
            yield name, _numbered(item, where, f"/data/{name}")
        else:
            yield from _layers(item, f"{name}/", where)


def _all_shared(node: Node, count: int, owned: set[str]) -> bool:
    """Whether earlier layers own all parameters of this one."""
    names = [node.use(index).share for index in range(count)]
    shared = all(name in owned for name in names)
    owned.update(name for name in names if name)
    return shared


def _write_arrays(group: Any, arrays: list[Array]) -> None:  # noqa: ANN401
    for index, array in enumerate(arrays):
        group[str(index)] = np.asarray(array, np.float32)


def read_hdf5_state(path: str | Path) -> SolverState:
    """A solver's state from a .solverstate.h5, without its place.

    Raises: FileError if the file cannot be read or is no such state; MissingExtra without h5py.
    """
    where = Where(str(path))
    with _open(path) as file:
        missing = [name for name in ("iter", "history") if name not in file]
        if missing:
            raise FileError(
                f"holds no /{missing[0]}, so it is no solver's state", where, "it is in the .solverstate.h5"
            )
        history = _numbered(file["history"], where, "/history")
        return SolverState(
            _whole_number(file["iter"], where),
            tuple(history.values()),
            _whole_number(file["current_step"], where) if "current_step" in file else 0,
            _string(file["learned_net"]) if "learned_net" in file else "",
        )


def write_hdf5_state(path: str | Path, state: SolverState) -> None:
    """Write a solver's state as Caffe does.

    Raises: FileError if the file cannot be written; MissingExtra without h5py.
    """
    with _new(path) as file:
        for name, number in (("iter", state.iteration), ("current_step", state.stage)):
            file[name] = np.array([number], "<i4")
        name_bytes = state.weights.encode()
        file["learned_net"] = np.array(name_bytes, f"S{len(name_bytes) + 1}")
        _write_arrays(file.create_group("history"), list(state.history))


def _numbered(group: Any, where: Where, name: str) -> dict[str, Array]:  # noqa: ANN401
    """The arrays of a group in the order of their numbers."""
    if not hasattr(group, "items") or not all(key.isdecimal() for key in group):
        raise FileError(f"{name} is not a group of numbered arrays", where)
    return {key: _array(group[key], where, f"{name}/{key}") for key in sorted(group, key=int)}


def _array(data: Any, where: Where, name: str) -> Array:  # noqa: ANN401
    shape = getattr(data, "shape", None)
    if shape is None or data.dtype.kind not in "fiu":
        raise FileError(f"{name} is not an array of numbers", where)
    if data.chunks is None and data.id.get_storage_size() < data.nbytes:
        reason = f"{name} has {data.id.get_storage_size()} bytes, its shape needs {data.nbytes}"
        raise FileError(reason, where, "was the file written to its end?")
    return np.asarray(data[()])


def _whole_number(data: Any, where: Where) -> int:  # noqa: ANN401
    value = np.asarray(data[()]).reshape(-1)
    if value.size != 1 or value.dtype.kind not in "iu":
        raise FileError(f"{data.name} is not a whole number", where)
    return int(value[0])


def _string(data: Any) -> str:  # noqa: ANN401
    value = data[()]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@contextmanager
def _open(path: str | Path) -> Iterator[Any]:
    h5py = _h5py("reading an HDF5 file")
    where = Where(str(path))
    data = read_bytes(path)
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:
        hint = "was a download or copy broken off? Is it HDF5 at all?"
        raise FileError(f"this is no whole HDF5 file: {error}", where, hint) from None


@contextmanager
def _new(path: str | Path) -> Iterator[Any]:
    h5py = _h5py("writing an HDF5 file")
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        yield file
    with whole_file(path) as target:
        target.write(memory.getbuffer())


def _h5py(purpose: str) -> Any:  # noqa: ANN401
    try:
        import h5py
    except ImportError:
        raise need("h5py", "hdf5", purpose) from None
    return h5py
