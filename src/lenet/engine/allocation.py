"""How the memory of tensors is taken from the system: what one pass leaves, the next one gets.

By default GNU's C library hands large blocks back as soon as they are free, and every pass takes its blobs
and gradients anew: the system then clears them page by page, a tenth to a quarter of a training iteration
of Caffe's networks for CIFAR-10 on two cores.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_* of malloc.h
_MOST = 2**30  # bytes: of a block that is kept, and of free memory at the end that is not handed back
_MOST_BEFORE = 2**25  # older libraries refuse to keep larger blocks
#: who set one of these has decided
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


@cache
def keep_memory() -> bool:
    """Let this process keep memory that is free for what comes next; whether that was possible.

    Nothing changes without GNU's C library, and where the environment says how memory is taken.
    """
    if sys.platform != "linux" or any(name in os.environ for name in _VARIABLES):
        return False
    try:
        settle = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    blocks = settle(_MMAP_THRESHOLD, _MOST) or settle(_MMAP_THRESHOLD, _MOST_BEFORE)
    return bool(blocks and settle(_TRIM_THRESHOLD, _MOST))
