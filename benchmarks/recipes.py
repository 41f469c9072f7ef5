"""The accuracy and the time of the recipes, seed by seed.

    python benchmarks/recipes.py [--recipes fast,best] [--seeds 5] [--threads 2] [--hold-out 5000]
        [--set KEY=VALUE ...] [--no-write]

Each training is a process of its own, `lenet train --recipe NAME --set random_seed=N`.  Without `--hold-out`
each reads the test set once, at its end; settings are chosen with it, by training digits that are not
trained with, and then nothing is written to RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from machine import setting
from results import RECIPES, keep, table

from lenet.process import cores


@dataclass(frozen=True)
class Run:
    """One training: its accuracy in %; seconds of training, of the whole process, and of the processor."""

    recipe: str
    seed: int
    accuracy: float
    training: float
    whole: float
    processor: float


def train(recipe: str, seed: int, args: argparse.Namespace) -> Run:
    """Train once."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "lenet", "train", "--recipe", recipe]
        command += ["--runs", folder, "--name", "run"]
        for each in (f"random_seed={seed}", *args.settings):
            command += ["--set", each]
        command += ["--hold-out", str(args.hold_out)] if args.hold_out else []
        environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads or os.cpu_count()))
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        result = json.loads((Path(folder) / "run" / "result.json").read_text(encoding="utf-8"))
        return Run(recipe, seed, 100 * result["accuracy"], result["seconds"], seconds, processor)


def text_of(runs: list[Run]) -> str:
    """A row per training of a recipe, then the mean and the standard deviation."""
    rows = []
    for run in runs:
        times = (f"{seconds:.1f}" for seconds in (run.training, run.whole, run.processor))
        rows.append([f"seed {run.seed}", f"{run.accuracy:.2f}", *times])
    places = {"accuracy": 3, "training": 1, "whole": 1, "processor": 1}
    cells = [_spread([getattr(run, name) for run in runs], each) for name, each in places.items()]
    rows.append(["mean", *cells])
    return table(["", "accuracy, %", "training, s", "with start and report, s", "processor, s"], rows)


def _spread(values: list[float], places: int) -> str:
    spread = f" ± {stdev(values):.{places}f}" if len(values) > 1 else ""
    return f"{mean(values):.{places}f}{spread}"


def main() -> None:
    """Train each recipe with each seed, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", default=",".join(RECIPES), metavar="NAME,...")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="1 to N")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--hold-out", type=int, default=0, metavar="N")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave RESULTS.md as it is")
    args = parser.parse_args()
    for recipe in args.recipes.split(","):
        measure(recipe, args)


def measure(recipe: str, args: argparse.Namespace) -> None:
    """Train a recipe with each seed; its table is printed and kept."""
    runs = []
    for seed in range(1, args.seeds + 1):
        runs.append(train(recipe, seed, args))
        print(f"{recipe}, seed {seed}: {runs[-1].accuracy:.2f} % in {runs[-1].training:.1f} s", flush=True)
    words = f"`python benchmarks/recipes.py --recipes {recipe} --seeds {args.seeds}`"
    about = f"{setting()}  Test set, read once per seed; {args.threads or cores()} threads; {words}."
    write = args.write and not (args.hold_out or args.settings)
    keep(RECIPES[recipe], f"{about}\n\n{text_of(runs)}", write)


if __name__ == "__main__":
    main()
