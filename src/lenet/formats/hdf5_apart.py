"""HDF5 files read by the library in a process of its own, which a damaged file may end.

The process gets the file and gives back its groups as a file of the plain form, or what is wrong with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from lenet.errors import FileError, Where, need
from lenet.formats.hdf5_library import read_with_library, write_tree

SECONDS, A_SECOND = 20.0, 10_000_000  # beside starting, and bytes for which there is one more
_SERVE = "from lenet.formats.hdf5_apart import serve; serve()"
_GOOD, _BAD = b"+", b"-"
MEMORY, A_BYTE = 2 << 30, 64  # bytes that the process may take, and how many more for one of the file
_DAMAGED = "make the file anew, or get it again"


def read_apart(data: bytes, where: Where, leave_out: frozenset[str]) -> bytes:
    """A file in the plain form, without the groups whose names are in `leave_out`.

    Raises: FileError for a file that cannot be read, or ends the library; MissingExtra without h5py.
    """
    try:
        import h5py  # noqa: F401 before a process is started in vain
    except ImportError:
        raise need("h5py", "hdf5", "reading an HDF5 file") from None
    seconds = SECONDS + len(data) / A_SECOND
    try:
        answer = _asked(json.dumps(sorted(leave_out)).encode() + b"\n" + data, seconds)
    except subprocess.TimeoutExpired:
        reason = f"the HDF5 library did not come to an end within {seconds:.3g} seconds"
        raise FileError(reason, where, _DAMAGED) from None
    kind, rest = answer[:1], answer[1:]
    if kind not in (_GOOD, _BAD):
        reason = "this is no whole HDF5 file: the HDF5 library broke down when it read it"
        raise FileError(reason, where, _DAMAGED)
    if kind == _BAD:
        message, hint = json.loads(rest)
        raise FileError(message, where, hint)
    return rest


def _asked(question: bytes, seconds: float) -> bytes:
    """What a process of its own answers, nothing if it broke down.

    Raises: TimeoutExpired.
    """
    home = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-c", _SERVE],
        input=question,
        capture_output=True,
        timeout=seconds,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    return b"" if done.returncode else done.stdout


def serve() -> None:
    """Read a question from the standard input and write the answer to the standard output."""
    question = sys.stdin.buffer.read()
    _limit_memory(MEMORY + A_BYTE * len(question))
    sys.stdout.buffer.write(answer_to(question))


def answer_to(question: bytes) -> bytes:
    """The file in the plain form, or what is wrong; asked are the groups to leave out, a line, and a file."""
    names, data = question.split(b"\n", 1)
    try:
        return _GOOD + write_tree(read_with_library(data, Where(), frozenset(json.loads(names))))
    except FileError as error:
        return _BAD + json.dumps([error.message, error.hint]).encode()
    except MemoryError:
        return _BAD + json.dumps(["unpacks to more than such a file can hold", _DAMAGED]).encode()
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        return _BAD + json.dumps([f"holds what is not read: {error}", ""]).encode()


def _limit_memory(size: int) -> None:
    """Let no file take more than some bytes, where the system can see to that."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or most > size:
        resource.setrlimit(resource.RLIMIT_DATA, (size, most))
