"""Engines in processes of their own, in environments of their own, taking turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cases import Case

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "bench"
#: engine -> what is installed for it in an environment of its own; the others run in this one
ENVIRONMENTS = {"keras-tensorflow": ("keras", "tensorflow"), "keras-jax": ("keras", "jax")}
COUNTING = "while True: pass"


@dataclass
class Measured:
    """Seconds an iteration of one engine, block by block; peak memory in bytes; why it did not run."""

    seconds: list[float] = field(default_factory=list)
    memory: int = 0
    problem: str = ""


class Engine:
    """A worker process that does a block of a case for each line that it is sent."""

    def __init__(self, name: str, case: Case) -> None:
        threads = str(case.threads or os.cpu_count())
        environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", OMP_NUM_THREADS=threads)
        environment |= {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": "1"}
        if name == "keras-jax" and threads == "1":
            environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        if name.startswith("keras-"):
            environment["KERAS_BACKEND"] = name.removeprefix("keras-")
        self.errors = (BUILD / f"{name}.log").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [python_of(name), str(HERE / "worker.py"), name, json.dumps(asdict(case))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def ask(self) -> str:
        """One block; its answer, empty if the process has died."""
        with suppress(BrokenPipeError):
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        return self.process.stdout.readline()

    def close(self) -> int:
        """End the process; its peak memory in bytes, 0 if it died."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        answer = self.process.stdout.readline()
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()
        return int(answer or 0)

    def last_words(self) -> str:
        """The last line that it wrote to its log."""
        self.errors.flush()
        self.errors.seek(0)
        lines = self.errors.read().strip().split("\n")
        return lines[-1][:200]


def python_of(name: str) -> str:
    """The interpreter of an engine."""
    return str(BUILD / name / "bin" / "python") if name in ENVIRONMENTS else sys.executable


def make_environment(name: str) -> None:
    """Make the environment of an engine, if it is not there."""
    mark = BUILD / name / ".made"
    if name not in ENVIRONMENTS or mark.exists():
        return
    print(f"making an environment for {name}: {BUILD / name}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(BUILD / name)], check=True)
    install = [python_of(name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *ENVIRONMENTS[name]], check=True)
    mark.touch()


def has_environment(name: str) -> bool:
    """Whether an engine can run: it needs no environment, or has one."""
    return name not in ENVIRONMENTS or (BUILD / name / ".made").exists()


def measure(case: Case, engines: list[str], rounds: int) -> dict[str, Measured]:
    """Time a case: in each round every engine does one block, so that a slow moment hits all of them."""
    results = {name: Measured() for name in engines}
    with ExitStack() as stack:
        for _ in range(case.busy):
            counting = stack.enter_context(subprocess.Popen([sys.executable, "-c", COUNTING]))
            stack.callback(counting.kill)
        running = {name: Engine(name, case) for name in engines}
        for number in range(rounds + 1):
            for name, engine in list(running.items()):
                answer = engine.ask()
                if not answer:
                    results[name].problem = engine.last_words() or "it ended"
                    engine.close()
                    del running[name]
                elif number:  # the first round warms up and compiles
                    results[name].seconds.append(float(answer))
        for name, engine in running.items():
            results[name].memory = engine.close()
    return results
