"""The job that a command line asks to train: that of a file, or what is built in, as the options say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli.arguments import device_of
from lenet.cli.training_options import Options
from lenet.errors import Notes, UsageError, Where
from lenet.job import Job

if TYPE_CHECKING:
    from lenet.cli.snapshots import Start


def builtin_job(settings: Sequence[tuple[str, str]] = ()) -> Job:
    """Caffe's LeNet on the MNIST that the package brings, with these settings in the solver's words."""
    return _read_builtin(settings, Notes())


def recipe_job(recipe: str, settings: Sequence[tuple[str, str]] = ()) -> Job:
    """The built-in LeNet with one of the recipes, with these settings in the solver's words."""
    return _read_builtin(settings, Notes(), recipe)


def _builtin_file(name: str) -> str:
    return str(files("lenet.models").joinpath(name))


def _read_builtin(settings: Sequence[tuple[str, str]], notes: Notes, recipe: str = "") -> Job:
    from lenet.dialects.caffe.solver import read_solver

    net = ("net", f'"{_builtin_file(f"{_stem(recipe)}_train_test.prototxt")}"')
    return read_solver(_builtin_file(f"{_stem(recipe)}_solver.prototxt"), notes, (net, *settings))


def _stem(recipe: str) -> str:
    return f"lenet_{recipe}" if recipe else "lenet"


def read_job(options: Options, notes: Notes) -> tuple[Job, Start]:
    """The job and what it starts from; all that can be wrong in files is found here."""
    from lenet.cli.snapshots import read_start

    if options.file:
        from lenet.dialects.caffe.solver import read_solver

        _expect_solver(options.file)
        job = read_solver(options.file, notes, options.settings)
    else:
        job = _read_builtin(options.settings, Notes(), options.recipe)
    if options.level or options.stages:
        stages = job.state.stages | frozenset(options.stages)
        job = replace(job, state=replace(job.state, level=options.level, stages=stages))
    if options.hold_out:
        from lenet.cli.held_out import job_with_held_out

        job = job_with_held_out(job, options.hold_out)
    if options.allow_python:
        from lenet.pycaffe.python_layers import job_with_python_layers

        job = job_with_python_layers(job)
    if options.device:
        kind, index = device_of(options.device)
        job = replace(job, device=kind, device_index=index)
    job = replace(job, kernels=options.kernels, precision=options.precision)
    return job, read_start(options.weights, options.snapshot, job, notes)


def _expect_solver(file: str) -> None:
    """Refuse a file of Caffe's that is something else, in words for what it is."""
    from lenet.dialects.caffe.contents import content_of

    content = content_of(file) if Path(file).is_file() else None
    if content in ("net", "weights", "state"):
        what = {"net": "a network", "weights": "weights", "state": "a solver's state"}[content]
        hint = "a solver names the network; weights and states follow --weights and --snapshot"
        raise UsageError(f"this is {what}, a solver is wanted", Where(file), hint)


def sources_of(job: Job, options: Options) -> list[Path]:
    """The files that describe the run, for its folder to keep."""
    named = [options.file or _builtin_file(f"{_stem(options.recipe)}_solver.prototxt"), job.net.where.file]
    named += [test.net.where.file for test in job.tests]
    return [path for path in dict.fromkeys(map(Path, named)) if path.is_file()]
