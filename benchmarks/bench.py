"""Everything that is timed, against everybody: prints the tables and rewrites RESULTS.md.

    python benchmarks/bench.py [--only training,keras] [--rounds 6] [--with keras-tensorflow,keras-jax]
        [--models DIR] [--no-write]

`make bench` runs it.  Each engine works in a process of its own; TensorFlow and JAX in environments of their
own under build/bench, which `--with` makes the first time.  `--models` names a folder that holds `eblearn`,
EBLearn's source tree with its face detector, and `caffe/bvlc`, Caffe's with its networks; what needs them
is left out without it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import digits
import engine_layers
import engine_lenet
from cases import DENSE, GEMM, MODELS, NAMES, Case
from engine_torch import SIZE
from environments import BUILD, ENVIRONMENTS, make_environment, versions_of
from gpu import measure_gpu
from machine import setting
from processes import Crew, Measured, crew, measure
from results import GPU, STARTING, case_table, keep, load_table, section_table, table
from sections import SECTIONS, Section
from startup import measure_startup

from lenet.process import cores
from lenet.report.table import tenth_percentile

Found = tuple[list[dict[str, Measured]], list[float | None]]
LAST = {"startup": STARTING, "gpu": GPU}  # name -> title of the sections that have no cases


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
    for section in (make(cores()) for make in SECTIONS):
        if not chosen or section.name in chosen:
            keep(section.title, _timed(section.title, partial(_run, section, args.rounds)), args.write)
    for (name, title), run in zip(LAST.items(), (_startup, measure_gpu), strict=True):
        if not chosen or name in chosen:
            keep(title, _timed(title, partial(run, max(1, args.rounds // 2))), args.write)
    print(f"{time.perf_counter() - started:.0f} s altogether")


def _timed(title: str, run: Callable[[], str]) -> str:
    """The text of a section; how long it took is printed."""
    print(f"\n## {title}\n", flush=True)
    started = time.perf_counter()
    found = run()
    print(f"{time.perf_counter() - started:.0f} s\n", flush=True)
    return found


def _arguments() -> argparse.Namespace:
    names = [make(1).name for make in SECTIONS] + list(LAST)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=6)
    extra = f"of {', '.join(ENVIRONMENTS)}: make their environments"
    parser.add_argument("--with", dest="extra", default="", metavar="NAME,...", help=extra)
    parser.add_argument("--models", type=Path, metavar="DIR", help="a folder with eblearn and caffe/bvlc")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave RESULTS.md as it is")
    args = parser.parse_args()
    wrong = set(filter(None, args.only.split(","))) - set(names)
    wrong |= set(filter(None, args.extra.split(","))) - set(ENVIRONMENTS)
    if wrong:
        parser.error(f"there is no {', '.join(sorted(wrong))}")
    if args.models and not args.models.is_dir():
        parser.error(f"--models {args.models} is no folder")
    if args.rounds < 1:
        parser.error("--rounds: at least 1")
    return args


def _run(section: Section, rounds: int) -> str:
    """The text of a section: where and when, then its tables."""
    if section.models and not os.environ.get(MODELS):
        return f"{section.about}\n\nNot measured: `--models DIR` names the folder of the networks.\n"
    found, limits = _across(section, rounds) if section.across else _apart(section, rounds)
    body = f"{setting()}  {rounds} rounds.  {section.about}\n\n"
    if section.load:
        body += load_table(section, found) + "\n"
    if section.across:
        return body + section_table(section, found, limits) + _remarks(found)
    tables = (
        f"**{case.title}**\n\n{case_table(case, each, limit)}"
        for case, each, limit in zip(section.cases, found, limits, strict=True)
    )
    return body + "\n".join(tables) + _remarks(found)


def _across(section: Section, rounds: int) -> Found:
    """All cases with one crew: its engines start once."""
    with crew() as running:
        pairs = [_measured(case, rounds, running) for case in section.cases]
    return [each for each, _ in pairs], [limit for _, limit in pairs]


def _apart(section: Section, rounds: int) -> Found:
    """Each case with a crew of its own, so that the memory is that of the case."""
    found, limits = [], []
    for case in section.cases:
        with crew() as running:
            each, limit = _measured(case, rounds, running)
            for name, threads in list(running.running):
                memory = running.dismiss(name, threads)
                if name in each:
                    each[name].memory = memory
        found.append(each)
        limits.append(limit)
    return found, limits


def _measured(case: Case, rounds: int, running: Crew) -> tuple[dict[str, Measured], float | None]:
    """What the engines took, and the dense limit in seconds an iteration where there is one."""
    started = time.perf_counter()
    found = measure(case, [*case.engines, *([GEMM] * (case.work in DENSE))], rounds, running)
    print(f"{case.title}: {time.perf_counter() - started:.0f} s", flush=True)
    gemm = found.pop(GEMM, None)
    if gemm is None or not gemm.seconds:
        return found, None
    operations = engine_layers if case.work == "layers" else engine_lenet
    return found, operations.dense_operations(case) * median(gemm.seconds) / (2 * SIZE**3)


def _remarks(found: Sequence[dict[str, Measured]]) -> str:
    """What did not run and why, and the versions of those that have an environment of their own."""
    said = {f"{NAMES[name]}: {each.problem}" for case in found for name, each in case.items() if each.problem}
    said |= {f"{NAMES[name]}: {versions_of(name)}." for case in found for name in case if versions_of(name)}
    folder = os.environ.get(MODELS, "") or os.sep  # where files lie on this machine is nobody's business
    return "".join(f"\n{line.replace(folder + os.sep, '')}\n" for line in sorted(said))


def _startup(rounds: int) -> str:
    rows = [
        [f"`{name}`", f"{median(times):.3f}", f"{tenth_percentile(times):.3f}"]
        for name, times in measure_startup(rounds).items()
    ]
    body = f"{setting()}  {rounds} rounds.  Whole processes, seconds of wall clock.\n\n"
    return body + table(["command", "median", "10th percentile"], rows)


if __name__ == "__main__":
    main()
