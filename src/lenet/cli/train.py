"""lenet train: train what a file describes; without a file, Caffe's LeNet on the built-in MNIST."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lenet.cli import examples, signals
from lenet.cli.arguments import (
    add_settings,
    add_state,
    add_strict,
    add_windows,
    at_least_one,
    device_of,
    setting_of,
)
from lenet.cli.messages import telling
from lenet.dialects import recognise
from lenet.errors import Notes, UsageError, Where
from lenet.job import Job
from lenet.results import Record

if TYPE_CHECKING:
    from lenet.cli.session import Session
    from lenet.cli.snapshots import Start

Listener = Callable[[Record], None]


@dataclass(frozen=True)
class Options:
    """What a command line asks of a training, in today's words, Caffe's or EBLearn's."""

    file: str = ""  # empty: the built-in LeNet
    settings: tuple[tuple[str, str], ...] = ()
    weights: str = ""
    snapshot: str = ""
    device: str = ""  # "", "cpu", "gpu" or "gpu:1"; empty: as the file says
    level: int = 0
    stages: tuple[str, ...] = ()
    log_style: Literal["lenet", "caffe", "eblearn"] = "lenet"
    effects: Mapping[str, signals.Effect] = field(default_factory=lambda: signals.DEFAULT)
    runs: str = "runs"  # where run folders are made; empty: none is made
    name: str = ""
    folder: str = ""  # where EBLearn's files are written if that is not the working directory
    show: bool = False  # in windows, too
    wait: bool = False  # until they are closed, at the end
    strict: bool = False
    allow_shell: bool = False  # run the commands in a configuration of EBLearn's
    batch: int = 0  # samples an update where EBLearn learns from one; 0: one, as there; Keras: 128
    optimizer: str = ""  # these three for Keras' files; empty or 0: as compiled, or as the tutorial has it
    rate: float | None = None
    epochs: int = 0
    allow_python: bool = False  # run the code that Caffe's Python layers name

    def words(self, settings: Mapping[str, str]) -> str:
        """The command line that trains the same file with these settings."""
        if self.log_style == "eblearn":
            return f"lenet eblearn train {self.file}, with these in the file: " + ", ".join(
                f"{key} = {value}" for key, value in settings.items()
            )
        chosen = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        return shlex.join(["lenet", "train", *filter(None, [self.file]), *chosen, *self._state_words()])

    def _state_words(self) -> list[str]:
        """The device, level and stages as they were asked for, in today's words or Caffe's."""
        stages = ",".join(self.stages)
        if self.log_style == "caffe":
            gpu = self.device.partition(":")[2] if self.device.startswith("gpu") else ""
            words = {"--gpu": gpu, "--level": str(self.level or ""), "--stage": stages}
        else:
            words = {"--device": self.device, "--level": str(self.level or ""), "--stage": stages}
        return [word for name, value in words.items() if value for word in (name, value)]

    def resume_words(self, state: str) -> str:
        """The command line that goes on from a solver's state, in the words of this one."""
        if self.log_style == "caffe":
            words = ["caffe", "train", f"--solver={self.file}", f"--snapshot={state}"]
            return shlex.join([*words, *self._state_words()])
        return f"{self.words(dict(self.settings))} {shlex.join(['--snapshot', state])}"

    def sets(self, key: str) -> bool:
        """Whether a setting replaces this key of the file."""
        return any(name == key for name, _ in self.settings)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `lenet train`."""
    parser.add_argument(
        "file",
        nargs="?",
        default="",
        help="a solver of Caffe's or a .conf of EBLearn's; without it LeNet on MNIST, built in",
    )
    add_settings(parser, "replace a value of the file, in the file's own words; may be given several times")
    parser.add_argument("--weights", default="", metavar="FILE[,FILE]", help="start from these weights")
    parser.add_argument("--snapshot", default="", metavar="STATE", help="go on from a .solverstate")
    parser.add_argument("--device", default="", help="cpu, gpu or gpu:N; without it as the file says")
    parser.add_argument(
        "--log-style", choices=("lenet", "caffe", "eblearn"), default="lenet", help="whose log lines"
    )
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where the run's folder is made (runs)")
    parser.add_argument("--name", default="", help="the run's name; default: the network's")
    parser.add_argument(
        "--batch",
        type=at_least_one,
        default=0,
        metavar="N",
        help="for a .conf: N samples an update instead of one; quicker, but not what EBLearn does; "
        "for a Keras file: 128",
    )
    parser.add_argument("--optimizer", default="", metavar="NAME", help="for a Keras file: sgd, adam, ...")
    parser.add_argument("--rate", type=float, metavar="R", help="for a Keras file: the learning rate")
    parser.add_argument("--epochs", type=at_least_one, default=0, metavar="N", help="for a Keras file: 20")
    _add_effects(parser)
    add_state(parser)
    add_strict(parser)
    parser.epilog = examples(
        "lenet train",
        "lenet train lenet_solver.prototxt --set base_lr=0.02 --set max_iter=2000",
        "lenet train lenet_solver.prototxt --snapshot lenet_iter_5000.solverstate",
        "lenet train mnist.conf --set iterations=5 --log-style eblearn",
        "lenet train mnist.conf --batch 16",
        "lenet train lenet.keras --optimizer sgd --rate 0.01 --batch 128 --epochs 20",
        "lenet train keras-lenet",
    )


def _add_effects(parser: ArgumentParser) -> None:
    """What is shown and written, and what may be run."""
    parser.add_argument("--no-report", action="store_true", help="make no run folder")
    add_windows(parser)
    parser.add_argument("--allow-shell", action="store_true", help="run the commands that a .conf holds")
    parser.add_argument("--allow-python", action="store_true", help="run the code that Python layers name")


def run(args: Namespace) -> int:
    """Train as the arguments of `lenet train` say."""
    return train(
        Options(
            file=args.file,
            settings=tuple(setting_of(text) for text in args.settings),
            weights=args.weights,
            snapshot=args.snapshot,
            device=args.device,
            level=args.level,
            stages=tuple(stage for stage in args.stage.split(",") if stage),
            log_style=args.log_style,
            runs="" if args.no_report else args.runs,
            name=args.name,
            show=args.show,
            wait=args.wait,
            strict=args.strict,
            allow_shell=args.allow_shell,
            batch=args.batch,
            optimizer=args.optimizer,
            rate=args.rate,
            epochs=args.epochs,
            allow_python=args.allow_python,
        )
    )


def builtin_job(settings: Sequence[tuple[str, str]] = ()) -> Job:
    """Caffe's LeNet on the MNIST that the package brings, with these settings in the solver's words."""
    return _read_builtin(settings, Notes())


def _builtin_file(name: str) -> str:
    return str(files("lenet.models").joinpath(name))


def _read_builtin(settings: Sequence[tuple[str, str]], notes: Notes) -> Job:
    from lenet.dialects.caffe.solver import read_solver

    net = ("net", f'"{_builtin_file("lenet_train_test.prototxt")}"')
    return read_solver(_builtin_file("lenet_solver.prototxt"), notes, (net, *settings))


def train(options: Options) -> int:
    """Train; the result is the exit code."""
    dialect = _dialect(options.file)
    if options.log_style not in ("lenet", dialect):
        message = f"--log-style {options.log_style} is for files of its own, this is one of {dialect}'s"
        raise UsageError(message, Where(options.file))
    _refuse_words(options, dialect)
    with ExitStack() as stack:
        session = SESSIONS.get(dialect, _session)(options)
        stack.callback(session.close)
        with signals.Signals(options.effects) as requests:
            session.run(requests.poll)
        session.finish()
        words = session.summary()
        if words:
            print(words, file=sys.stderr if options.log_style == "caffe" else sys.stdout)
        session.linger()
    return 0


def _refuse_words(options: Options, dialect: str) -> None:
    """What stands in Caffe's and EBLearn's files themselves."""
    if options.batch and dialect not in ("eblearn", "keras"):
        hint = "Caffe's files say it in the data layer: batch_size"
        raise UsageError(
            "--batch is for configurations of EBLearn's and Keras files", Where(options.file), hint
        )
    if dialect != "keras" and (options.optimizer or options.rate is not None or options.epochs):
        hint = "other files say it themselves; --set KEY=VALUE replaces a value"
        raise UsageError("--optimizer, --rate and --epochs are for Keras files", Where(options.file), hint)


def _dialect(file: str) -> str:
    """Whose file it is; Caffe's own reader says what is wrong with one that is nobody's."""
    try:
        if file == "keras-lenet" or file.endswith((".conf", ".keras")):
            return "keras" if file == "keras-lenet" and not Path(file).exists() else recognise(file).name
        return recognise(file).name if Path(file).is_file() else "caffe"
    except UsageError:
        return "caffe"


def _read(options: Options, notes: Notes) -> tuple[Job, Start]:
    """The job and what it starts from; all that can be wrong in files is found here."""
    from lenet.cli.snapshots import read_start

    if options.file:
        from lenet.dialects.caffe.solver import read_solver

        _expect_solver(options.file)
        job = read_solver(options.file, notes, options.settings)
    else:
        job = _read_builtin(options.settings, Notes())
    if options.level or options.stages:
        stages = job.state.stages | frozenset(options.stages)
        job = replace(job, state=replace(job.state, level=options.level, stages=stages))
    if options.allow_python:
        from lenet.pycaffe.python_layers import job_with_python_layers

        job = job_with_python_layers(job)
    if options.device:
        kind, index = device_of(options.device)
        job = replace(job, device=kind, device_index=index)
    return job, read_start(options.weights, options.snapshot, job, notes)


def _expect_solver(file: str) -> None:
    """Refuse a file of Caffe's that is something else, in words for what it is."""
    from lenet.dialects.caffe.contents import content_of

    content = content_of(file) if Path(file).is_file() else None
    if content in ("net", "weights", "state"):
        what = {"net": "a network", "weights": "weights", "state": "a solver's state"}[content]
        hint = "a solver names the network; weights and states follow --weights and --snapshot"
        raise UsageError(f"this is {what}, a solver is wanted", Where(file), hint)


def _sources(job: Job, options: Options) -> list[Path]:
    """The files that describe the run, for its folder to keep."""
    named = [options.file or _builtin_file("lenet_solver.prototxt"), job.net.where.file]
    named += [test.net.where.file for test in job.tests]
    return [path for path in dict.fromkeys(map(Path, named)) if path.is_file()]


def _session(options: Options) -> Session:
    from lenet.cli.session import Session

    with telling(options.strict) as notes:
        job, start = _read(options, notes)
    session = Session(job, options, _sources(job, options))
    return _begun(session, lambda: session.begin(start))


def _epoch_session(options: Options) -> Session:
    from lenet.cli.epoch_session import EpochSession, read

    with telling(options.strict) as notes:
        training, weights = read(options, notes)
    session = EpochSession(training, weights, options, _sources(training.job, options))
    return _begun(session, session.announce)


def _keras_session(options: Options) -> Session:
    from lenet.cli.keras_session import KerasSession
    from lenet.cli.keras_training import read

    with telling(options.strict) as notes:
        training = read(options, notes)
    session = KerasSession(training, options, [path for path in [Path(options.file)] if path.is_file()])
    return _begun(session, session.start)


SESSIONS: dict[str, Callable[[Options], Session]] = {"eblearn": _epoch_session, "keras": _keras_session}


def _begun(session: Session, begin: Callable[[], None]) -> Session:
    """Begin a session; one that cannot begin is closed."""
    try:
        begin()
    except BaseException:
        session.close()
        raise
    return session
