"""Finding and loading the compiled library, and saying why where there is none.

The environment variable LENET_KERNELS holds it back: `torch` leaves it alone, `portable` and `avx2` allow
at most these instruction sets (to compare them, and to find out whether a wrong number comes from here).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import cast

from lenet.errors import MissingExtra

TARGETS = ("portable", "avx2", "avx512")  # in the order of abi.h
VARIABLE = "LENET_KERNELS"
WIDTHS = {"portable": "128-bit vectors", "avx2": "AVX2", "avx512": "AVX-512"}
_HOW = "install the package again where there is a C++ compiler (g++ or clang++)"


@dataclass(frozen=True)
class Loaded:
    """The library, or the reason why there is none; `hint` says what helps."""

    library: ctypes.CDLL | None
    target: str = ""  # of TARGETS
    reason: str = ""
    hint: str = ""


def available() -> bool:
    """Whether there is a library to use."""
    return load().library is not None


def required() -> ctypes.CDLL:
    """The library.

    Raises: MissingExtra where there is none, with the reason.
    """
    found = load()
    if found.library is None:
        raise MissingExtra(f"there are no compiled kernels: {found.reason}", hint=found.hint)
    return found.library


def describe() -> str:
    """Which kernels are in use and why, in one line."""
    found = load()
    if found.library is None:
        return f"plain torch ({found.reason})"
    return f"compiled, with {WIDTHS[found.target]}"


@cache
def load() -> Loaded:
    """Load the library once for this process."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "torch":
        return Loaded(None, reason=f"{VARIABLE}=torch", hint=f"unset {VARIABLE}")
    if wanted and wanted not in TARGETS:
        reason = f"{VARIABLE}={wanted} is none of torch, {', '.join(TARGETS)}"
        return Loaded(None, reason=reason, hint=f"unset {VARIABLE}")
    path = _path()
    if path is None:
        return Loaded(None, reason="they were not compiled when the package was installed", hint=_HOW)
    try:
        library = ctypes.CDLL(str(path))
        library.lenet_source.restype = ctypes.c_char_p
        source = library.lenet_source().decode()
    except (OSError, AttributeError) as error:
        return Loaded(None, reason=f"{path.name} cannot be loaded: {error}", hint=_HOW)
    if _source() not in ("", source):
        return Loaded(None, reason=f"{path.name} was compiled from another version of the source", hint=_HOW)
    return Loaded(library, TARGETS[choose(library, wanted or TARGETS[-1])])


def choose(library: ctypes.CDLL, most: str) -> int:
    """Allow at most this instruction set from now on; the number of the one then in use."""
    return int(library.lenet_choose_target(TARGETS.index(most)))


def function(name: str, *kinds: type[object]) -> Callable[..., int]:
    """A function of the library that gives 0 when it is done, with the ctypes kinds of its arguments.

    The caller sees to it that pointers stay valid; Python's lock is not held while it runs.
    Raises: MissingExtra where there is no library; the function MemoryError where there is too little memory.
    """
    found = getattr(required(), name)
    found.argtypes, found.restype, found.errcheck = kinds, ctypes.c_int, _checked
    return cast(Callable[..., int], found)


def _checked(result: int, called: object, _: object) -> int:
    if result:
        raise MemoryError(f"{getattr(called, '__name__', called)} found too little memory")
    return result


def _path() -> Path | None:
    folder = Path(__file__).parent
    found = (folder / f"_compiled{suffix}" for suffix in EXTENSION_SUFFIXES)
    return next((path for path in found if path.is_file()), None)


def _source() -> str:
    """What a library would be compiled from, as setup.py counts it; "" where the source is not installed."""
    folder = Path(__file__).parent
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".cpp", ".h", ".inc"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16] if paths else ""
