"""The same work for many things, done by all cores, the results in the order of the things."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_AHEAD = 8  # things per core that may wait, done, for the one before them


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    work: Callable[[Thing], Result], things: Iterable[Thing], threads: int | None = None
) -> Iterator[Result]:
    """What `work` makes of each thing, in their order; it should release the interpreter, as numpy does.

    Things are taken a few ahead only, so that memory stays the same however many there are.  An error of
    `work` is raised in its place.

    >>> list(in_order(str.upper, "abc"))
    ['A', 'B', 'C']
    """
    threads = threads or cores()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, "lenet-work") as pool:
        try:
            for thing in things:
                waiting.append(pool.submit(work, thing))
                if len(waiting) >= threads * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
