"""Caffe's other tools, and those of 2013-14 that `caffe` took the place of, as lines of today's `caffe`.

They are called by their names, with or without the `.bin` that old scripts write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lenet.dialects.caffe.command import (
    COMMANDS,
    SWITCH_WORDS,
    Flag,
    FlagError,
    Line,
    check,
    check_value,
    read_flags,
)
from lenet.errors import Notes

BACKENDS = ("lmdb", "leveldb")
BACKEND = {
    "backend": Flag("string", "lmdb", "the database to write, lmdb or leveldb", BACKENDS),
    "force": Flag("bool", "false", "replace a database that exists (Caffe's tools never do)"),
}
PAIRS = {
    "backend": Flag("string", "leveldb", "the database to write, lmdb or leveldb", BACKENDS),
    "seed": Flag("int32", "-1", "draws the same pairs again; -1 draws new ones each time"),
    "force": BACKEND["force"],
}
IMAGES = {
    **BACKEND,
    "gray": Flag("bool", "false", "one channel of grey instead of three of colour"),
    "shuffle": Flag("bool", "false", "mix the order of the images, each time anew"),
    "resize_width": Flag("int32", "0", "the width of every image, 0 for its own"),
    "resize_height": Flag("int32", "0", "the height of every image, 0 for its own"),
    "check_size": Flag("bool", "false", "refuse an image of another size than the first one"),
    "encoded": Flag("bool", "false", "store image files instead of pixels"),
    "encode_type": Flag("string", "", "their kind: png, jpg, ...; without it the file's own"),
}
PLACES = ("CPU", "GPU")


@dataclass(frozen=True)
class Tool:
    """A tool of between `least` and `most` words, and where Caffe's build puts it; "" if Caffe has none.

    `line` makes of its words what is done, None keeps them as they are; `flags` are those that it has
    itself.  A `script` is one of Caffe's Python scripts: all its words are its own, taken apart when it
    runs.
    """

    folder: str
    usage: str
    least: int
    most: int
    line: Callable[[list[str]], Line] | None = None
    flags: Mapping[str, Flag] = field(default_factory=dict)
    script: bool = False


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
        flags["gpu"] = words[1].removeprefix("DEVICE_ID=") if len(words) > 1 else "0"
    return flags


def _upgrade(form: str) -> Callable[[list[str]], Line]:
    return lambda words: Line("upgrade", {"form": form}, words)


def _extract(words: list[str]) -> Line:
    """Six words, the last one a database's kind, and a place."""
    if not words[4].isdecimal() or not int(words[4]):
        raise FlagError(f"the number of batches is a whole number of 1 or more, not '{words[4]}'")
    _check_backend(words[5])
    return Line("extract_features", _with_place({}, words[6:]), words[:6])


def _cifar(words: list[str]) -> Line:
    _check_backend(words[2])
    return Line("convert_cifar_data", {}, words)


def _check_backend(word: str) -> None:
    if word not in BACKENDS:
        raise FlagError(f"the kind of database is {' or '.join(BACKENDS)}, not '{word}'")


def _images(words: list[str]) -> Line:
    """Three words; behind them those that were flags' values before there were flags."""
    flags = dict(zip(("shuffle", "backend", "resize_height", "resize_width"), words[3:], strict=False))
    for name, value in flags.items():
        check_value(name, IMAGES[name], value)
    return Line("convert_imageset", flags, words[:3])


def _mean(words: list[str]) -> Line:
    """One or two words; the third one was once the backend."""
    flags = {"backend": words[2]} if len(words) > 2 else {}
    for value in flags.values():
        _check_backend(value)
    return Line("compute_image_mean", flags, words[:2])


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
        flags=BACKEND,
    ),
    "convert_mnist_siamese_data": Tool(
        "examples/siamese",
        "IMAGES LABELS DATABASE [--backend lmdb|leveldb] [--seed N]",
        3,
        3,
        flags=PAIRS,
    ),
    "convert_cifar_data": Tool(
        "examples/cifar10",
        "INPUT_FOLDER OUTPUT_FOLDER lmdb|leveldb",
        3,
        3,
        _cifar,
        {"force": BACKEND["force"]},
    ),
    "convert_imageset": Tool("tools", "[FLAGS] ROOTFOLDER/ LISTFILE DATABASE", 3, 7, _images, IMAGES),
    "compute_image_mean": Tool(
        "tools",
        "[-backend lmdb|leveldb] DATABASE [MEAN.binaryproto]",
        1,
        3,
        _mean,
        {"backend": Flag("string", "lmdb", "the database to read, lmdb or leveldb", BACKENDS)},
    ),
    "extract_features": Tool(
        "tools",
        f"WEIGHTS NET BLOB[,BLOB...] DATABASE[,DATABASE...] BATCHES lmdb|leveldb {_PLACE}",
        6,
        8,
        _extract,
        {"force": BACKEND["force"]},
    ),
    "classification": Tool(
        "examples/cpp_classification", "DEPLOY WEIGHTS MEAN.binaryproto LABELS.txt IMAGE", 5, 5
    ),
    "classify.py": Tool("python", "[OPTIONS] IMAGE|FOLDER|ARRAYS.npy SCORES.npy", 0, 0, script=True),
    "detect.py": Tool("python", "[OPTIONS] WINDOWS.csv|IMAGES.txt RESULT.csv|RESULT.h5", 0, 0, script=True),
    "draw_net.py": Tool("python", "[OPTIONS] NET PICTURE.svg|PICTURE.png", 0, 0, script=True),
    "parse_log.py": Tool("tools/extra", "[OPTIONS] LOG FOLDER", 0, 0, script=True),
    "plot_training_log.py.example": Tool("tools/extra", "0-7 PICTURE.png LOG...", 0, 0, script=True),
    "summarize.py": Tool("tools/extra", "[-w LETTERS] NET", 0, 0, script=True),
    "make-deploy": Tool("", "[OPTIONS] TRAIN_TEST.prototxt DEPLOY.prototxt", 0, 0, script=True),
}


def tool_name(word: str) -> str | None:
    """The tool that a word names, if it is one; what `caffe` has as a command, too, needs its `.bin`.

    >>> tool_name("train_net"), tool_name("device_query.bin"), tool_name("device_query")
    ('train_net', 'device_query', None)
    """
    name = word.removesuffix(".bin")
    names = (f"{name}{ending}" for ending in ("", ".py", ".py.example"))
    return next((name for name in names if name in TOOLS and word not in COMMANDS), None)


def read_tool(name: str, words: Sequence[str], notes: Notes) -> Line:
    """The line for `NAME WORDS...`; flags are the tool's own.

    Raises: FlagError for too few or too many words, or wrong ones.

    >>> read_tool("train_net", ["s.prototxt", "lenet_iter_5000.solverstate"], Notes()).flags
    {'solver': 's.prototxt', 'snapshot': 'lenet_iter_5000.solverstate'}
    """
    tool = TOOLS[name]
    if tool.script:
        return Line(name, {}, list(words))
    given = read_flags(words, tool.flags, notes)
    count = len(given.words)
    if not tool.least <= count <= tool.most:
        wanted = tool.least if tool.least == tool.most else f"{tool.least} to {tool.most}"
        raise FlagError(f"{name} takes {wanted} words, not {count}", hint=f"usage: {name} {tool.usage}")
    line = tool.line(given.words) if tool.line else Line(name, {}, given.words)
    line.flags |= given.flags
    return check(line) if line.command in COMMANDS else line


def setting(line: Line, name: str) -> str:
    """The value of a tool's own flag, its default if it was not given."""
    return line.flags.get(name, TOOLS[line.command].flags[name].default)


def switched_on(line: Line, name: str) -> bool:
    """Whether a tool's switch is on."""
    return setting(line, name).lower() in SWITCH_WORDS["true"]
