"""Foreign spelling to our descriptions and back; one folder per system, found through a lazy table."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lenet.errors import UsageError, Where, did_you_mean
from lenet.formats.files import file_error


@dataclass(frozen=True)
class Dialect:
    """A system whose files are read: its name, the suffixes of its files, where its code is.

    `module` has a submodule per task (net, solver, weights, contents) and is imported when asked for.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str

    def load(self, task: str) -> ModuleType:
        """Import the submodule for a task, such as "net" or "weights"."""
        return import_module(f"{self.module}.{task}")

    def claims(self, path: str | Path) -> bool:
        """Whether the first bytes of a file look like this dialect's.

        Raises: FileError if the file cannot be read.
        """
        return self.load("contents").content_of(path) is not None


DIALECTS = {
    "caffe": Dialect(
        "caffe",
        (
            ".prototxt",
            ".prototext",
            ".pbtxt",
            ".caffemodel",
            ".solverstate",
            ".caffemodel.h5",
            ".solverstate.h5",
        ),
        "lenet.dialects.caffe",
    ),
    "eblearn": Dialect("eblearn", (".conf", ".mat"), "lenet.dialects.eblearn"),
    "keras": Dialect("keras", (".keras", ".weights.h5", ".h5", ".hdf5", ".json"), "lenet.dialects.keras"),
    "onnx": Dialect("onnx", (".onnx",), "lenet.dialects.onnx"),
    "pytorch": Dialect("pytorch", (".pt", ".pt2", ".py"), "lenet.dialects.pytorch"),
    "native": Dialect("native", (".safetensors",), "lenet.dialects.native"),
}


def by_suffix(path: str | Path) -> Dialect:
    """The dialect that writes files of this name; longer suffixes win.

    Raises: UsageError if no suffix is known.

    >>> by_suffix("lenet.onnx").name
    'onnx'
    """
    found = _named(path)
    if found:
        return found
    known = [suffix for dialect in DIALECTS.values() for suffix in dialect.suffixes]
    hint = did_you_mean(Path(path).suffix, known) or f"end it in {', '.join(known)}"
    raise UsageError(f"'{path}' does not say which system is wanted", hint=hint)


def _named(path: str | Path) -> Dialect | None:
    """The dialect of a file's suffix."""
    name = Path(path).name.lower()
    endings = {suffix: dialect for dialect in DIALECTS.values() for suffix in dialect.suffixes}
    fitting = [suffix for suffix in endings if name.endswith(suffix)]
    return endings[max(fitting, key=len)] if fitting else None  # .caffemodel.h5 before .h5


def recognise(path: str | Path) -> Dialect:
    """The dialect of a file: by its suffix, else by its first bytes.

    Raises: FileError if the file cannot be read; UsageError if it is nobody's.

    >>> recognise("lenet_solver.prototxt").name  # a suffix says enough, the file is not opened
    'caffe'
    """
    found = _named(path)
    if found:
        return found
    if Path(path).is_dir():
        raise file_error(IsADirectoryError(21, "is a directory"), path)
    for dialect in DIALECTS.values():
        if dialect.claims(path):
            return dialect
    known = ", ".join(suffix for dialect in DIALECTS.values() for suffix in dialect.suffixes)
    raise UsageError("this is a file of no system that is known", Where(str(path)), f"known are: {known}")
