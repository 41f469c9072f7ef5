"""`lenet shims DIR`: launchers where Caffe or EBLearn have their programs, so that old scripts run."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from lenet.cli import examples
from lenet.dialects.caffe.tools import TOOLS
from lenet.dialects.eblearn.dataset_options import TOOLS as DATA_TOOLS
from lenet.errors import FileError, Notes, Where
from lenet.formats.files import file_error, whole_file

MARK = "# Written by `lenet shims`"  # tells our launchers from somebody's own programs


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="the root of a tree laid out like theirs")
    parser.add_argument(
        "--system", choices=("caffe", "eblearn"), default="caffe", help="whose programs they are (caffe)"
    )
    parser.epilog = examples(
        "lenet shims .                                 # in the root of a tree like Caffe's",
        "./examples/mnist/create_mnist.sh              # calls build/examples/mnist/convert_mnist_data.bin",
        "./examples/mnist/train_lenet.sh               # calls build/tools/caffe",
        'PATH="$PWD/build/tools:$PATH" caffe train --solver=solver.prototxt',
        "lenet shims --system eblearn .                # bin/train, bin/dscompile ...",
    )


def run(args: Namespace) -> int:
    """Write the launchers; files that are not ours are left alone, and then none is written.

    Raises: FileError that names them.
    """
    places = eblearn_layout() if args.system == "eblearn" else layout()
    launchers = {args.folder / place: words for place, words in places.items()}
    own = [path for path in launchers if ".py" in path.suffixes and path.exists() and not _is_ours(path)]
    for path in own:  # of a tree that is Caffe's own: its scripts work, too
        print(f"{path}: left as it is, not written by lenet shims; 'lenet run {path}' runs it")
        del launchers[path]
    _refuse_foreign(launchers)
    for path, words in launchers.items():
        _write(path, python_launcher(words) if ".py" in path.suffixes else launcher(words))
    folder = args.folder / ("bin" if args.system == "eblearn" else "build")
    print(f"{len(launchers)} launchers, most under {folder}, for {sys.executable}")
    return 0


def layout() -> dict[str, str]:
    """Where each launcher lies in Caffe's tree, and the words of ours that it stands for."""
    programs = {"caffe": ("tools", "caffe")}
    programs |= {name: (tool.folder, f"caffe {name}.bin") for name, tool in TOOLS.items() if not tool.script}
    placed = {name: tool for name, tool in TOOLS.items() if tool.folder}
    scripts = {f"{tool.folder}/{name}": f"caffe {name}" for name, tool in placed.items() if tool.script}
    return scripts | {
        f"build/{folder}/{name}{ending}": words
        for name, (folder, words) in programs.items()
        for ending in ("", ".bin")
    }


def eblearn_layout() -> dict[str, str]:
    """The same for EBLearn's tree."""
    tools = ("train", "detect", "metarun", "metaparse", "maketable", *DATA_TOOLS)
    return {f"bin/{tool}": f"eblearn {tool}" for tool in tools}


def launcher(words: str) -> str:
    """The text of a launcher; -P keeps a folder called `lenet` where it is started from out of the way."""
    return f'#!/bin/sh\n{MARK}: lenet {words}\nexec {shlex.quote(sys.executable)} -P -m lenet {words} "$@"\n'


def python_launcher(words: str) -> str:
    """The text of a launcher that is called as Caffe's Python scripts are: with or without `python`."""
    command = [sys.executable, "-P", "-m", "lenet", *words.split()]
    return (
        f"#!/usr/bin/env python3\n{MARK}: lenet {words}\nimport os\nimport sys\n\n"
        f"COMMAND = {command!r}\nos.execv(COMMAND[0], COMMAND + sys.argv[1:])\n"
    )


def _refuse_foreign(paths: dict[Path, str]) -> None:
    notes = Notes()
    for path in paths:
        if path.exists() and not _is_ours(path):
            notes.error(FileError("is there already and was not written by lenet shims", Where(str(path))))
    notes.check()


def _is_ours(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return MARK in file.read(200)
    except OSError:
        return False


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(error, path.parent) from None
    with whole_file(path) as file:
        file.write(text.encode())
    path.chmod(0o755)
