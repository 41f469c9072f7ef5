"""Snapshots: under which names they are saved, and how a run goes on from one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.checkpoint import SolverState
from lenet.dialects.caffe.snapshots import learned_weights, write_snapshot
from lenet.dialects.caffe.weights import read_state, read_weights
from lenet.errors import FileError, Notes, UsageError, Where
from lenet.job import Job, Outputs
from lenet.results import Snapshot
from lenet.weights import Weights

if TYPE_CHECKING:
    from lenet.engine.train import Checkpoint


@dataclass(frozen=True)
class Start:
    """What training starts from: weights, the later winning by layer name, and a solver's state."""

    weights: tuple[Weights, ...] = ()
    state: SolverState | None = None


def read_start(weights: str, snapshot: str, job: Job, notes: Notes) -> Start:
    """What the command line asks to start from, or else the job's own weights.

    `weights` is a list separated by commas.

    Raises: UsageError if both are given, FileError for what cannot be read.
    """
    if weights and snapshot:
        raise UsageError(
            "--snapshot and --weights exclude each other",
            hint="--snapshot goes on with a run, --weights starts a new one from trained weights",
        )
    if snapshot:
        state = read_state(snapshot)
        return Start((read_weights(learned_weights(state, snapshot), notes),), state)
    paths = weights.split(",") if weights else job.weights
    return Start(tuple(read_weights(path.strip(), notes) for path in paths))


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


def save(checkpoint: Checkpoint) -> Snapshot:
    """Write the weights and the solver's state of a run under Caffe's names.

    Raises: FileError if they cannot be written; older snapshots stay whole.
    """
    job = checkpoint.job
    gradients = checkpoint.network.gradients() if job.outputs.gradients else None
    network = checkpoint.network
    return write_snapshot(job.outputs, network.net, checkpoint.state, network.weights(), gradients)
