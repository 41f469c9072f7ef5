"""Caffe's other tools, and those of 2013-14 that `caffe` took the place of, as lines of today's `caffe`.

They are called by their names, with or without the `.bin` that old scripts write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lenet.dialects.caffe.command import COMMANDS, Flag, FlagError, Line, check, read_flags
from lenet.errors import Notes

BACKEND = {"backend": Flag("string", "lmdb", "the database to write, lmdb or leveldb", ("lmdb", "leveldb"))}
PLACES = ("CPU", "GPU")


@dataclass(frozen=True)
class Tool:
    """A tool of between `least` and `most` words, and where Caffe's build puts it.

    `line` makes of its words what is done; `flags` are those that it has itself.
    """

    folder: str
    usage: str
    least: int
    most: int
    line: Callable[[list[str]], Line]
    flags: bool = False


def _named(command: str, *flags: str) -> Callable[[list[str]], Line]:
    """Words in a fixed order, each the value of a flag of `caffe`."""
    return lambda words: Line(
        command, _with_place(dict(zip(flags, words, strict=False)), words[len(flags) :])
    )


def _with_place(flags: dict[str, str], words: Sequence[str]) -> dict[str, str]:
    """`CPU` or `GPU [DEVICE]` at the end of an old line."""
    if words and words[0] not in PLACES:
        raise FlagError(f"'{words[0]}' is neither CPU nor GPU")
    if words and words[0] == "GPU":
        flags["gpu"] = words[1] if len(words) > 1 else "0"
    return flags


def _upgrade(form: str) -> Callable[[list[str]], Line]:
    return lambda words: Line("upgrade", {"form": form}, words)


_PLACE = "[CPU|GPU [DEVICE]]"
TOOLS = {
    "train_net": Tool("tools", "SOLVER [STATE]", 1, 2, _named("train", "solver", "snapshot")),
    "finetune_net": Tool("tools", "SOLVER WEIGHTS", 2, 2, _named("train", "solver", "weights")),
    "test_net": Tool(
        "tools",
        f"NET WEIGHTS ITERATIONS {_PLACE}",
        3,
        5,
        _named("test", "model", "weights", "iterations"),
    ),
    "net_speed_benchmark": Tool(
        "tools", f"NET [ITERATIONS {_PLACE}]", 1, 4, _named("time", "model", "iterations")
    ),
    "device_query": Tool("tools", "[DEVICE]", 0, 1, _named("device_query", "gpu")),
    "upgrade_net_proto_text": Tool("tools", "IN OUT", 2, 2, _upgrade("text")),
    "upgrade_net_proto_binary": Tool("tools", "IN OUT", 2, 2, _upgrade("binary")),
    "upgrade_solver_proto_text": Tool("tools", "IN OUT", 2, 2, _upgrade("text")),
    "convert_mnist_data": Tool(
        "examples/mnist",
        "IMAGES LABELS DATABASE [--backend lmdb|leveldb]",
        3,
        3,
        lambda words: Line("convert_mnist_data", {}, words),
        flags=True,
    ),
}


def tool_name(word: str) -> str | None:
    """The tool that a word names, if it is one; what `caffe` has as a command, too, needs its `.bin`.

    >>> tool_name("train_net"), tool_name("device_query.bin"), tool_name("device_query")
    ('train_net', 'device_query', None)
    """
    name = word.removesuffix(".bin")
    return name if name in TOOLS and word not in COMMANDS else None


def read_tool(name: str, words: Sequence[str], notes: Notes) -> Line:
    """The line for `NAME WORDS...`; flags are the tool's own.

    Raises: FlagError for too few or too many words, or wrong ones.

    >>> read_tool("train_net", ["s.prototxt", "lenet_iter_5000.solverstate"], Notes()).flags
    {'solver': 's.prototxt', 'snapshot': 'lenet_iter_5000.solverstate'}
    """
    tool = TOOLS[name]
    given = read_flags(words, BACKEND if tool.flags else {}, notes)
    count = len(given.words)
    if not tool.least <= count <= tool.most:
        wanted = tool.least if tool.least == tool.most else f"{tool.least} to {tool.most}"
        raise FlagError(f"{name} takes {wanted} words, not {count}", hint=f"usage: {name} {tool.usage}")
    line = tool.line(given.words)
    line.flags |= given.flags
    return check(line) if line.command in COMMANDS else line
