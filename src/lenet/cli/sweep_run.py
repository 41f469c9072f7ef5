"""A sweep from its beginning to its results."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from lenet.cli import signals
from lenet.cli.messages import telling
from lenet.cli.sweep_display import Lines, MetarunLines
from lenet.cli.sweep_plan import Request, earlier_experiment, meta_conf, meta_values, new_experiment
from lenet.cli.sweep_pool import Limits, Pool
from lenet.dialects.eblearn import metarun_words
from lenet.dialects.eblearn.grid import Grid
from lenet.dialects.eblearn.metarun import Experiment
from lenet.errors import DescriptionError, Notes, TrainingError, UsageError
from lenet.formats.conf_values import Values
from lenet.process import cores

STOPPED = 0  # the exit code of a sweep that was stopped: as of a training, all is saved to go on with it
_EFFECTS: dict[str, signals.Effect] = {"SIGINT": "stop", "SIGTERM": "stop", "SIGHUP": "stop"}
_TIMEOUT, _WATCH, _DRAWN = 3600.0, 30.0, 1.0  # seconds


def sweep(request: Request) -> int:
    """Make or find the experiment, run what is not finished of it, tell how it came out.

    Raises: LenetError for everything that is wrong with what is asked; TrainingError if a run failed.
    """
    with telling(request.strict) as notes:
        experiment = _experiment(request, notes)
        values = meta_values(experiment.conf, request.allow_shell, notes)
        limits = _limits(request, values, len(experiment.jobs))
    if request.create_only:
        print(f"{len(experiment.jobs)} configurations; to run them: {_resume_words(request, experiment)}")
        return 0
    pool, complete = _run(request, experiment, limits)
    if values.boolean("meta_analyze", True) or not request.metarun:
        _results(request, pool, values)
    if not complete:
        print(f"to go on: {_resume_words(request, experiment)}")
        return STOPPED
    if pool.failed:
        logs = ", ".join(str(job.errors) for job in experiment.jobs if job.name in pool.failed)
        number = f"{len(pool.failed)} of {len(experiment.jobs)} runs failed"
        raise TrainingError(number, hint=f"see {logs}; {_resume_words(request, experiment)} tries them again")
    return 0


def _experiment(request: Request, notes: Notes) -> Experiment:
    if request.resume is None:
        conf = meta_conf(request, notes)
        _limits(
            request, meta_values(conf, request.allow_shell, notes), 1
        )  # what is wrong in them is told first
        return new_experiment(request, conf, notes, _tell_making(request))
    if any(not name.startswith("meta_") for name, _ in request.settings):
        hint = "start a new one, without --resume"
        raise UsageError("a sweep goes on with the values that it was started with", hint=hint)
    found = earlier_experiment(request, notes)
    if not request.metarun:
        left = len(found.unfinished())
        print(f"sweep {found.name}: {left} of {len(found.jobs)} runs are not finished")
    return found


def _tell_making(request: Request) -> Callable[[Grid, Path], Callable[[int, Path], None]]:
    """What tells how an experiment is made: metarun's lines, or ours."""

    def ours(grid: Grid, folder: Path) -> Callable[[int, Path], None]:
        print(f"sweep {folder.name}: {grid.count} run{'s' * (grid.count != 1)} in {folder}")
        width = max(map(len, grid.choices), default=0)
        for name, values in grid.choices.items():
            print(f"  {name:{width}}  {' '.join(values)}")
        if not grid.choices:
            print("  no variable lists several values")
        return lambda number, path: None

    def metaruns(grid: Grid, folder: Path) -> Callable[[int, Path], None]:
        for line in metarun_words.combinations(grid.choices, request.jobs, str(folder)):
            print(line)
        return lambda number, path: print(f"{number} / {grid.count}: creating {path}")

    return metaruns if request.metarun else ours


def _limits(request: Request, values: Values, number: int) -> Limits:
    """How the runs are run, by the command line, the configuration and the machine, in this order."""
    asked = values.integer("meta_max_jobs", 0) if values.exists("meta_max_jobs") else None
    if asked is not None and asked < 1:
        where = values.where("meta_max_jobs")
        raise DescriptionError(f"'meta_max_jobs': {asked} must be at least 1", where)
    timeout, watch = values.number("meta_timeout", _TIMEOUT), values.number("meta_watch_interval", _WATCH)
    for name, seconds in (("meta_timeout", timeout), ("meta_watch_interval", watch)):
        if not seconds > 0:
            raise DescriptionError(f"'{name}': {seconds:g} must be more than 0", values.where(name))
    if not request.metarun and sys.stdout.isatty():
        watch = min(watch, _DRAWN)
    words = ("--device", request.device) if request.device else ()
    return Limits(
        jobs=min(request.jobs or asked or cores(), max(number, 1)),
        threads=request.threads,
        retries=request.retries,
        timeout=timeout,
        watch=watch,
        words=(*words, *(["--allow-shell"] if request.allow_shell else [])),
    )


def _run(request: Request, experiment: Experiment, limits: Limits) -> tuple[Pool, bool]:
    """Run what is not finished; the second is whether nobody stopped it."""
    display: Lines | MetarunLines = Lines(experiment)
    if request.metarun:
        print("Running...")
        display = MetarunLines(limits.jobs, ["lenet", "sweep", "--job", ".", *limits.words])
    pool = Pool(experiment, limits, display)
    try:
        with signals.Signals(_EFFECTS) as requests:
            return pool, pool.run(requests.poll)
    finally:
        display.close()


def _results(request: Request, pool: Pool, values: Values) -> None:
    from lenet.cli.sweep_results import best_words, read_sweep, summary, write_results

    if request.metarun:
        print("All processes are finished. Exiting." if not pool.waiting else "Stopped.")
    folder = pool.experiment.folder
    found = read_sweep(folder, pool.failed)
    write_results(found, folder)
    if request.metarun:
        for line in best_words(found, values.integer("meta_nbest", 1)):
            print(line)
    print()
    print(summary(found, folder))


def _resume_words(request: Request, experiment: Experiment) -> str:
    if request.metarun and request.file:
        return f"lenet eblearn metarun {request.file} -resume {experiment.name}"
    return f"lenet sweep --resume {experiment.folder}"
