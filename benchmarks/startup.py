"""How long short commands take from start to end, whole processes, beside importing numpy and torch."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

NET = Path(__file__).parents[1] / "examples" / "caffe-lenet" / "lenet_train_test.prototxt"
LENET = [sys.executable, "-m", "lenet"]
TRAIN_ONE = ["train", "--no-report", "--set", "max_iter=1", "--set", "snapshot_after_train=false"]
QUIET = ["--set", "test_initialization=false", "--set", "display=0", "--set", "test_interval=1000"]
COMMANDS = {
    "lenet --help": [*LENET, "--help"],
    "lenet show lenet_train_test.prototxt": [*LENET, "show", str(NET)],
    "lenet train, one iteration": [*LENET, *TRAIN_ONE, *QUIET],
    "import lenet": [sys.executable, "-c", "import lenet"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "import torch": [sys.executable, "-c", "import torch"],
}


def measure_startup(rounds: int) -> dict[str, list[float]]:
    """Seconds of wall clock of each command; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if number:  # the first round fills the caches
                times[name].append(time.perf_counter() - started)
    return times
