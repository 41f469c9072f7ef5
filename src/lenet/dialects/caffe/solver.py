"""Caffe's solvers: a SolverParameter to a job and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lenet.dialects.caffe.contents import read_message
from lenet.dialects.caffe.net import message_from_net
from lenet.dialects.caffe.places import locate
from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.solver_nets import SolverNets
from lenet.dialects.caffe.solver_rows import (
    DEVICE_ROWS,
    OUTPUT_ROWS,
    SCHEDULE_ROWS,
    SOLVER_ROWS,
    rate_from_message,
    read_rows,
    update_from_message,
    write_rate,
    write_rows,
    write_update,
)
from lenet.dialects.caffe.solver_settings import apply_settings
from lenet.dialects.caffe.states import message_from_state
from lenet.dialects.caffe.upgrade import upgrade_solver
from lenet.errors import LenetError, Notes, SeveralErrors
from lenet.formats.message import Message
from lenet.job import Job, Outputs, Schedule, Solver, Test
from lenet.net import Net, State

__all__ = ["job_from_message", "message_from_job", "read_solver"]


def read_solver(path: str | Path, notes: Notes, settings: Sequence[tuple[str, str]] = ()) -> Job:
    """Read a solver and the networks that it names as a job.

    `settings` are keys with values, as the file itself would word them, that take the place of the
    file's own.

    Raises: FileError, or DescriptionError or SeveralErrors with everything that is wrong.
    """
    message = read_message(path, "SolverParameter", notes)
    apply_settings(message, settings, notes)
    notes.check()
    job = job_from_message(upgrade_solver(message, notes), notes)
    notes.check()
    return job


def job_from_message(message: Message, notes: Notes) -> Job:
    """The job that an upgraded SolverParameter describes.

    Raises: LenetError with everything that is wrong.
    """
    nets = _nets(message, notes)
    rate, update = rate_from_message(message, notes), update_from_message(message, notes)
    settings, schedule = (read_rows(rows, message, notes) for rows in (SOLVER_ROWS, SCHEDULE_ROWS))
    outputs, device = (read_rows(rows, message, notes) for rows in (OUTPUT_ROWS, DEVICE_ROWS))
    outputs["prefix"] = snapshot_prefix(message)
    notes.check()
    return Job(
        *nets[:2],
        Solver(update, rate, **settings),
        nets[2],
        Schedule(**schedule),
        Outputs(**outputs),
        _weights(message, notes),
        **device,
        where=message.where,
    )


def _nets(message: Message, notes: Notes) -> tuple[Net, State, tuple[Test, ...]]:
    """The network to train, its state, the tests; with an error, which is recorded, none."""
    nets = SolverNets(message, notes)
    try:
        return (*nets.train(), nets.tests())
    except LenetError as error:
        if not isinstance(error, SeveralErrors) and error not in notes.errors:
            notes.error(error)  # several errors are those in the notes
        return Net(), State("train"), ()


def snapshot_prefix(message: Message) -> str:
    """Where snapshots go: as given; in a folder, or not given, under the solver's own name."""
    solver = Path(message.where.file or "solver").with_suffix("")
    prefix = message.get("snapshot_prefix", "")
    if not prefix:
        return str(solver)
    return str(Path(prefix) / solver.name) if Path(prefix).is_dir() else str(prefix)


def _weights(message: Message, notes: Notes) -> tuple[str, ...]:
    return tuple(
        locate(path.strip(), entry.where, notes) or path.strip()
        for entry in message.entries_of("weights")
        for path in str(entry.value).split(",")
        if path.strip()
    )


def message_from_job(job: Job, notes: Notes | None = None) -> Message:
    """The job as a SolverParameter, without what are Caffe's own defaults.

    A network that was read from a file is named, any other is written inline.

    Raises: DescriptionError for what Caffe has no words for.
    """
    notes = notes if notes is not None else Notes()
    message = new_message("SolverParameter")
    shared = all(test.net == job.net for test in job.tests)
    _write_net(message, "net" if shared else "train_net", job.net, job, notes)
    write_rate(job.solver.rate, message, notes)
    write_update(job.solver.update, message)
    write_rows(SOLVER_ROWS, job.solver, message)
    write_rows(SCHEDULE_ROWS, job.schedule, message)
    write_rows(OUTPUT_ROWS, job.outputs, message)
    write_rows(DEVICE_ROWS, job, message)
    if job.state != State("train"):
        message.add("train_state", message_from_state(job.state, "train"))
    _write_tests(message, job, shared, notes)
    for path in job.weights:
        message.add("weights", path)
    return message


def _write_tests(message: Message, job: Job, shared: bool, notes: Notes) -> None:
    staged = any(test.state != State("test") for test in job.tests)
    for test in _in_caffes_order(job.tests, job):
        if not shared:
            _write_net(message, "test_net", test.net, job, notes)
        message.add("test_iter", test.batches)
        if staged:
            message.add("test_state", message_from_state(test.state, "test"))


def _in_caffes_order(tests: Sequence[Test], job: Job) -> list[Test]:
    """Inline nets before named ones, which is how Caffe numbers them."""
    return sorted(tests, key=lambda test: bool(_file_of(test.net, job)))


def _write_net(message: Message, field: str, net: Net, job: Job, notes: Notes) -> None:
    file = _file_of(net, job)
    if file:
        message.add(field, file)
    else:
        message.add(f"{field}_param", message_from_net(net, notes))


def _file_of(net: Net, job: Job) -> str:
    """The file that holds a network alone; "" if it stands in the solver or nowhere."""
    return net.where.file if net.where.file != job.where.file else ""
