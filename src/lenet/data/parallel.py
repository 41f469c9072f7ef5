"""The same work for many things, done by all cores, the results in the order of the things."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

from lenet.errors import LenetError
from lenet.process import is_command

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
    pool: Executor | None = None,
) -> Iterator[Result]:
    """What `work` makes of each thing, in their order; it should release the interpreter, as numpy does.

    Things are taken a few ahead only, at least so many `ahead`, so that memory stays the same however many
    there are.  A thread is given so many `together`: several where the work is so short that handing it
    over counts.  An error of `work` is raised in the place of those that it was given with.  A `pool`, of
    :func:`processes`, works instead of threads.

    >>> list(in_order(str.upper, "abc"))
    ['A', 'B', 'C']
    """
    threads, remaining = threads or cores(), iter(things)
    most = max(threads * _AHEAD, ahead)
    waiting: deque[Future[list[Result]]] = deque()
    with ExitStack() as stack:
        workers = pool or stack.enter_context(ThreadPoolExecutor(threads, "lenet-work"))
        try:
            while part := list(islice(remaining, together)):
                waiting.append(workers.submit(_done, work, part))
                if len(waiting) * together >= most:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


def _done(work: Callable[[Thing], Result], part: Sequence[Thing]) -> list[Result]:
    return [work(thing) for thing in part]


@contextmanager
def processes(first: Callable[[], object]) -> Iterator[Executor | None]:
    """A process for each core, for work that holds the interpreter; None where threads have to do.

    Each does `first` at once, a function of a module: its import takes a while, in which others may go on.
    Processes start by importing what the program began with, which only our own command is sure to bear:
    elsewhere, on one core, and where the system has no semaphores or starts none, there are none.

    Raises: LenetError if one of them dies.
    """
    pool = _pool() if cores() > 1 and is_command() else None
    if pool is None or not _started(pool, first):
        yield None
        return
    try:
        yield pool
    except BrokenProcessPool:
        hint = "is there enough memory?"
        raise LenetError("a process that worked for this one has died", hint=hint) from None
    finally:
        _end(pool)


def _pool() -> ProcessPoolExecutor | None:
    """Processes that begin anew: a copy of this one could lack the threads that hold its locks."""
    try:
        return ProcessPoolExecutor(cores(), get_context("spawn"), _begin)
    except (ImportError, NotImplementedError, OSError):
        return None


def _started(pool: Executor, first: Callable[[], object]) -> bool:
    """Start the processes; False, with all of them ended, where the system has no room for them."""
    try:
        with _without_interrupts():
            for _ in range(cores()):
                pool.submit(first)
    except (OSError, BrokenProcessPool):
        _end(pool)
        return False
    return True


def _end(pool: Executor) -> None:
    """End the processes; Ctrl-C waits, for without their end this process waits for them for ever."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # another thread than the first, which hears of no Ctrl-C
        pool.shutdown(cancel_futures=True)
        return
    try:
        pool.shutdown(cancel_futures=True)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: who started them ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be kept away from the start
    end_with_parent()


def end_with_parent() -> None:
    """Let this process end when the one ends, or is killed, that it works for; else nobody would end it."""
    Thread(target=_wait_and_end, name="lenet-parent", daemon=True).start()


def _wait_and_end() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
