"""Summary: what a run was and what came of it, as numbers for `result.json` and words for the report."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lenet.report.history import History
from lenet.report.pace import Pace, clock
from lenet.report.table import Table
from lenet.results import Answers, Stopped

_LIBRARIES = ("lenet", "torch", "numpy", "matplotlib", "lmdb", "protobuf")


@dataclass(frozen=True)
class Summary:
    """What the caller knows of a run; the rest is in its records.

    `parameters` counts the network's weights, `settings` are shown as they come, `network` is the
    table of the network.
    """

    title: str
    seed: int | None = None
    device: str = ""
    parameters: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    network: Table | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a run; accuracy counts from 0 to 1, None is not known."""

    accuracy: float | None
    loss: float | None
    training_loss: float | None
    iterations: int
    seconds: float | None
    images_per_second: float | None
    early: bool = False

    def words(self) -> dict[str, str]:
        """The key numbers as people read them, without those that are not known."""
        numbers = {
            "test accuracy": None if self.accuracy is None else f"{100 * self.accuracy:.2f} %",
            "test loss": _short(self.loss),
            "training loss": _short(self.training_loss) if self.loss is None else None,
            "iterations": f"{self.iterations:,}",
            "time": None if self.seconds is None else clock(self.seconds),
            "images per second": None if self.images_per_second is None else f"{self.images_per_second:,.0f}",
        }
        return {name: value for name, value in numbers.items() if value is not None}


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def outcome(history: History, pace: Pace, stopped: Stopped | None, answers: Answers | None) -> Outcome:
    """What the records and the answers say; the answers' accuracy, where there are any, counts."""
    loss, accuracy = history.last_test()
    if answers is not None and len(answers.labels):
        accuracy = answers.accuracy
    last = pace.last
    ended = last.iteration + (last.rate is not None) if last else 0
    return Outcome(
        accuracy=accuracy,
        loss=loss,
        training_loss=last.loss if last else None,
        iterations=stopped.iteration if stopped else ended,
        seconds=stopped.seconds if stopped else last.seconds if last else None,
        images_per_second=pace.mean_speed,
        early=stopped is None or stopped.early,
    )


def result(summary: Summary, came: Outcome, files: Mapping[str, str]) -> dict[str, Any]:
    """`result.json`: `files` are those the run was started from, with their SHA-256."""
    return {
        "title": summary.title,
        "accuracy": _finite(came.accuracy),
        "loss": _finite(came.loss),
        "training_loss": _finite(came.training_loss),
        "iterations": came.iterations,
        "stopped_early": came.early,
        "seconds": _finite(came.seconds),
        "images_per_second": _finite(came.images_per_second),
        "parameters": summary.parameters,
        "seed": summary.seed,
        "device": summary.device,
        "versions": versions(),
        "system": system(),
        "settings": dict(summary.settings),
        "files": dict(files),
    }


def _finite(value: float | None) -> float | None:
    """JSON has no word for NaN: null stands for it."""
    return value if value is not None and math.isfinite(value) else None


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that a run depends on, without importing them."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def system() -> dict[str, str]:
    """The operating system and the processor, no names of users or machines."""
    return {
        "platform": f"{platform.system()} {platform.release()}",
        "processor": _processor() or platform.machine(),
        "cores": str(os.cpu_count() or ""),
    }


def _processor() -> str:
    """The processor's name where Linux tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
            names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
            return next(names, "")
    except OSError:
        return platform.processor()
