"""Experiments on the disk as EBLearn's `metarun` lays them out: a folder for all runs, one for each.

    OUTPUT/20261122.002646.mnist/               meta.conf, meta.conf_resolved.conf
        20261122.002646.mnist_conf0_eta_.1/     NAME.conf, NAME.conf_resolved, out_NAME.log, out_NAME.errlog,
                                                NAME_net00001.mat ..., progress, at last finished

Source: a recorded experiment.  `sweep.json` is added: what the experiment was made of.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lenet.dialects.eblearn.grid import Combination, Grid, alternatives
from lenet.dialects.eblearn.progress import Reached, read_progress
from lenet.dialects.eblearn.weights import weights_name
from lenet.errors import DescriptionError, FileError, LenetError, Notes, Where
from lenet.formats.conf import Conf, read_conf, write_conf
from lenet.formats.conf_resolve import Shell, resolve
from lenet.formats.files import file_error, read_bytes, whole_directory, whole_file

META = "meta.conf"
_ORIGIN = "sweep.json"
_TOLD = ("meta_conf_shortname", "meta_conf_fullname", "meta_conf_variables")


@dataclass(frozen=True)
class Origin:
    """Where an experiment was started: its configuration and the working directory, both absolute.

    `jobs` are the names of its runs in the order in which they were made.
    """

    file: str
    folder: str
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobFolder:
    """The folder of one run; its files bear its name."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name, which is the folder's."""
        return self.path.name

    @property
    def conf(self) -> Path:
        """Its configuration."""
        return self.path / f"{self.name}.conf"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.path / f"out_{self.name}.log"

    @property
    def errors(self) -> Path:
        """What it printed about warnings and errors."""
        return self.path / f"out_{self.name}.errlog"

    def weights(self, epoch: int) -> Path:
        """The file that the weights after an epoch are saved to."""
        return self.path / weights_name(self.name, epoch)

    def reached(self) -> Reached | None:
        """How far it is."""
        return read_progress(self.path)

    def head(self) -> str:
        """The line that metarun begins the log of a run with, each time that it starts.

        Raises: FileError if the configuration cannot be read.
        """
        values = read_conf(self.conf, Notes()).values
        told = {"job": self.name}
        told |= {name: values.get(name, "").strip('"') for name in _TOLD}
        told["config"] = str(self.conf)
        return " ".join(f"{name}={value}" for name, value in told.items())


@dataclass(frozen=True)
class Experiment:
    """All runs of a configuration, in the order in which they were made.

    `origin` is None where EBLearn made it; then the order is that of the names.
    """

    folder: Path
    conf: Conf
    jobs: tuple[JobFolder, ...]
    origin: Origin | None

    @property
    def name(self) -> str:
        """The time that it began and `meta_name`."""
        return self.folder.name

    def varied(self) -> dict[str, dict[str, str]]:
        """The values that tell the runs apart, by the name of the run."""
        choices = [name for name in sorted(self.conf.values) if _several(self.conf.values[name])]
        found = {}
        for job in self.jobs:
            values = read_conf(job.conf, Notes()).values
            found[job.name] = {name: values.get(name, "") for name in choices}
        return found

    def unfinished(self) -> list[JobFolder]:
        """The runs that did not come to their end."""
        return [job for job in self.jobs if not (job.path / "finished").exists()]


def create(
    grid: Grid,
    output: Path,
    origin: Origin,
    run_shell: Shell | None = None,
    tell: Callable[[int, Path], None] = lambda number, path: None,
) -> Experiment:
    """Make the folder of an experiment with the configurations of all its runs.

    Raises: FileError if it is there already or cannot be written; DescriptionError if two runs would
    have one name, or if a configuration cannot be resolved.
    """
    folder = output / grid.experiment
    _reserve(folder)
    try:
        with whole_directory(folder, flush=False) as temporary:
            notes, made = Notes(), list[str]()
            _write_meta(grid.conf, temporary, origin, notes, run_shell)
            for number, run in enumerate(grid):
                tell(number, folder / run.job / f"{run.job}.conf")
                _write_run(run, temporary, notes, run_shell)
                notes.check()
                made.append(run.job)
            _write(temporary / _ORIGIN, json.dumps({**vars(origin), "jobs": made}, indent=2) + "\n")
    except BaseException:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        raise
    return open_experiment(folder)


def open_experiment(folder: Path) -> Experiment:
    """An experiment that is on the disk, also one that EBLearn made.

    Raises: FileError if it is none.
    """
    if not (folder / META).is_file():
        raise FileError(f"this is no experiment: it has no '{META}'", Where(str(folder)))
    found = sorted(path for path in folder.iterdir() if (path / f"{path.name}.conf").is_file())
    origin = _origin(folder / _ORIGIN)
    order = {name: index for index, name in enumerate(origin.jobs if origin else ())}
    jobs = sorted(found, key=lambda path: order.get(path.name, len(order)))
    return Experiment(folder, read_conf(folder / META, Notes()), tuple(map(JobFolder, jobs)), origin)


def experiments(output: Path, name: str = "") -> list[Path]:
    """The folders of experiments in a directory, the oldest first; with `name` those of that `meta_name`."""
    if not output.is_dir():
        return []
    found = [path for path in output.iterdir() if (path / META).is_file()]
    return sorted(path for path in found if not name or path.name.endswith(f".{name}"))


def _reserve(folder: Path) -> None:
    """Take the name, so that of two experiments that start at once only one gets it."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except FileExistsError:
        raise FileError("this experiment exists already", Where(str(folder))) from None
    except OSError as error:
        raise file_error(error, folder) from None


def _write_meta(conf: Conf, folder: Path, origin: Origin, notes: Notes, run_shell: Shell | None) -> None:
    """The configuration, letter for letter if nothing in it was replaced, and what it resolves to."""
    same = Path(origin.file).is_file() and read_conf(origin.file, Notes()).values == conf.values
    if same:
        _write(folder / META, read_bytes(origin.file))
    else:
        write_conf(folder / META, conf)
    values = resolve(conf, notes, run_shell=run_shell, keep_quotes=True).values
    notes.check()
    write_conf(folder / f"{META}_resolved.conf", conf, values)


def _write_run(run: Combination, folder: Path, notes: Notes, run_shell: Shell | None) -> None:
    job = JobFolder(folder / run.job)
    try:
        job.path.mkdir()
    except FileExistsError:
        hint = "leave meta_no_conf_id away, then each name has a number"
        raise DescriptionError(
            f"two runs would have the name '{run.job}'", run.conf.where("meta_no_conf_id"), hint
        ) from None
    write_conf(job.conf, run.conf)
    written = read_conf(job.conf, Notes())  # what was added is a line as any other now
    values = resolve(written, notes, run_shell=run_shell, keep_quotes=True).values
    write_conf(job.path / f"{job.name}.conf_resolved", written, values)


def _write(path: Path, content: str | bytes) -> None:
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def _origin(path: Path) -> Origin | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Origin(str(found["file"]), str(found["folder"]), tuple(map(str, found["jobs"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _several(value: str) -> bool:
    try:
        return len(alternatives(value, Where())) > 1
    except LenetError:
        return False
