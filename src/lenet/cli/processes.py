"""Training in several processes, started here or by torchrun: one for each GPU, or several on the CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from lenet.cli.signals import INTERRUPTED
from lenet.cli.training_options import Options
from lenet.engine.place import RENDEZVOUS, Place, place_here
from lenet.errors import TrainingError, UsageError, Where
from lenet.process import cores

_FORWARDED = ("SIGINT", "SIGHUP")
_GRACE = 30.0  # seconds in which the others end by themselves when one has failed; a busy machine takes some
_LOOKED_EVERY = 0.05  # seconds


def place_of(options: Options, dialect: str) -> Place | None:
    """Which process of those that train together this one is; None if they have to be started.

    Raises: UsageError where a training cannot be shared.
    """
    if dialect != "caffe":
        reason = "only trainings of Caffe's solvers can be shared by several processes"
        raise UsageError(reason, Where(options.file), "leave --gpu with several GPUs and --processes out")
    return place_here()


def launch(options: Options) -> int:
    """Train in several processes of this machine; the result is the exit code, the first failure's.

    Ctrl-C and SIGHUP reach every process; when one fails the others are ended.
    """
    number = max(len(options.gpus), options.processes)
    with tempfile.TemporaryDirectory(prefix="lenet-processes-") as folder:
        children: list[subprocess.Popen[bytes]] = []
        with _forwarding(children):
            try:
                children.extend(_started(options, rank, number, folder) for rank in range(number))
                return _result(children)
            finally:
                for child in children:
                    child.kill()
                    child.wait()


def _started(options: Options, rank: int, number: int, folder: str) -> subprocess.Popen[bytes]:
    """A process; the options go to its standard input, which stays open as long as this process lives."""
    environment = {
        "OMP_NUM_THREADS": str(max(1, cores() // number)),
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(number),
        RENDEZVOUS: (Path(folder) / "meeting").as_uri(),
    }
    words = [sys.executable, "-m", "lenet", "train", "--process"]
    # in a session of its own: the terminal's Ctrl-C comes through this process, once
    with _ctrl_c_waiting():
        child = subprocess.Popen(words, stdin=subprocess.PIPE, env=environment, start_new_session=True)
    assert child.stdin is not None
    child.stdin.write(json.dumps(asdict(options), default=dict).encode() + b"\n")
    child.stdin.flush()
    return child


@contextmanager
def _ctrl_c_waiting() -> Iterator[None]:
    """Let Ctrl-C wait in this process, and in one that is started until it can answer: :func:`received`."""
    _mask_ctrl_c("SIG_BLOCK")
    try:
        yield
    finally:
        _mask_ctrl_c("SIG_UNBLOCK")


def _mask_ctrl_c(how: str) -> None:
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(getattr(signal, how), {signal.SIGINT})


@contextmanager
def _forwarding(children: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Hand signals on to the processes."""

    def hand_on(number: int, frame: FrameType | None) -> None:
        for child in children:
            if child.poll() is None:
                child.send_signal(number)

    numbers = [getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)]
    before: Mapping[int, Any] = {number: signal.signal(number, hand_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _result(children: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait for all; 0, or the code of one that failed, of its own accord rather than for another's sake.

    Raises: TrainingError if a signal ended one; KeyboardInterrupt, which they leave to be told here, if
    Ctrl-C did.
    """
    while any(child.poll() is None for child in children) and not any(child.poll() for child in children):
        time.sleep(_LOOKED_EVERY)
    until = time.monotonic() + _GRACE
    while any(child.poll() is None for child in children) and time.monotonic() < until:
        time.sleep(_LOOKED_EVERY)
    failed = {rank: code for rank, child in enumerate(children) if (code := child.poll())}
    if {INTERRUPTED, -signal.SIGINT} & set(failed.values()):  # the latter before a process was ready for it
        raise KeyboardInterrupt
    for rank, code in failed.items():
        if code < 0:
            name = signal.Signals(-code).name
            raise TrainingError(f"process {rank} of {len(children)} was ended by {name}")
    own = [code for code in failed.values() if code != TrainingError.exit_code]
    return next(iter([*own, *failed.values()]), 0)


def received(descriptor: int = 0) -> Options:
    """The options that :func:`launch` gives a process; when the giver ends, so does this process."""
    _mask_ctrl_c("SIG_UNBLOCK")
    # not sys.stdin: a thread that waits in it would keep the interpreter from ending
    with open(descriptor, "rb", buffering=0, closefd=False) as stream:
        given = json.loads(stream.readline())
    given |= {name: tuple(given[name]) for name in ("stages", "gpus")}
    given["settings"] = tuple(map(tuple, given["settings"]))
    threading.Thread(target=_end_with, args=(descriptor,), name="lenet-giver", daemon=True).start()
    return Options(**given)


def _end_with(descriptor: int) -> None:
    """Wait for the end of a pipe, which is that of who holds its other end."""
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
