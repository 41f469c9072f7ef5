"""lenet train: train what a file describes; without a file, Caffe's LeNet on the built-in MNIST."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import examples, signals
from lenet.cli.arguments import (
    add_kernels,
    add_precision,
    add_processes,
    add_python,
    add_settings,
    add_state,
    add_strict,
    add_windows,
    at_least_one,
    is_several,
    processes_of,
    setting_of,
)
from lenet.cli.messages import telling
from lenet.cli.training_job import read_job, sources_of
from lenet.cli.training_options import Options as Options
from lenet.dialects import recognise
from lenet.errors import Notes, UsageError, Where
from lenet.job import Job
from lenet.results import Record

if TYPE_CHECKING:
    from lenet.cli.session import Session

Listener = Callable[[Record], None]
RECIPES = ("fast", "best")
_EXAMPLES = (
    "lenet train",
    "lenet train --recipe fast",
    "lenet train --recipe best --hold-out 5000 --set random_seed=1",
    "lenet train lenet_solver.prototxt --set base_lr=0.02 --set max_iter=2000",
    "lenet train lenet_solver.prototxt --snapshot lenet_iter_5000.solverstate",
    "lenet train mnist.conf --set iterations=5 --log-style eblearn",
    "lenet train mnist.conf --batch 16",
    "lenet train lenet.keras --optimizer sgd --rate 0.01 --batch 128 --epochs 20",
    "lenet train keras-lenet",
    "lenet train photographs.json --data photographs/train,photographs/test --optimizer adam",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `lenet train`."""
    parser.add_argument(
        "file",
        nargs="?",
        default="",
        help="a solver of Caffe's or a .conf of EBLearn's; without it LeNet on MNIST, built in",
    )
    parser.add_argument(
        "--recipe",
        choices=RECIPES,
        default="",
        help="train the built-in LeNet quickly, or as well as it can be",
    )
    parser.add_argument(
        "--hold-out",
        type=at_least_one,
        default=0,
        metavar="N",
        help="test with the last N training samples, which are not trained with, instead of the test data",
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
    _add_keras(parser)
    add_kernels(parser)
    add_precision(parser)
    add_processes(parser)
    _add_effects(parser)
    add_state(parser)
    add_strict(parser)
    parser.epilog = examples(*_EXAMPLES)


def _add_keras(parser: ArgumentParser) -> None:
    """What other systems' files say themselves."""
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
    parser.add_argument(
        "--data",
        default="",
        metavar="TRAIN[,TEST]",
        help="for a Keras file: folders of a folder for each class, LMDB, LevelDB, or MNIST's idx files; "
        "without TEST a fifth is held out (MNIST)",
    )


def _add_effects(parser: ArgumentParser) -> None:
    """What is shown and written, and what may be run."""
    parser.add_argument("--no-report", action="store_true", help="make no run folder")
    add_windows(parser)
    parser.add_argument("--allow-shell", action="store_true", help="run the commands that a .conf holds")
    add_python(parser)


def run(args: Namespace) -> int:
    """Train as the arguments of `lenet train` say."""
    if args.process:
        from lenet.cli.processes import received

        return train(received())
    return train(
        Options(
            file=args.file,
            recipe=args.recipe,
            hold_out=args.hold_out,
            settings=tuple(setting_of(text) for text in args.settings),
            weights=args.weights,
            snapshot=args.snapshot,
            kernels=args.kernels,
            precision=args.precision,
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
            data=args.data,
            allow_python=args.allow_python,
            **processes_of(args),
        )
    )


def train(options: Options) -> int:
    """Train; the result is the exit code."""
    dialect = _dialect(options.file)
    if options.log_style not in ("lenet", dialect):
        message = f"--log-style {options.log_style} is for files of its own, this is one of {dialect}'s"
        raise UsageError(message, Where(options.file))
    _refuse_words(options, dialect)
    if dialect not in ("caffe", *SESSIONS):
        hint = "convert it to Keras' form, which can be trained: lenet convert IN... OUT.keras"
        raise UsageError(f"a file of {dialect}'s tells nothing of training", Where(options.file), hint)
    if is_several(options):
        from lenet.cli import processes

        if place := processes.place_of(options, dialect):
            from lenet.cli import group_session

            return group_session.train(options, place)
        read_job(options, Notes(options.strict))  # what is wrong in files is said once, and soon
        return processes.launch(options)
    return train_here(options, SESSIONS.get(dialect, _session))


def train_here(options: Options, begun: Callable[[Options], Session]) -> int:
    """Train in this process; `begun` gives a session that has begun."""
    with ExitStack() as stack:
        pending = stack.enter_context(signals.kept(options.effects))
        session = begun(options)
        stack.callback(session.close)
        with signals.Signals(options.effects, session.apart, pending, session.tells) as requests:
            session.run(requests.poll)
        session.answer()
        for tell in (session.summary, session.finish):  # nobody waits for the report to know the result
            if words := tell():
                print(words, file=sys.stderr if options.log_style == "caffe" else sys.stdout, flush=True)
        session.linger()
    return 0


def _refuse_words(options: Options, dialect: str) -> None:
    """What stands in Caffe's and EBLearn's files themselves, or is for one of them alone."""
    if options.recipe and options.file:
        hint = "leave the file out, or copy what the recipe says into it"
        raise UsageError("--recipe trains the built-in LeNet", Where(options.file), hint)
    if options.hold_out and dialect != "caffe":
        hint = "the others say it themselves: training_size and testing_size, --data"
        raise UsageError("--hold-out is for Caffe's files", Where(options.file), hint)
    if options.batch and dialect not in ("eblearn", "keras"):
        hint = "Caffe's files say it in the data layer: batch_size"
        raise UsageError(
            "--batch is for configurations of EBLearn's and Keras files", Where(options.file), hint
        )
    if options.precision != "float32":
        _refuse_precision(options, dialect)
    keras_words = options.optimizer or options.rate is not None or options.epochs or options.data
    if dialect != "keras" and keras_words:
        hint = "other files say it themselves; --set KEY=VALUE replaces a value"
        message = "--optimizer, --rate, --epochs and --data are for Keras files"
        raise UsageError(message, Where(options.file), hint)


def _refuse_precision(options: Options, dialect: str) -> None:
    """What has no other precision than float32."""
    from lenet.api.devices import check_precision
    from lenet.engine.precision import refuse_compiled

    check_precision(options.precision, online=dialect == "eblearn", where=Where(options.file))
    refuse_compiled(options.precision, options.kernels)


def _dialect(file: str) -> str:
    """Whose file it is; Caffe's own reader says what is wrong with one that is nobody's."""
    try:
        if file == "keras-lenet" or file.endswith((".conf", ".keras")):
            return "keras" if file == "keras-lenet" and not Path(file).exists() else recognise(file).name
        return recognise(file).name if Path(file).is_file() else "caffe"
    except UsageError:
        return "caffe"


def _session(options: Options) -> Session:
    from lenet.cli.session import Session

    return begin_session(options, Session)


def begin_session(options: Options, kind: Callable[[Job, Options, Sequence[Path]], Session]) -> Session:
    """A session of a kind for one of Caffe's solvers, or for the built-in one, begun."""
    with telling(options.strict, options.allow_python) as notes:
        job, start = read_job(options, notes)
    session = kind(job, options, sources_of(job, options))
    return _begun(session, lambda: session.begin(start))


def _epoch_session(options: Options) -> Session:
    from lenet.cli.epoch_session import EpochSession, read

    with telling(options.strict) as notes:
        training, weights, state = read(options, notes)
    session = EpochSession(training, weights, options, sources_of(training.job, options), state)
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
