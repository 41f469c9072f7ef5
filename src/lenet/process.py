"""What is settled for a whole process: by our own command only, never for a program that uses the library."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from functools import cache
from pathlib import Path

_COMMANDS = ("lenet", "lenet.__main__")  # what the main module is called where the command runs
_OBJECTS = 200_000  # a few more than importing torch makes, all of which stay

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_* of malloc.h
_MOST = 2**30  # bytes: of a block that is kept, and of free memory at the end that is not handed back
_MOST_BEFORE = 2**25  # older libraries refuse to keep larger blocks
#: who set one of these has decided
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


def is_command() -> bool:
    """Whether this process is our own command's, not a program that uses the library."""
    main = sys.modules.get("__main__")
    specification = getattr(main, "__spec__", None)
    name = specification.name if specification else Path(getattr(main, "__file__", None) or "").stem
    return name in _COMMANDS


def collect_rarely() -> None:
    """Let Python look for objects that hold each other only after many new ones, and at its end no more.

    It does so some hundred times while torch is imported, a twelfth of the time that this takes, and at its
    end looks at all of torch's objects once more: half a second.
    """
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)


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
