"""Caffe's .solverstate, and the place in the data, which it does not hold, in a small file beside it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenet.checkpoint import Place, SolverState
from lenet.dialects.caffe.blobs import array_from_blob, blob_from_array
from lenet.dialects.caffe.schema import new_message, schema
from lenet.errors import FileError, Where
from lenet.formats.files import file_error, read_bytes, whole_file

PLACE_ENDING = ".place"
HDF5_ENDING = ".h5"


def read_state(path: str | Path) -> SolverState:
    """A solver's state, with its place in the data if the file for that lies beside it.

    Raises: FileError if a file cannot be read, is truncated, or is something else.
    """
    if str(path).endswith(HDF5_ENDING):
        from lenet.dialects.caffe.hdf5 import read_hdf5_state

        state = read_hdf5_state(path)
    else:
        state = _read_binary_state(path)
    place = _read_place(_place_path(path), path)
    return replace(state, place=place, where=Where(str(path)))


def _read_binary_state(path: str | Path) -> SolverState:
    from lenet.formats.protobuf import read_binary

    where = Where(str(path))
    message = read_binary(read_bytes(path), str(path), schema(), "SolverState")
    if not message.has("iter") or message.get("iter") < 0:
        hint = "give the .solverstate; weights alone go with --weights"
        raise FileError("this is no solver's state: it holds no iteration", where, hint)
    history = tuple(
        array_from_blob(blob, where, f"history {index}") for index, blob in enumerate(message.all("history"))
    )
    return SolverState(
        message.get("iter"), history, message.value("current_step"), message.get("learned_net", "")
    )


def write_state(path: str | Path, state: SolverState) -> None:
    """Write a solver's state and, beside it, its place in the data; each appears whole or not at all.

    Raises: FileError if a file cannot be written.
    """
    if str(path).endswith(HDF5_ENDING):
        from lenet.dialects.caffe.hdf5 import write_hdf5_state

        write_hdf5_state(path, state)
    else:
        _write_binary_state(path, state)
    place = _place_path(path)
    if state.place is not None:
        _write_place(place, state.place, _digest(path))
        return
    try:
        place.unlink(missing_ok=True)  # an older state's place must not stay beside this one
    except OSError as error:
        raise file_error(error, place) from None


def _write_binary_state(path: str | Path, state: SolverState) -> None:
    from lenet.formats.protobuf import write_binary

    message = new_message("SolverState")
    message.add("iter", state.iteration)
    message.add("learned_net", state.weights)
    for array in state.history:
        message.add("history", blob_from_array(array))
    message.add("current_step", state.stage)
    data = write_binary(message, schema())
    with whole_file(path) as file:
        file.write(data)


def _place_path(path: str | Path) -> Path:
    return Path(f"{path}{PLACE_ENDING}")


def _digest(path: str | Path) -> str:
    """What tells the state that a place belongs to from another one of the same name."""
    return hashlib.sha256(read_bytes(path)).hexdigest()


def _write_place(path: Path, place: Place, digest: str) -> None:
    content = {
        "sha256": digest,
        "update": place.update,
        "positions": place.positions,
        "losses": list(place.losses),
        "generators": {name: base64.b64encode(state).decode() for name, state in place.generators.items()},
    }
    with whole_file(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def _read_place(path: Path, state: str | Path) -> Place | None:
    if not path.exists():
        return None
    hint = "remove it to go on without: the data then starts at its first record, as in Caffe"
    try:
        content: Any = json.loads(read_bytes(path))
        generators = {
            name: base64.b64decode(text, validate=True) for name, text in content["generators"].items()
        }
        positions = {str(name): int(position) for name, position in content["positions"].items()}
        losses = tuple(float(loss) for loss in content["losses"])
        digest, update = content["sha256"], str(content.get("update", ""))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise FileError("the place in the data cannot be read", Where(str(path)), hint) from None
    if digest != _digest(state):
        reason = f"the place in the data belongs to another state than '{state}'"
        raise FileError(reason, Where(str(path)), hint)
    return Place(positions, generators, losses, update)
