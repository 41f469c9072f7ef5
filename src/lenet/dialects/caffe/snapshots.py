"""Caffe's snapshots: under which names weights and state are written, and which weights a state names."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from lenet.checkpoint import SolverState
from lenet.dialects.caffe.weights import write_state, write_weights
from lenet.errors import FileError, Where
from lenet.formats.files import files_together
from lenet.job import Outputs
from lenet.net import Net
from lenet.results import Snapshot
from lenet.weights import Weights


def learned_weights(state: SolverState, snapshot: str) -> str:
    """The weights that belong to a state: where it says, or beside it.

    Raises: FileError if they are in neither place.
    """
    if not state.weights:
        raise FileError("names no weights to go on with", Where(snapshot))
    beside = Path(snapshot).parent / Path(state.weights).name
    for path in (Path(state.weights), beside):
        if path.is_file():
            return str(path)
    raise FileError(
        f"its weights '{state.weights}' are neither where it says nor beside it",
        Where(snapshot),
        f"put {beside.name} beside {Path(snapshot).name}",
    )


def write_snapshot(
    outputs: Outputs, net: Net, state: SolverState, weights: Weights, gradients: Weights | None = None
) -> Snapshot:
    """Write the weights and the solver's state of a run under Caffe's names.

    Raises: FileError if they cannot be written; older snapshots stay whole.
    """
    ending = ".h5" if outputs.form == "hdf5" else ""
    stem = f"{outputs.prefix}_iter_{state.iteration}"
    weights_path, state_path = f"{stem}.caffemodel{ending}", f"{stem}.solverstate{ending}"
    with files_together(Path(weights_path).parent) as folder:
        write_weights(folder / Path(weights_path).name, net, weights, gradients)
        write_state(folder / Path(state_path).name, replace(state, weights=weights_path))
    return Snapshot(state.iteration, weights_path, state_path)


def prepare(outputs: Outputs) -> None:
    """Make sure that snapshots can be written, before hours are spent on what they hold.

    Raises: FileError that names the folder.
    """
    folder = Path(outputs.prefix).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise _unwritable(folder, "this is a file, not a folder") from None
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "no permission to write")


def _unwritable(folder: Path, reason: str) -> FileError:
    return FileError(
        f"snapshots cannot be written there: {reason}",
        Where(str(folder)),
        "choose another place, such as --set snapshot_prefix=out/lenet",
    )
