"""The same work for many things, done by all cores, the results in the order of the things."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_AHEAD = 8  # things per core that may wait, done, for the one before them


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    work: Callable[[Thing], Result],
    things: Iterable[Thing],
    threads: int | None = None,
    *,
    together: int = 1,
    ahead: int = 0,
) -> Iterator[Result]:
    """What `work` makes of each thing, in their order; it should release the interpreter, as numpy does.

    Things are taken a few ahead only, at least so many `ahead`, so that memory stays the same however many
    there are.  A thread is given so many `together`: several where the work is so short that handing it
    over counts.  An error of `work` is raised in the place of those that it was given with.

    >>> list(in_order(str.upper, "abc"))
    ['A', 'B', 'C']
    """

    def done(part: Sequence[Thing]) -> list[Result]:
        return [work(thing) for thing in part]

    threads, remaining = threads or cores(), iter(things)
    most = max(threads * _AHEAD, ahead)
    waiting: deque[Future[list[Result]]] = deque()
    with ThreadPoolExecutor(threads, "lenet-work") as pool:
        try:
            while part := list(islice(remaining, together)):
                waiting.append(pool.submit(done, part))
                if len(waiting) * together >= most:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
