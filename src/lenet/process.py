"""What is settled for a whole process: by our own command only, never for a program that uses the library."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

_COMMANDS = ("lenet", "lenet.__main__")  # what the main module is called where the command runs
_OBJECTS = 200_000  # a few more than importing torch makes, all of which stay

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_* of malloc.h
_MOST = 2**30  # bytes: of a block that is kept, and of free memory at the end that is not handed back
_MOST_BEFORE = 2**25  # older libraries refuse to keep larger blocks
#: who set one of these has decided
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_command() -> bool:
    """Whether this process is our own command's, not a program that uses the library."""
    main = sys.modules.get("__main__")
    specification = getattr(main, "__spec__", None)
    name = specification.name if specification else Path(getattr(main, "__file__", None) or "").stem
    return name in _COMMANDS


def collect_rarely() -> None:
    """Let Python look for objects that hold each other only after many new ones.

    It does so some hundred times while torch is imported, a twelfth of the time that this takes.
    """
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])


class Leaving:
    """Lets this process leave at once when all that is to be done at its end is done.

    Taking down Python's and torch's objects one by one takes half a second otherwise.  To be made before
    anything else asks to be called at the end, for what is asked first comes last.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._leave)

    def with_code(self, code: int) -> None:
        """Leave with this code; where code of others ran, as Python does: they may count on it."""
        others = "lenet.pycaffe" in sys.modules or "lenet.keras" in sys.modules  # what serves that code
        watched = sys.gettrace() or sys.getprofile()  # by who tells at the end what was seen
        self._code = None if others or watched else code

    def _leave(self) -> None:
        if self._code is None:
            return
        for stream in (sys.stdout, sys.stderr):
            with suppress(
                AttributeError, OSError, ValueError
            ):  # there is none, nobody reads it, it is closed
                stream.flush()
        os._exit(self._code)


def load_torch_ahead() -> None:
    """Have the system load torch's libraries while Python imports what comes before torch.

    That is a sixth of what importing torch takes, and needs the interpreter only if Python does it.
    """
    if sys.platform == "linux" and cores() > 1:
        Thread(target=_load_torch, name="lenet-torch").start()


def _load_torch() -> None:
    found = find_spec("torch")
    if found is None or found.origin is None:
        return
    import ctypes

    load = getattr(ctypes.CDLL(None), "dlopen", None)  # unlike CDLL itself it lets the interpreter go
    if load:
        load.restype = ctypes.c_void_p
        load(os.fsencode(Path(found.origin).with_name("lib") / "libtorch_python.so"), os.RTLD_LAZY)


@cache
def keep_memory() -> bool:
    """Let this process keep memory that is free for what comes next; whether that was possible.

    By default GNU's C library hands large blocks back as soon as they are free, and every pass takes its
    blobs and gradients anew: the system then clears them page by page, a tenth to a quarter of a training
    iteration of Caffe's networks for CIFAR-10 on two cores.  Nothing changes without GNU's C library, and
    where the environment says how memory is taken.
    """
    if sys.platform != "linux" or any(name in os.environ for name in _VARIABLES):
        return False
    import ctypes  # it takes a while, and only networks that run need it

    try:
        settle = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    blocks = settle(_MMAP_THRESHOLD, _MOST) or settle(_MMAP_THRESHOLD, _MOST_BEFORE)
    return bool(blocks and settle(_TRIM_THRESHOLD, _MOST))
