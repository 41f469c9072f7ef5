"""Engines in processes of their own, in environments of their own, taking turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import environments
from cases import SHORT, Case
from environments import missing, python_of

from lenet.process import cores

HERE = Path(__file__).parent
PAUSE = 0.02  # seconds before a block: threads of the engine before spin for some milliseconds longer
COUNTING = "while True: pass"
PROBLEM = "!"  # what a worker's answer begins with that tells why a case cannot be done


@dataclass
class Measured:
    """Seconds an iteration of one engine, block by block; peak memory in bytes; why it did not run.

    `processor` are seconds of all cores together, of its own process.
    """

    seconds: list[float] = field(default_factory=list)
    memory: int = 0
    problem: str = ""
    processor: list[float] = field(default_factory=list)


class Engine:
    """A worker process that does a block of the case in each line that it is sent."""

    def __init__(self, name: str, threads: int) -> None:
        self.errors = (environments.BUILD / f"{name}.log").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [python_of(name), str(HERE / "worker.py"), name, str(threads)],
            env=surroundings(name, threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def ask(self, case: Case) -> str:
        """One block; its answer, empty if the process has died."""
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(asdict(case)) + "\n")
            self.process.stdin.flush()
        return self.process.stdout.readline()

    def close(self) -> int:
        """End the process; its peak memory in bytes, 0 if it died."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        answers = self.process.stdout.read().split()  # an interrupted block's time may come first
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()
        return int(answers[-1]) if answers and answers[-1].isdecimal() else 0

    def last_words(self) -> str:
        """The last line that it wrote to its log."""
        self.errors.flush()
        self.errors.seek(0)
        lines = self.errors.read().strip().split("\n")
        return lines[-1][:200]


def surroundings(name: str, threads: int) -> dict[str, str]:
    """The environment variables of an engine.

    How threads wait is left to each engine, as its users have it: this project decides on it when it is
    imported, which must not reach the others.
    """
    number = str(threads or cores())
    found = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS=number)
    for waiting in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        found.pop(waiting, None)
    if name.endswith(SHORT):
        found["GOMP_SPINCOUNT"] = "10000"
    if threads and threads < cores():  # with all cores TensorFlow keeps its own settings
        found |= {"TF_NUM_INTRAOP_THREADS": number, "TF_NUM_INTEROP_THREADS": number}
    if name.startswith("keras-"):
        found["KERAS_BACKEND"] = name.removeprefix("keras-")
    return found


class Crew:
    """The engines that are running, by name and number of threads; they stay for the next case."""

    def __init__(self) -> None:
        self.running: dict[tuple[str, int], Engine] = {}

    def engine(self, name: str, threads: int) -> Engine:
        """A running engine; it is started if need be."""
        if (name, threads) not in self.running:
            self.running[name, threads] = Engine(name, threads)
        return self.running[name, threads]

    def dismiss(self, name: str, threads: int) -> int:
        """End an engine; its peak memory in bytes."""
        return self.running.pop((name, threads)).close()

    def close(self) -> None:
        """End all."""
        while self.running:
            self.dismiss(*next(iter(self.running)))


@contextmanager
def crew() -> Iterator[Crew]:
    """Engines that are ended at the end, however that comes."""
    found = Crew()
    try:
        yield found
    finally:
        found.close()


def measure(case: Case, engines: list[str], rounds: int, crew: Crew) -> dict[str, Measured]:
    """Time a case: in each round every engine does one block, so that a slow moment hits all of them.

    `memory` stays 0 for engines that still run: the crew tells it when they are dismissed.
    """
    results = {name: Measured(problem=missing(name)) for name in engines}
    able = [name for name in engines if not results[name].problem]
    with ExitStack() as stack:
        for name in able:  # they start at the same time
            crew.engine(name, case.threads)
        for _ in range(case.busy):
            counting = stack.enter_context(subprocess.Popen([sys.executable, "-c", COUNTING]))
            stack.callback(counting.kill)
        for number in range(rounds + 1):
            for name in able:
                if not results[name].problem:
                    _one_block(case, crew, name, results[name], warm=number > 0)
    return results


def _one_block(case: Case, crew: Crew, name: str, found: Measured, warm: bool) -> None:
    """A block of one engine; the first one warms up and compiles, and does not count."""
    engine = crew.engine(name, case.threads)
    time.sleep(PAUSE)
    answer = engine.ask(case).strip()
    if answer.startswith(PROBLEM):
        found.problem = answer.removeprefix(PROBLEM).strip()
    elif not answer:
        found.problem = engine.last_words() or "it ended"
        crew.dismiss(name, case.threads)
    elif warm:
        seconds, processor = map(float, answer.split())
        found.seconds.append(seconds)
        found.processor.append(processor)
