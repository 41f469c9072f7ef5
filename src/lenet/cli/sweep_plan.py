"""What a sweep is asked for becomes an experiment: a new one, or an earlier one that is not finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lenet.dialects.eblearn.grid import Grid, experiment_name, grid, named
from lenet.dialects.eblearn.metarun import META, Experiment, Origin, create, experiments, open_experiment
from lenet.errors import DescriptionError, LenetError, Notes, SeveralErrors, UsageError, Where
from lenet.formats.conf import Conf, read_conf
from lenet.formats.conf_resolve import resolve, shell_output
from lenet.formats.conf_values import Values

MOST = 10_000  # runs of one sweep; more are rather blanks that were not meant as lists
_READ = 50  # runs whose configurations are read before the first one starts
_NEWEST = ""  # --resume without a name
_GIVEN = Where("--set")
_IN_VAIN = (
    "meta_copy", "meta_copy_classes", "meta_email", "meta_send_email", "meta_email_iters",
    "meta_email_period", "meta_send_best", "meta_send_logs", "meta_resolve", "meta_best_keycomb",
    "meta_plot_keys", "meta_sticky_vars", "meta_watch_vars", "meta_hierarchy", "meta_job_var",
    "meta_display_all", "meta_gnuplot_params", "meta_gnuplot_terminal", "meta_gnuplot_font",
    "meta_gnuplot_line",
)  # fmt: skip
_TRAINS = ("train", "objrec_train")  # what `meta_command` may be; the second is its older name


@dataclass(frozen=True)
class Request:
    """What is asked of a sweep, in today's words or in metarun's.

    `resume` is None for a new experiment, else the name or the folder of one, empty for the newest;
    `stamp` stands in its name in place of the time; `output` is where to look for the one to resume.
    """

    file: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    resume: str | None = None
    output: str = ""
    stamp: str = ""
    exclude: tuple[str, ...] = ()
    create_only: bool = False
    jobs: int = 0  # 0: as the configuration says, else as many as there are cores
    threads: int = 1
    retries: int = 2
    device: str = ""
    allow_shell: bool = False
    strict: bool = False
    metarun: bool = False  # lines as metarun writes them


def meta_conf(request: Request, notes: Notes) -> Conf:
    """The configuration with the settings of the command line.

    Raises: UsageError if it is of another system; FileError if it cannot be read.
    """
    if not request.file.endswith(".conf"):
        hint = "run lenet train once for each value, with --set" if "proto" in request.file else ""
        raise UsageError("a sweep is made of a .conf of EBLearn's", Where(request.file), hint)
    conf = read_conf(request.file, notes)
    for name, value in request.settings:
        conf.set(name, value, _GIVEN)
    return conf


def meta_values(conf: Conf, allow_shell: bool, notes: Notes) -> Values:
    """The variables about the sweep itself; what is wrong in others is told where it is needed."""
    run_shell = shell_output if allow_shell else None
    return Values(conf, resolve(conf, Notes(), run_shell=run_shell), notes)


def new_experiment(
    request: Request, conf: Conf, notes: Notes, tell: Callable[[Grid, Path], Callable[[int, Path], None]]
) -> Experiment:
    """Make an experiment of a configuration; `tell` is given its grid and gets the number of each run.

    Raises: LenetError with all that is wrong in the configuration, before anything is written.
    """
    values = meta_values(conf, request.allow_shell, notes)
    output = output_folder(values)
    runs = grid(conf, notes, _free_name(conf, request, output), request.exclude)
    _check(request, runs, values, notes)
    origin = Origin(str(Path(request.file).absolute()), str(Path.cwd()))
    shell = shell_output if request.allow_shell else None
    return create(runs, output, origin, shell, tell(runs, output / runs.experiment))


def earlier_experiment(request: Request, notes: Notes) -> Experiment:
    """The experiment to go on with.

    Raises: UsageError if there is none that could go on; FileError if it is none.
    """
    wanted = request.resume or _NEWEST
    for named_folder in filter(None, (wanted, request.output)):
        if (Path(named_folder) / META).is_file():
            return open_experiment(Path(named_folder))
    output, name = _where(request, notes)
    if wanted:
        if not (output / wanted).is_dir():
            near = ", ".join(path.name for path in experiments(output)[-3:])
            hint = (
                f"there are: {near}" if near else "name the folder, or the configuration that it was made of"
            )
            raise UsageError(f"there is no experiment '{wanted}' in '{output}'", hint=hint)
        return open_experiment(output / wanted)
    for folder in reversed(experiments(output, name)):
        found = open_experiment(folder)
        if found.unfinished():
            return found
    of = f" of '{name}'" if name else ""
    raise UsageError(
        f"there is no unfinished experiment{of} in '{output}'", hint="start one without --resume"
    )


def output_folder(values: Values) -> Path:
    """Where experiments lie."""
    return Path(values.string("meta_output_dir", "output") or "output")


def _where(request: Request, notes: Notes) -> tuple[Path, str]:
    """Where to look for experiments, and the `meta_name` of those that may be meant."""
    if not request.file:
        return Path(request.output or "output"), ""
    conf = meta_conf(request, notes)
    output = output_folder(meta_values(conf, request.allow_shell, notes))
    return Path(request.output) if request.output else output, named(conf, "").lstrip(".")


def _free_name(conf: Conf, request: Request, output: Path) -> str:
    """The name of a new experiment: two that start in one second differ by one."""
    if request.stamp:
        return named(conf, request.stamp)
    moment = datetime.now()
    while (output / experiment_name(conf, moment)).exists():
        moment += timedelta(seconds=1)
    return experiment_name(conf, moment)


def _check(request: Request, runs: Grid, values: Values, notes: Notes) -> None:
    """Refuse what cannot be run, before anything is written."""
    notes.check()
    if runs.count > MOST:
        several = ", ".join(f"{name}: {len(found)}" for name, found in runs.choices.items())
        hint = "blanks separate values: put quotes around what is one text"
        raise UsageError(f"{runs.count:,} runs are too many ({several})", Where(request.file), hint)
    unknown = [name for name in request.exclude if name not in runs.choices]
    for name in unknown:
        notes.warn(f"--exclude {name}: this variable has not several values", values.where(name))
    _check_command(request, values)
    in_vain = [name for name in _IN_VAIN if values.exists(name) and values.string(name) != "0"]
    if in_vain:
        notes.inform(f"without effect here: {', '.join(in_vain)}", Where(request.file))
    _check_runs(request, runs, notes)
    notes.check()


def _check_command(request: Request, values: Values) -> None:
    """Only `train` is run: a configuration does not say what else is executed.

    Raises: DescriptionError.
    """
    if not request.metarun and not values.exists("meta_command"):
        return
    command = values.string("meta_command")
    if Path(command).name not in _TRAINS:
        where, told = values.where("meta_command"), f"'meta_command = {command}': only 'train' is run here"
        raise DescriptionError(told, where, "--set meta_command=train, if training is meant")


def _check_runs(request: Request, runs: Grid, notes: Notes) -> None:
    """Read as many runs as it takes to have seen every value, as the runs themselves will read them."""
    from lenet.dialects.eblearn.solver import read_training

    run_shell = shell_output if request.allow_shell else None
    longest = max(map(len, runs.choices.values()), default=1)
    told: dict[str, LenetError] = {}
    for index in range(min(longest, _READ)):
        conf = runs.conf.copy()
        for name, found in runs.choices.items():
            conf.set(name, found[min(index, len(found) - 1)], runs.conf.where(name))
        read = Notes(strict=request.strict)
        try:
            read_training(conf, read, run_shell=run_shell)
        except SeveralErrors as error:
            told |= {str(each): each for each in error.errors}
        except LenetError as error:
            told[str(error)] = error
        if index == 0:
            notes.warnings += read.warnings
    notes.errors += told.values()
