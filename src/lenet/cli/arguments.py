"""Reading a command line: argparse whose errors are ours, with "did you mean"."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypedDict, get_args

from lenet.engine.place import is_of_several
from lenet.errors import UsageError, did_you_mean
from lenet.net import Net, Phase, State
from lenet.shapes import Shape

if TYPE_CHECKING:
    from lenet.cli.training_options import Options

_LONGEST = 10**7  # seconds


class Parser(ArgumentParser):
    """An argparse parser that raises UsageError instead of leaving the program."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 argparse's own settings pass through
        super().__init__(formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line and where its help is."""
        raise UsageError(f"{self.prog}: {message}", hint=f"see {self.prog} --help")

    def parse(self, words: Sequence[str]) -> Namespace:
        """The arguments.

        Raises: UsageError that names the word and the nearest option.
        """
        several = any(action.nargs == "*" for action in self._get_positional_actions())
        # else "FILE --flag IMAGE" would leave IMAGE over
        args, unknown = (self.parse_known_intermixed_args if several else self.parse_known_args)(words)
        if unknown:
            word = unknown[0].split("=")[0]
            what = "option" if word.startswith("-") else "argument"
            options = [name for action in self._actions for name in action.option_strings]
            hint = did_you_mean(word, options) if what == "option" else ""
            raise UsageError(f"{self.prog}: unknown {what} '{word}'", hint=hint or f"see {self.prog} --help")
        return args


def add_strict(parser: ArgumentParser) -> None:
    """`--strict`, for every verb that reads a description."""
    parser.add_argument("--strict", action="store_true", help="treat every warning about a file as an error")


def finite(word: str) -> float:
    """A number on the command line.

    >>> finite("0.5")
    0.5
    """
    try:
        number = float(word)
    except ValueError:
        number = nan
    if not isfinite(number):
        raise ArgumentTypeError(f"'{word}' is no finite number")
    return number


def at_least_one(word: str) -> int:
    """A count on the command line.

    >>> at_least_one("50")
    50
    """
    try:
        number = int(word)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"'{word}' is not a whole number of 1 or more")
    return number


def iterations_of(args: Namespace) -> int | None:
    """The `--iterations` that are asked for, None if they are not; none at all only in Caffe's words.

    Raises: UsageError.
    """
    number: int | None = args.iterations
    if number is not None and number < (0 if args.log_style == "caffe" else 1):
        raise UsageError(f"--iterations is {number}", hint="1 or more")
    return number


def add_state(parser: ArgumentParser) -> None:
    """`--level` and `--stage`, which select layers beside the phase."""
    parser.add_argument("--level", type=int, default=0, help="the level of the network's state (0)")
    parser.add_argument("--stage", default="", help="its stages, separated by commas")


def add_python(parser: ArgumentParser) -> None:
    """`--allow-python`, for verbs that run a network of Caffe's."""
    parser.add_argument("--allow-python", action="store_true", help="run the code that Python layers name")


def add_device(parser: ArgumentParser) -> None:
    """`--device`, for verbs that run a network."""
    parser.add_argument("--device", default="cpu", metavar="DEVICE", help="cpu, gpu or gpu:N (cpu)")


def add_kernels(parser: ArgumentParser) -> None:
    """`--kernels`, for verbs that run a network on the CPU."""
    parser.add_argument(
        "--kernels",
        choices=("auto", "torch", "fused"),
        default="auto",
        help="on a CPU: compiled layers wherever they can be (auto), plain torch, or an error without them",
    )


def add_precision(parser: ArgumentParser) -> None:
    """`--precision`, for verbs that run a network on batches."""
    from lenet.job import Precision  # with all that trains, which other verbs need not wait for

    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default="float32",
        help="of products: bf16 is coarser, and quicker where the processor or the GPU has units for it",
    )


def add_processes(parser: ArgumentParser) -> None:
    """`--gpu`, `--processes` and `--patience`, for training in several processes."""
    parser.add_argument(
        "--gpu", default="", metavar="N[,N]", help="train on these GPUs, or all: the file's batch on each"
    )
    parser.add_argument(
        "--processes", type=at_least_one, default=0, metavar="N", help="train in N processes of this machine"
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=1800.0,
        metavar="S",
        help="seconds that processes wait for each other (1800)",
    )
    parser.add_argument("--process", action="store_true", help=SUPPRESS)  # started by another one


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise ArgumentTypeError(f"'{word}' is no number of seconds up to {_LONGEST:,}")
    return seconds


class Processes(TypedDict):
    """What a command line says of processes and their GPUs."""

    gpus: tuple[str, ...]
    processes: int
    patience: float
    device: str


def processes_of(args: Namespace) -> Processes:
    """Which GPUs, and how many processes; one GPU is a device like another.

    Raises: UsageError for words that contradict each other, or that are no numbers.
    """
    gpus = gpus_of(args.gpu) if args.gpu else ()
    if gpus and args.device:
        raise UsageError("--gpu and --device exclude each other", hint="--gpu N is --device gpu:N")
    if gpus and args.processes not in (0, len(gpus)):
        raise UsageError(f"--processes {args.processes}, but {len(gpus)} in --gpu: one process runs on each")
    if len(gpus) != 1:
        return Processes(gpus=gpus, processes=args.processes, patience=args.patience, device=args.device)
    return Processes(gpus=(), processes=0, patience=args.patience, device=f"gpu:{gpus[0]}")


def gpus_of(word: str) -> tuple[str, ...]:
    """The GPUs that `--gpu` names; `all` are those that are here, the first one where there are none.

    Raises: UsageError for words that are no numbers, or one twice.

    >>> gpus_of("0,1")
    ('0', '1')
    """
    if word == "all":
        import torch

        return tuple(map(str, range(max(1, torch.cuda.device_count()))))
    gpus = tuple(part.strip() for part in word.split(","))
    if not all(gpu.isdecimal() for gpu in gpus) or len(set(gpus)) < len(gpus):
        raise UsageError(f"--gpu takes numbers separated by commas, each once, or all, not '{word}'")
    return gpus


def is_several(options: Options) -> bool:
    """Whether a training takes several processes, or is one of several that torchrun started."""
    return len(options.gpus) > 1 or options.processes > 1 or is_of_several()


def add_configuration(parser: ArgumentParser) -> None:
    """What is told about a configuration of EBLearn's: `--run-type`, `--set`, `--allow-shell`."""
    parser.add_argument(
        "--run-type",
        choices=("train", "detect", "fprop"),
        default="train",
        help="of a .conf: as who reads it",
    )
    add_settings(parser)
    parser.add_argument("--allow-shell", action="store_true", help="run the commands that a .conf holds")


def add_settings(
    parser: ArgumentParser, meaning: str = "of a .conf: replace a variable; may be given several times"
) -> None:
    """`--set`, which replaces values of a file."""
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help=meaning,
    )


def setting_of(text: str) -> tuple[str, str]:
    """The key and the value of a `--set`.

    Raises: UsageError without an equals sign.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set takes KEY=VALUE, not '{text}'", hint="such as --set base_lr=0.02")
    return key.strip(), value.strip()


def state_of(args: Namespace, net: Net, phase: Phase) -> State:
    """The state that the command line asks for; stages add to the file's own."""
    stages = frozenset(name for name in args.stage.split(",") if name)
    own = net.state or State()
    return State(phase, args.level or own.level, own.stages | stages)


def device_of(word: str) -> tuple[Literal["cpu", "gpu"], int]:
    """The device that `--device` names: which kind, and which one of the GPUs.

    Raises: UsageError for another word.

    >>> device_of("gpu:1"), device_of("cpu")
    (('gpu', 1), ('cpu', 0))
    """
    name, colon, index = word.partition(":")
    if name == "cpu" and not colon:
        return "cpu", 0
    if name != "gpu" or (colon and not index.isdecimal()):
        raise UsageError(f"there is no device '{word}'", hint="cpu, gpu or gpu:N")
    return "gpu", int(index or 0)


def add_windows(parser: ArgumentParser) -> None:
    """Pictures in windows, where there is a screen."""
    parser.add_argument("--show", action="store_true", help="show pictures in windows, if there is a screen")
    parser.add_argument("--wait", action="store_true", help="leave the windows open until they are closed")


def given_shape(word: str) -> tuple[str, Shape]:
    """An input's shape on the command line.

    >>> given_shape("data=1x3x224x224")
    ('data', (1, 3, 224, 224))
    """
    blob, _, sizes = word.partition("=")
    parts = sizes.replace(",", "x").split("x")
    if not blob or not all(part.isdecimal() and int(part) for part in parts):
        raise ArgumentTypeError(f"'{word}' is not BLOB=NxCxHxW, such as data=1x3x224x224")
    return blob, tuple(map(int, parts))
