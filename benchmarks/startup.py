"""Time how long short commands take from start to end, whole processes, beside importing numpy and torch.

    python benchmarks/startup.py [--runs 9]

Each row is the median and the minimum of wall-clock seconds; the commands take turns, so that a slow
moment of the machine hits all of them.
"""

from __future__ import annotations

import argparse
import statistics
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


def main() -> None:
    """Run the commands in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(runs + 1):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if number:  # the first round fills the caches
                times[name].append(time.perf_counter() - started)
    print(f"{'command':40} {'median s':>9} {'minimum s':>10}")
    for name, values in times.items():
        print(f"{name:40} {statistics.median(values):9.3f} {min(values):10.3f}")


if __name__ == "__main__":
    main()
