"""The same work for many things, done by all cores, the results in the order of the things."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

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
    work_together = partial(_done, work)
    with closing(parts_in_order(work_together, things, threads, together, ahead, pool)) as parts:
        for part in parts:
            yield from part


def _done(work: Callable[[Thing], Result], part: Sequence[Thing]) -> list[Result]:
    return [work(thing) for thing in part]


def parts_in_order(
    work: Callable[[list[Thing]], Result],
    things: Iterable[Thing],
    threads: int | None,
    together: int,
    ahead: int = 0,
    pool: Executor | None = None,
) -> Generator[Result]:
    """What `work` makes of so many things `together`, in their order; otherwise as :func:`in_order`.

    Work has begun when this returns; it ends early where what this gives is closed.

    >>> list(parts_in_order("-".join, "abcde", None, together=2))
    ['a-b', 'c-d', 'e']
    """
    threads, remaining = threads or cores(), iter(things)
    parts = iter(lambda: list(islice(remaining, together)), [])
    most = -(-max(threads * _AHEAD, ahead) // together)
    results = _results(work, parts, most, pool or ThreadPoolExecutor(threads, "lenet-work"), pool is None)
    next(results)
    return results


def _results(
    work: Callable[[list[Thing]], Result],
    parts: Iterator[list[Thing]],
    most: int,
    workers: Executor,
    its_own: bool,
) -> Generator[Any]:
    """At first nothing, when work has begun on so many parts at `most`; then what is made of them."""
    with workers if its_own else nullcontext():
        begun = ((part, workers.submit(work, part)) for part in parts)
        waiting = deque(islice(begun, most))
        try:
            yield None
            while waiting:
                if not its_own:
                    _help(work, waiting)
                result = waiting.popleft()[1].result()
                yield result
                waiting.extend(islice(begun, 1))
        finally:
            for _, each in waiting:
                each.cancel()


def _help(work: Callable[[list[Thing]], Result], waiting: deque[tuple[list[Thing], Future[Result]]]) -> None:
    """Do what no process has taken yet until the first of it is done: this one would only wait."""
    for place, (part, future) in enumerate(list(waiting)):
        if waiting[0][1].done():
            return
        if future.cancel():
            done: Future[Result] = Future()
            try:
                done.set_result(work(part))
            except Exception as error:
                done.set_exception(error)
            waiting[place] = part, done


@contextmanager
def processes(first: Callable[[], object]) -> Iterator[Executor | None]:
    """A process for each core but this one's, for work that holds the interpreter; None for threads.

    Who asks for results works, too, where it would wait.  Each process does `first` at once, a function of a
    module: its import takes a while, in which others may go on.  They start by importing what the program
    began with, which only our own command is sure to bear: elsewhere, on one core, and where the system has
    no semaphores or starts none, there are none.

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
        return ProcessPoolExecutor(cores() - 1, get_context("spawn"), _begin)
    except (ImportError, NotImplementedError, OSError):
        return None


def _started(pool: Executor, first: Callable[[], object]) -> bool:
    """Start the processes; False, with all of them ended, where the system has no room for them."""
    try:
        with _without_interrupts():
            for _ in range(cores() - 1):
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
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's others would spin on cores that are taken
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
