"""The runs of a sweep as processes: so many at a time, watched, started again when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from lenet.cli.signals import INTERRUPTED
from lenet.dialects.eblearn.metarun import Experiment, JobFolder
from lenet.errors import UsageError, Where
from lenet.formats.files import file_error

End = Literal["finished", "failed", "stopped"]
_LOOK_EVERY = 0.1  # seconds
_STARTING = 60.0  # seconds that a process may take to start on a busy machine, at least
_GRACE = 60.0  # seconds that a run gets to save its weights when it is asked to stop
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """How runs are run: how many at a time, with how many threads each, how often they may die.

    `timeout` is in seconds without a word of a run, `watch` between two looks that are told.
    """

    jobs: int
    threads: int = 1
    retries: int = 2
    timeout: float = 3600.0
    watch: float = 30.0
    words: tuple[str, ...] = ()  # of the command line of each run


@dataclass
class Running:
    """A run under way."""

    job: JobFolder
    process: subprocess.Popen[bytes]
    said: int  # bytes of errors from earlier times
    began: float = field(default_factory=time.time)


class Display(Protocol):
    """Who is told what happens."""

    def started(self, job: JobFolder) -> None:
        """A run begins, or goes on."""

    def retried(self, job: JobFolder, reason: str) -> None:
        """A run died and will be started again."""

    def ended(self, job: JobFolder, end: End, reason: str) -> None:
        """A run is over."""

    def look(self, pool: Pool) -> None:
        """Some time has passed."""


class Pool:
    """Runs what is unfinished of an experiment; see :meth:`run`."""

    def __init__(self, experiment: Experiment, limits: Limits, display: Display) -> None:
        self.experiment, self.limits, self.display = experiment, limits, display
        self.waiting = deque(experiment.unfinished())
        self.running: list[Running] = []
        self.finished = {job.name for job in experiment.jobs} - {job.name for job in self.waiting}
        self.failed: dict[str, str] = {}
        self.began = time.monotonic()
        self._died: dict[str, int] = {}
        self._stopping = False
        self._lock: BinaryIO | None = None

    def run(self, stop: Callable[[], object]) -> bool:
        """Run all to their ends, or until `stop` gives something; whether they came to their ends.

        Raises: UsageError if another process runs this experiment; FileError if a log cannot be written.
        """
        with _locked(self.experiment.folder) as self._lock:
            try:
                self._loop(stop)
            finally:
                self._kill()
        return not self._stopping

    def _loop(self, stop: Callable[[], object]) -> None:
        told = -self.limits.watch
        while self.running or self.waiting:
            if stop() and not self._stopping:
                self._stop()
            while self.waiting and len(self.running) < self.limits.jobs:
                self._start(self.waiting.popleft())
            for run in list(self.running):
                self._watch(run)
            if time.monotonic() - told >= self.limits.watch:
                told = time.monotonic()
                self.display.look(self)
            time.sleep(_LOOK_EVERY)
        self.display.look(self)

    def _start(self, job: JobFolder) -> None:
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(self.limits.threads))}
        words = [sys.executable, "-P", "-m", "lenet", "sweep", "--job", str(job.path.absolute())]
        lock, said = self._lock, _size(job.errors)
        try:
            with job.log.open("ab") as log, job.errors.open("ab") as errors:
                process = subprocess.Popen(
                    [*words, *self.limits.words],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=errors,
                    env=environment,
                    start_new_session=True,  # Ctrl-C is for this process, which asks its runs to stop
                    pass_fds=(lock.fileno(),) if lock and os.name != "nt" else (),
                )
        except OSError as error:
            raise file_error(error, error.filename or job.log) from None
        self.running.append(Running(job, process, said))
        self.display.started(job)

    def _watch(self, run: Running) -> None:
        """Look whether a run has ended, or should have told something long ago."""
        code = run.process.poll()
        if code is None:
            silent, patience = self._silence(run)
            if silent <= patience:
                return
            _send(run.process, getattr(signal, "SIGKILL", signal.SIGTERM))
            run.process.wait()
            self._over(run, f"told nothing for {silent:.0f} s", again=True)
        elif (run.job.path / "finished").exists():
            self._over(run, "")
        else:
            # what our own commands say of bad input would be said again; a signal may not come again
            again = code <= 0 or code == INTERRUPTED
            self._over(run, _reason(code, run.job.errors, run.said), again)

    def _silence(self, run: Running) -> tuple[float, float]:
        """For how long a run told nothing, in `progress` or in its log, and how long that is fine."""
        reached, now = run.job.reached(), time.time()
        patience = max(self.limits.timeout, reached.timeout if reached else 0.0)
        if now - run.began < _STARTING:
            patience = max(patience, _STARTING)
        told = max(run.began, reached.touched if reached else 0.0, _touched(run.job.log))
        return now - told, patience

    def _over(self, run: Running, reason: str, again: bool = False) -> None:
        self.running.remove(run)
        name = run.job.name
        if not reason:
            self.finished.add(name)
            self.display.ended(run.job, "finished", "")
        elif self._stopping:
            self.display.ended(run.job, "stopped", "")
        elif again and self._died.get(name, 0) < self.limits.retries:
            self._died[name] = self._died.get(name, 0) + 1
            self.waiting.append(run.job)
            self.display.retried(run.job, reason)
        else:
            self.failed[name] = reason
            self.display.ended(run.job, "failed", reason)

    def _stop(self) -> None:
        """Ask all runs to save their weights and to end; start none any more."""
        self._stopping = True
        self.waiting.clear()
        for run in self.running:
            _send(run.process, signal.SIGINT if os.name != "nt" else signal.SIGTERM)
        end = time.monotonic() + _GRACE
        while time.monotonic() < end and any(run.process.poll() is None for run in self.running):
            time.sleep(_LOOK_EVERY)
        for run in self.running:
            _send(run.process, getattr(signal, "SIGKILL", signal.SIGTERM))
            run.process.wait()

    def _kill(self) -> None:
        """Leave no process behind, also after an error."""
        for run in self.running:
            _send(run.process, getattr(signal, "SIGKILL", signal.SIGTERM))
            run.process.wait()


@contextmanager
def _locked(folder: Path) -> Iterator[BinaryIO | None]:
    """Keep other processes from running the same experiment; the runs hold the lock, too.

    Raises: UsageError if another one has it; FileError if it cannot be made.
    """
    if os.name == "nt":
        yield None
        return
    import fcntl

    try:
        file = (folder / "lock").open("ab")
    except OSError as error:
        raise file_error(error, folder / "lock") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "wait for it, or end its processes"
            raise UsageError("this experiment is being run already", Where(str(folder)), hint) from None
        except OSError:
            pass  # some network file systems have no locks
        yield file


def _send(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        process.send_signal(number)


def _touched(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(code: int, errors: Path, start: int) -> str:
    """Why a run died: the error that it told of, else what it told last, else how it ended."""
    with errors.open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", "replace").splitlines()
    ours = [line.removeprefix("lenet: error: ") for line in lines if line.startswith("lenet: error: ")]
    if ours:
        return ours[0]
    if code < 0:
        with suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
    said: Sequence[str] = [line for line in lines if line.strip()] if code > 0 and code != INTERRUPTED else ()
    return said[-1] if said else f"ended before it was finished, with status {code}"
