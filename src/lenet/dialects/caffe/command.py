"""Caffe's command line: `caffe COMMAND` with its flags, taken apart as gflags does and checked.

Nothing runs here; what a command does is the command line's business (`lenet caffe`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lenet.errors import Notes, UsageError, did_you_mean


class FlagError(UsageError):
    """A wrong flag; Caffe's tools leave with 1."""

    exit_code = 1


@dataclass(frozen=True)
class Flag:
    """A flag of Caffe's: its kind, its default, what it means, the words it may have (none: any)."""

    kind: Literal["string", "int32", "bool"]
    default: str
    help: str
    words: tuple[str, ...] = ()


SWITCH_WORDS = {"true": ("true", "t", "yes", "y", "1"), "false": ("false", "f", "no", "n", "0")}
EFFECTS = ("snapshot", "stop", "none")
FLAGS = {
    "gpu": Flag("string", "", "the GPUs to run on, separated by commas, or 'all'"),
    "iterations": Flag("int32", "50", "how many batches are tested, or iterations timed"),
    "level": Flag("int32", "0", "the level of the network's state"),
    "model": Flag("string", "", "the network to test or time, a prototxt"),
    "phase": Flag("string", "", "which network to time, TRAIN or TEST", ("", "TRAIN", "TEST")),
    "sighup_effect": Flag("string", "snapshot", "what SIGHUP does: snapshot, stop or none", EFFECTS),
    "sigint_effect": Flag("string", "stop", "what Ctrl-C does: snapshot, stop or none", EFFECTS),
    "snapshot": Flag("string", "", "the solver state to go on training from"),
    "solver": Flag("string", "", "the solver to train with, a prototxt"),
    "stage": Flag("string", "", "the stages of the network's state, separated by commas"),
    "weights": Flag("string", "", "the weights to start from or to test, separated by commas"),
}

# What Caffe has no flag for, as it runs such code unasked.
OWN_FLAGS = {"allow_python": Flag("bool", "false", "run the code that Python layers name; Caffe always does")}
ALL_FLAGS = {**FLAGS, **OWN_FLAGS}

# The flags that glog adds to every tool: there is nothing that they could change here.
LOG_SWITCHES = ("logtostderr", "alsologtostderr", "logtostdout", "colorlogtostderr", "log_prefix")
LOG_VALUES = ("log_dir", "minloglevel", "stderrthreshold", "v", "vmodule", "logbufsecs", "max_log_size")


@dataclass(frozen=True)
class Command:
    """A command of `caffe`: what it does and the flags that it cannot do without."""

    help: str
    needs: tuple[str, ...] = ()


COMMANDS = {
    "train": Command("train a network, or go on training it", ("solver",)),
    "test": Command("score a network", ("model", "weights")),
    "device_query": Command("say which GPUs there are"),
    "time": Command("time every layer of a network", ("model",)),
}


@dataclass
class Line:
    """A command line taken apart: the command, the flags that were given, the other words."""

    command: str = ""
    flags: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def get(self, name: str) -> str:
        """The value of a flag of `caffe`, its default if it was not given."""
        return self.flags.get(name, ALL_FLAGS[name].default)

    def on(self, name: str) -> bool:
        """Whether a switch of `caffe` is on."""
        return self.get(name).lower() in SWITCH_WORDS["true"]


def read_command(words: Sequence[str], notes: Notes) -> Line:
    """A command line of `caffe`.

    Raises: FlagError for an unknown command or flag, a wrong value, a flag that is missing.

    >>> read_command(["train", "-solver", "s.prototxt", "--gpu=0"], Notes())
    Line(command='train', flags={'solver': 's.prototxt', 'gpu': '0'}, words=[])
    """
    line = read_flags(words, ALL_FLAGS, notes)
    line.command = line.words.pop(0) if line.words else ""
    if line.command not in COMMANDS:
        raise FlagError(
            f"caffe has no command '{line.command}'",
            hint=did_you_mean(line.command, COMMANDS) or f"it has {', '.join(COMMANDS)}",
        )
    for word in line.words:
        notes.warn(f"'{word}' is not read: caffe {line.command} takes flags only")
    return check(line)


def check(line: Line) -> Line:
    """The line itself, if its command can do with its flags.

    Raises: FlagError.
    """
    for name, value in line.flags.items():
        check_value(name, ALL_FLAGS[name], value)
    for name in COMMANDS[line.command].needs:
        if not line.get(name):
            raise FlagError(f"caffe {line.command} needs -{name}", hint=f"-{name}: {FLAGS[name].help}")
    if line.get("snapshot") and line.get("weights"):
        raise FlagError(
            "-snapshot and -weights exclude each other",
            hint="-snapshot goes on with a run, -weights starts a new one from trained weights",
        )
    return line


def read_flags(words: Sequence[str], known: Mapping[str, Flag], notes: Notes) -> Line:
    """Flags anywhere on a line: `-f v`, `--f v`, `-f=v`, `--f=v`; after `--` there are none.

    Switches are `-f`, `-nof` or `-f=true`.

    Raises: FlagError for a flag that is not known, has no value or a wrong one.

    >>> read_flags(["-gpu", "0", "train", "--solver=s.prototxt"], FLAGS, Notes())
    Line(command='', flags={'gpu': '0', 'solver': 's.prototxt'}, words=['train'])
    """
    line = Line()
    rest = iter(words)
    for word in rest:
        if word == "--":
            line.words.extend(rest)
        elif len(word) > 1 and word.startswith("-"):
            _read_flag(word, rest, known, line, notes)
        else:
            line.words.append(word)
    return line


def _read_flag(word: str, rest: Iterator[str], known: Mapping[str, Flag], line: Line, notes: Notes) -> None:
    name, equals, value = word.lstrip("-").partition("=")
    if name.removeprefix("no") in LOG_SWITCHES or name in LOG_VALUES:
        if name in LOG_VALUES and not equals:
            next(rest, None)
        notes.inform(f"flag -{name} has no effect: messages go to stderr")
        return
    if name not in known and not equals and _is_switch(name.removeprefix("no"), known):
        line.flags[name.removeprefix("no")] = "false"
        return
    if name not in known:
        raise FlagError(f"unknown flag '{word.partition('=')[0]}'", hint=did_you_mean(name, known))
    if known[name].kind == "bool":
        value, equals = (value if equals else "true"), "="  # the word behind a switch is never its value
    found = value if equals else next(rest, None)
    if found is None:
        raise FlagError(f"flag -{name} needs a value", hint=f"-{name}: {known[name].help}")
    check_value(name, known[name], found)
    line.flags[name] = found


def _is_switch(name: str, known: Mapping[str, Flag]) -> bool:
    return name in known and known[name].kind == "bool"


def check_value(name: str, flag: Flag, value: str) -> None:
    """Refuse a value that a flag cannot have.

    Raises: FlagError.
    """
    if flag.kind == "int32" and not value.removeprefix("-").isdecimal():
        hint = f"-{name}: {flag.help} ({flag.default})"
        raise FlagError(f"flag -{name} needs a whole number, not '{value}'", hint=hint)
    if flag.kind == "bool" and not any(value.lower() in words for words in SWITCH_WORDS.values()):
        raise FlagError(f"flag -{name} is true or false, not '{value}'", hint=f"-{name} or -no{name}")
    if flag.words and value not in flag.words:
        allowed = " or ".join(word for word in flag.words if word)
        raise FlagError(f"flag -{name} is {allowed}, not '{value}'", hint=f"-{name}: {flag.help}")
