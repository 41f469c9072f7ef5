"""One run of a sweep, in a process of its own: `lenet sweep --job FOLDER`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import signals
from lenet.cli.arguments import device_of
from lenet.cli.messages import telling
from lenet.cli.train import Options
from lenet.dialects.eblearn.metarun import JobFolder, open_experiment
from lenet.dialects.eblearn.progress import Reached
from lenet.dialects.eblearn.solver import Training, read_training, start_weights
from lenet.dialects.eblearn.state import read_state, state_name
from lenet.dialects.eblearn.weights import read_weights
from lenet.errors import LenetError, Notes, UsageError, Where
from lenet.formats.conf import read_conf
from lenet.formats.conf_resolve import shell_output
from lenet.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lenet.checkpoint import EpochState


def run_job(folder: Path, device: str = "", allow_shell: bool = False) -> int:
    """Train a run to its end, or go on with it where its `progress` says; the result is the exit code.

    Its log goes to stdout; weights, `progress` and `finished` go into its folder.  Ctrl-C saves the
    weights and leaves it unfinished.

    Raises: LenetError; UsageError if the folder is no run's.
    """
    from lenet.cli.epoch_session import EpochSession

    job = JobFolder(folder.absolute())
    if not job.conf.is_file():
        raise UsageError(f"this is no run of a sweep: it has no '{job.conf.name}'", Where(str(folder)))
    print(job.head(), flush=True)
    with telling() as notes:
        training, weights, state = _read(job, allow_shell, notes)
    if device:
        kind, index = device_of(device)
        training = replace(training, job=replace(training.job, device=kind, device_index=index))
    options = Options(file=str(job.conf), log_style="eblearn", runs="", folder=str(job.path))
    with ExitStack() as stack:
        session = EpochSession(training, weights, options, (), state)
        stack.callback(session.close)
        session.announce()
        with signals.Signals() as requests:
            session.run(requests.poll)
    return 0


def _read(
    job: JobFolder, allow_shell: bool, notes: Notes
) -> tuple[Training, Sequence[Weights], EpochState | None]:
    """What the run trains, and from which weights or state; files are sought where the sweep was started."""
    origin = open_experiment(job.path.parent).origin
    conf = read_conf(job.conf, notes)
    if origin:
        conf.file = origin.file
        if Path(origin.folder).is_dir():
            os.chdir(origin.folder)
    training = read_training(conf, notes, run_shell=shell_output if allow_shell else None)
    reached, state = job.reached(), _state(job, training, notes)
    if reached and not reached.finished and state:
        return training, (), state
    path = job.path / reached.weights if reached and reached.weights else None
    if reached is None or path is None or not path.is_file():
        return training, start_weights(training, notes), None
    return _going_on(training, reached), (read_weights((str(path),), training.layout),), None


def _state(job: JobFolder, training: Training, notes: Notes) -> EpochState | None:
    """What the run wrote last to go on from; None, with a note, if it cannot be used."""
    path = job.path / state_name(training.job.outputs.prefix)
    if not path.is_file():
        return None
    try:
        state = read_state(path)
    except LenetError as error:
        notes.warn(f"{error.message}: the run goes on from its last weights", error.where)
        return None
    return state if Path(state.weights).is_file() else None


def _going_on(training: Training, reached: Reached) -> Training:
    """The same training, from a later epoch on."""
    epochs = training.job.epochs
    if epochs is not None:
        epochs = replace(epochs, first=reached.epoch)
    return replace(training, job=replace(training.job, epochs=epochs, weights=()))
