"""Calls of compiled kernels: each knows its sizes and its tensors, and a list of them runs in one go.

Within a list the kernels' threads stay awake between two calls, which is what makes small layers quick.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from lenet.kernels.library import required

if TYPE_CHECKING:
    from torch import Tensor

#: in the order of calls.h
KINDS = (
    *("convolution_forward", "convolution_backward", "dense_forward", "dense_backward"),
    *("multiply", "softmax_loss", "stored_samples", "update_parameters"),
    "augmented_samples",
)
NO_MEMORY, NO_SUCH_LABEL, NO_NUMBER = 1, 2, 3  # outcomes, as in calls.h


@dataclass(frozen=True)
class Call:
    """One kernel of KINDS on this data, in the order of its header; None for what it is not to do.

    The data is kept while the call lives; nothing checks that it fits the sizes.
    """

    kind: str
    sizes: ctypes.Structure
    data: Sequence[Tensor | ctypes.Array[Any] | None]

    def without(self, place: int) -> Call:
        """The call that does not keep this data: :meth:`Calls.replace` gives it some before each run."""
        return replace(self, data=[None if at == place else each for at, each in enumerate(self.data)])


class _Call(ctypes.Structure):
    """`Call` of calls.h."""

    _fields_ = (("kind", ctypes.c_long), ("sizes", ctypes.c_void_p), ("data", ctypes.c_void_p))


class Calls:
    """A list of calls, ready to be run again and again."""

    def __init__(self, calls: Sequence[Call]) -> None:
        """Prepare it.

        Raises: MissingExtra where there is no library.
        """
        self._run = _function()
        self._calls = calls  # keeps data and sizes
        self._pointers = [_pointers(call.data) for call in calls]
        self._list = (_Call * len(calls))()
        for its, call, pointers in zip(self._list, calls, self._pointers, strict=True):
            its.kind = KINDS.index(call.kind)
            its.sizes, its.data = ctypes.addressof(call.sizes), ctypes.addressof(pointers)

    def replace(self, call: int, place: int, tensor: Tensor) -> None:
        """Let a call work on another tensor, which lies as the one before; the caller keeps it."""
        self._pointers[call][place] = tensor.data_ptr()

    def run(self, threads: int = 0) -> int:
        """Work it off; 0 when all is done, else why a call failed: what follows that one is left undone.

        `threads`, as many as torch uses if 0: one alone leaves the kernels' to whoever else runs a list.
        Raises: MemoryError where there is too little memory.
        """
        return self.turns(1, threads)[1]

    def turns(self, number: int, threads: int = 0) -> tuple[int, int]:
        """Work it off so many times; how many were done, and the outcome of the last, as :meth:`run`."""
        import torch

        done = ctypes.c_long()
        threads = threads or torch.get_num_threads()
        outcome = int(self._run(threads, self._list, len(self._list), number, ctypes.byref(done)))
        if outcome == NO_MEMORY:
            raise MemoryError("the compiled kernels found too little memory")
        return done.value, outcome


def run(call: Call, threads: int = 0) -> None:
    """Work off one call, as :meth:`Calls.run`."""
    Calls((call,)).run(threads)


def _pointers(data: Sequence[Tensor | ctypes.Array[Any] | None]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(data))(*map(_address, data))


def _address(data: Tensor | ctypes.Array[Any] | None) -> int | None:
    if data is None:
        return None
    return ctypes.addressof(data) if isinstance(data, ctypes.Array) else data.data_ptr()


@cache
def _function() -> ctypes._NamedFuncPointer:
    found = required().lenet_run
    numbers = ctypes.c_long, ctypes.c_long, ctypes.POINTER(ctypes.c_long)
    found.argtypes, found.restype = (ctypes.c_int, ctypes.POINTER(_Call), *numbers), ctypes.c_int
    return found
