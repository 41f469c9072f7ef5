"""The same work for many things, done by all cores, the results in the order of the things."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lenet.errors import LenetError
from lenet.process import cores, is_command

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_AHEAD = 8  # things per core that may wait, done, for the one before them


def in_order(
    work: Callable[[Thing], Result], things: Iterable[Thing], threads: int | None = None
) -> Iterator[Result]:
    """What `work` makes of each thing, in their order; it should release the interpreter, as numpy does.

    Things are taken a few ahead only, so that memory stays the same however many there are.  An error of
    `work` is raised in its place.

    >>> list(in_order(str.upper, "abc"))
    ['A', 'B', 'C']
    """
    with closing(parts_in_order(lambda part: work(part[0]), things, threads, together=1)) as results:
        yield from results


def parts_in_order(
    work: Callable[[list[Thing]], Result],
    things: Iterable[Thing],
    threads: int | None,
    together: int,
    ahead: int = 0,
    pool: Executor | None = None,
) -> Generator[Result]:
    """What `work` makes of so many things `together`, in their order; otherwise as :func:`in_order`.

    At least so many things `ahead` are taken.  A `pool`, of :func:`processes`, works instead of threads.
    Work has begun when this returns; it ends early where what this gives is closed.

    >>> list(parts_in_order("-".join, "abcde", None, together=2))
    ['a-b', 'c-d', 'e']
    """
    threads, remaining = threads or cores(), iter(things)
    parts = iter(lambda: list(islice(remaining, together)), [])
    most = -(-max(threads * _AHEAD, ahead) // together)
    workers = pool or ThreadPoolExecutor(threads, "lenet-work")
    results = _results(work, (_Part(part) for part in parts), most, workers, pool is None)
    next(results)
    return results


@dataclass
class _Part(Generic[Thing, Result]):
    """Things that are worked on together, whether somebody has taken them, and what is made of them."""

    things: list[Thing]
    taken: bool = False
    future: Future[Result] = field(default_factory=Future)


def _results(
    work: Callable[[list[Thing]], Result],
    parts: Iterator[_Part[Thing, Result]],
    most: int,
    workers: Executor,
    its_own: bool,
) -> Generator[Any]:
    """At first nothing, when work has begun on so many parts at `most`; then what is made of them."""
    with workers if its_own else nullcontext():
        waiting = deque(islice(parts, most))
        try:
            _hand_over(work, waiting, workers, most)
            yield None
            while waiting:
                if its_own:
                    _hand_over(work, waiting, workers, most)
                else:
                    _help(work, waiting, workers)
                yield waiting.popleft().future.result()
                waiting.extend(islice(parts, 1))
        finally:
            for each in waiting if its_own else ():
                each.future.cancel()


def _hand_over(
    work: Callable[[list[Thing]], Result],
    waiting: deque[_Part[Thing, Result]],
    workers: Executor,
    most: int,
) -> None:
    """Let so many parts at `most` be with the workers."""
    room = most - sum(each.taken and not each.future.done() for each in waiting)
    for each in islice((each for each in waiting if not each.taken), max(0, room)):
        each.taken, each.future = True, workers.submit(work, each.things)


def _help(
    work: Callable[[list[Thing]], Result], waiting: deque[_Part[Thing, Result]], workers: Executor
) -> None:
    """Until the first part is done, do those that are not with the processes: this one would only wait.

    What they were given is theirs: a pool whose process dies ends the others only if nothing was taken back.
    """
    few = cores() + 1
    _hand_over(work, waiting, workers, few)
    for each in waiting:
        if waiting[0].future.done():
            return
        if not each.taken:
            each.taken = True
            try:
                each.future.set_result(work(each.things))
            except Exception as error:
                each.future.set_exception(error)
            _hand_over(work, waiting, workers, few)


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
    except BrokenExecutor:
        hint = "is there enough memory?"
        raise LenetError("a process that worked for this one has died", hint=hint) from None
    finally:
        _end(pool)


def _pool() -> ProcessPoolExecutor | None:
    """Processes that begin anew: a copy of this one could lack the threads that hold its locks."""
    try:
        from concurrent.futures import ProcessPoolExecutor  # few commands need it, and it takes a while
        from multiprocessing import get_context

        return ProcessPoolExecutor(cores() - 1, get_context("spawn"), _begin)
    except (ImportError, NotImplementedError, OSError):
        return None


def _started(pool: Executor, first: Callable[[], object]) -> bool:
    """Start the processes; False, with all of them ended, where the system has no room for them."""
    try:
        with _without_interrupts():
            for _ in range(cores() - 1):
                pool.submit(first)
    except (OSError, BrokenExecutor):
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
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
