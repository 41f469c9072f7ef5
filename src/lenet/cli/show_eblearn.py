"""What `lenet show` says of EBLearn's files: configurations, matrices, weights."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.contents import content_of
from lenet.dialects.eblearn.net import net_from_values
from lenet.dialects.eblearn.weights import iteration_of
from lenet.errors import FileError, Notes, UsageError, Where
from lenet.formats.conf_resolve import shell_output
from lenet.formats.matrices import MatrixFile, holds_several
from lenet.formats.matrix import read_matrix, read_matrix_header
from lenet.net import Net
from lenet.report.network import number
from lenet.shapes import text


def read_configured(args: Namespace, notes: Notes) -> Net:
    """The network of a configuration as the arguments ask for it.

    Raises: LenetError with all that is wrong in the file; UsageError for a setting without `=`.
    """
    settings = [_setting(word) for word in args.settings]
    shell = shell_output if args.allow_shell else None
    values = read_values(args.file, notes, args.run_type, settings=settings, run_shell=shell)
    notes.check()
    return net_from_values(values, notes)


def show_matrix(path: Path) -> None:
    """Print what a file of one or several matrices holds.

    Raises: FileError if it cannot be read.
    """
    if content_of(path) != "matrix":
        raise FileError("is no matrix of EBLearn's", Where(str(path)), "Matlab's files have the same ending")
    header = read_matrix_header(path)
    if holds_several(path):
        with MatrixFile(path) as matrices:
            first = next((found for found in map(matrices.header, range(len(matrices))) if found), None)
            what = f", the first {text(first.shape)} of {first.type}" if first else ""
            print(f"{path}: {number(len(matrices))} matrices, arranged as {text(matrices.shape)}{what}")
        return
    array = read_matrix(path)
    span = f", {array.min():g} to {array.max():g}, mean {array.mean():g}" if array.size else ""
    iteration = iteration_of(path)
    weights = f": weights after {iteration} iterations" if iteration is not None and array.ndim == 1 else ""
    print(f"{path}{weights}: matrix of {text(header.shape)}, {header.type}{span}")


def _setting(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"--set takes NAME=VALUE, not '{word}'", hint="such as --set conv0_kernel=5x5")
    return name.strip(), value.strip()
