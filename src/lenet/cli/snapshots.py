"""Snapshots: under which names they are saved, and how a run goes on from one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lenet.checkpoint import SolverState
from lenet.dialects.caffe.snapshots import learned_weights, prepare, write_snapshot
from lenet.dialects.caffe.weights import read_state, read_weights
from lenet.errors import Notes, UsageError
from lenet.job import Job
from lenet.results import Snapshot
from lenet.weights import Weights

if TYPE_CHECKING:
    from lenet.engine.snapshot import Checkpoint

__all__ = ["Start", "prepare", "read_start", "save"]


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


def save(checkpoint: Checkpoint) -> Snapshot:
    """Write the weights and the solver's state of a run under Caffe's names.

    Raises: FileError if they cannot be written; older snapshots stay whole.
    """
    job = checkpoint.job
    gradients = checkpoint.network.gradients() if job.outputs.gradients else None
    network = checkpoint.network
    return write_snapshot(job.outputs, network.net, checkpoint.state, network.weights(), gradients)
