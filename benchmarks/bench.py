"""Everything that is timed, against everybody: prints the tables and rewrites RESULTS.md.

    python benchmarks/bench.py [--only training,keras] [--rounds 8] [--with keras-tensorflow,keras-jax]
        [--models EBLEARN] [--no-write]

`make bench` runs it.  Each engine works in a process of its own; TensorFlow and JAX in environments of their
own under build/bench, which `--with` makes the first time.  `--models` names EBLearn's source tree, which
holds the face detector.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import digits
import engine_layers
import engine_lenet
from cases import DENSE, GEMM, SECTIONS, Case, Section
from detection import MODELS
from engine_torch import SIZE
from machine import setting
from processes import BUILD, ENVIRONMENTS, Measured, has_environment, make_environment, measure
from results import STARTING, case_table, keep, section_table, table, tenth
from startup import measure_startup

STARTUP = "startup"


def main() -> None:
    """Run what is asked for."""
    args = _arguments()
    if args.models:
        os.environ[MODELS] = str(args.models.resolve())
    BUILD.mkdir(parents=True, exist_ok=True)
    digits.write_digits()
    for name in filter(None, args.extra.split(",")):
        make_environment(name)
    chosen = [name for name in args.only.split(",") if name]
    started = time.perf_counter()
    for section in (make(os.cpu_count() or 1) for make in SECTIONS):
        if not chosen or section.name in chosen:
            keep(section.title, _run(section, args.rounds), args.write)
    if not chosen or STARTUP in chosen:
        keep(STARTING, _startup(max(1, args.rounds // 2)), args.write)
    print(f"{time.perf_counter() - started:.0f} s altogether")


def _arguments() -> argparse.Namespace:
    names = [make(1).name for make in SECTIONS] + [STARTUP]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=8)
    extra = f"of {', '.join(ENVIRONMENTS)}: make their environments"
    parser.add_argument("--with", dest="extra", default="", metavar="NAME,...", help=extra)
    parser.add_argument("--models", type=Path, metavar="PATH", help="EBLearn's source tree")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave RESULTS.md as it is")
    args = parser.parse_args()
    wrong = set(filter(None, args.only.split(","))) - set(names)
    wrong |= set(filter(None, args.extra.split(","))) - set(ENVIRONMENTS)
    if wrong:
        parser.error(f"there is no {', '.join(sorted(wrong))}")
    return args


def _run(section: Section, rounds: int) -> str:
    """The text of a section: where and when, then its tables."""
    print(f"\n## {section.title}\n", flush=True)
    found, limits = [], []
    for case in section.cases:
        each, limit = _measured(case, rounds)
        found.append(each)
        limits.append(limit)
    body = f"{setting()}  {rounds} rounds.  {section.about}\n\n"
    if section.across:
        return body + section_table(section, found, limits) + _problems(found)
    tables = (
        f"**{case.title}**\n\n{case_table(case, each, limit)}"
        for case, each, limit in zip(section.cases, found, limits, strict=True)
    )
    return body + "\n".join(tables) + _problems(found)


def _measured(case: Case, rounds: int) -> tuple[dict[str, Measured], float | None]:
    """What the engines took, and the dense limit in seconds an iteration where there is one."""
    engines = [name for name in case.engines if has_environment(name)]
    print(f"{case.work}, {case.title}: {', '.join(engines)}", flush=True)
    found = measure(case, [*engines, *([GEMM] * (case.work in DENSE))], rounds)
    gemm = found.pop(GEMM, None)
    if gemm is None or not gemm.seconds:
        return found, None
    operations = engine_layers if case.work == "layers" else engine_lenet
    return found, operations.dense_operations(case) * median(gemm.seconds) / (2 * SIZE**3)


def _problems(found: Sequence[dict[str, Measured]]) -> str:
    said = {f"{name}: {each.problem}" for case in found for name, each in case.items() if each.problem}
    return "".join(f"\n{line}\n" for line in sorted(said))


def _startup(rounds: int) -> str:
    print(f"\n## {STARTING}\n", flush=True)
    rows = [
        [f"`{name}`", f"{median(times):.3f}", f"{tenth(times):.3f}"]
        for name, times in measure_startup(rounds).items()
    ]
    body = f"{setting()}  {rounds} rounds.  Whole processes, seconds of wall clock.\n\n"
    return body + table(["command", "median", "10th percentile"], rows)


if __name__ == "__main__":
    main()
