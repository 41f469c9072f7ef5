"""How a job trains, as a table: update rule, rate, tests, snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from lenet.job import Job
from lenet.report.table import Table


def settings_table(job: Job) -> Table:
    """One row per setting that matters to the job."""
    return Table(("setting", "value"), tuple(_rows(job)), align="ll")


def _rows(job: Job) -> Iterator[tuple[str, str]]:
    solver, schedule = job.solver, job.schedule
    yield "update", _described(solver.update)
    yield "rate", _described(solver.rate)
    if solver.iterations:
        first, last = solver.rate(0), solver.rate(solver.iterations)
        yield "", f"{first:g} at iteration 0, {last:g} at iteration {solver.iterations:,}"
    if solver.weight_decay:
        yield "weight decay", f"{solver.weight_decay:g} ({solver.regularization})"
    if solver.clip is not None:
        yield "gradients clipped to", f"{solver.clip:g} (L2 norm)"
    if solver.accumulate > 1:
        yield "gradients summed over", f"{solver.accumulate} batches an iteration"
    if job.epochs:
        yield "epochs", f"{job.epochs.first:,} to {job.epochs.number:,}, one sample at a time"
        yield "order of samples", _described(job.epochs.picking)
    else:
        yield "iterations", f"{solver.iterations:,}"
    yield "seed", "a new one each run" if solver.seed is None else str(solver.seed)
    for index, test in enumerate(job.tests):
        if job.epochs:
            yield f"test {test.name}".rstrip(), "before the first and after each epoch"
            continue
        start = "before the first, then every" if schedule.test_first else "every"
        yield (
            f"test{f' {index}' * (len(job.tests) > 1)}",
            f"{start} {schedule.test:,} iterations, {test.batches:,} batches",
        )
    if not job.epochs:
        yield "shown", _every(schedule.display)
        yield "snapshot", _snapshot(job)
    if job.weights:
        yield "starts from", ", ".join(job.weights)
    yield "device", _device(job)


def _device(job: Job) -> str:
    """What it runs on; with the precision, if that is another than usual."""
    device = job.device + (f":{job.device_index}" if job.device == "gpu" else "")
    return device if job.precision == "float32" else f"{device}, {job.precision}"


def _snapshot(job: Job) -> str:
    """When snapshots are taken, and under which names."""
    last = "after the last" if job.schedule.snapshot_last else ""
    regular = _every(job.schedule.snapshot) if job.schedule.snapshot else ""
    when = " and ".join(filter(None, (regular, last)))
    ending = ".caffemodel.h5" if job.outputs.form == "hdf5" else ".caffemodel"
    return f"{when}: {job.outputs.prefix}_iter_N{ending}" if when else "never"


def _every(number: int) -> str:
    return f"every {number:,} iterations" if number else "never"


def _described(thing: Any) -> str:  # noqa: ANN401
    """A rule of the catalogues with its settings.

    >>> from lenet.solvers.rate import Inverse
    >>> _described(Inverse(0.01, gamma=0.0001, power=0.75))
    'Inverse, base 0.01, gamma 0.0001, power 0.75'
    """
    settings = [f"{field.name} {_value(getattr(thing, field.name))}" for field in fields(thing)]
    return ", ".join([type(thing).__name__, *settings])


def _value(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, tuple):
        return " ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, int | float) else str(value)
