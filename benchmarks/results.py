"""Tables of what was measured, and the file that keeps them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from cases import LENET, NAMES, Case
from processes import Measured
from sections import SECTIONS, Section

from lenet.report.table import tenth_percentile

STARTING, GPU = "Starting", "On a GPU"
RECIPES = {"fast": "The recipe fast", "best": "The recipe best"}
RESULTS = Path(__file__).with_name("RESULTS.md")
TITLE = """# What was measured

Made by `make bench`, each table with the machine and the day below its title.  Each engine works in a process
of its own with as many cores as the table says threads.  Engines take turns in blocks of iterations, after
one block each that warms up and does not count, so that a slow moment of the machine hits all of them: trust
the ratios, which are medians of the ratios round by round, more than single times.  A ratio below 1 means
that lenet is quicker.  The dense limit is the time that the arithmetic of an iteration takes at the speed of
a matrix product (1024 x 1024 x 1024, by PyTorch, timed in the same rounds), if no product is left out.
Memory is the most that the process had in use, its copy of the data included; libraries and databases,
which are mapped from files, do not count.
"""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown, its columns lined up, the first to the left."""
    widths = [max(len(row[index]) for row in (header, *rows)) for index in range(len(header))]
    lines = []
    for row in (header, *rows):
        first, *others = (
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("| " + " | ".join([first, *others]) + " |")
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def case_table(case: Case, found: Mapping[str, Measured], limit: float | None) -> str:
    """One case: a row per engine.  `limit` is the dense limit in seconds an iteration."""
    header = ["engine", "ms, median", "10th percentile", "samples/s", "lenet's time / its", "peak memory, MB"]
    header += ["of the dense limit"] * bool(limit)
    rows = []
    for name, measured in found.items():
        if not measured.seconds:
            rows.append([NAMES[name], _absent(measured), *[""] * (len(header) - 2)])
            continue
        middle = median(measured.seconds)
        row = [NAMES[name], f"{middle * 1e3:.2f}", f"{tenth_percentile(measured.seconds) * 1e3:.2f}"]
        row += [f"{case.batch / middle:,.0f}", ratio(found, name), f"{measured.memory / 2**20:,.0f}"]
        rows.append(row + ([f"{middle / limit:.2f}"] if limit else []))
    if limit:
        rows.append(["dense limit", f"{limit * 1e3:.2f}", *[""] * (len(header) - 2)])
    return table(header, rows)


def ratio(found: Mapping[str, Measured], name: str) -> str:
    """The median of our time over an engine's, round by round; nothing where there is none to compare."""
    ours, its = found.get(LENET), found[name]
    if ours is None or name == LENET or not ours.seconds or not its.seconds:
        return ""
    return f"{median(a / b for a, b in zip(ours.seconds, its.seconds, strict=False)):.3f}"


def section_table(
    section: Section, found: Sequence[Mapping[str, Measured]], limits: Sequence[float | None]
) -> str:
    """Several cases, a row each: a column per engine, then how our time compares with each of theirs."""
    engines = list(dict.fromkeys(name for case in section.cases for name in case.engines))
    rivals = [name for name in engines if name != LENET and LENET in engines]
    header = ["", *(NAMES[name] for name in engines), *(f"lenet / {NAMES[name]}" for name in rivals)]
    header += ["dense limit"] * any(limits)
    rows = []
    for case, each, limit in zip(section.cases, found, limits, strict=True):
        times = [_middle(each.get(name)) for name in engines]
        ratios = [ratio(each, name) if name in each else "" for name in rivals]
        rows.append([case.title, *times, *ratios, *([f"{limit * 1e3:.2f}" if limit else ""] * any(limits))])
    return table(header, rows)


def _middle(measured: Measured | None) -> str:
    if measured is None:
        return ""
    return f"{median(measured.seconds) * 1e3:.2f}" if measured.seconds else _absent(measured)


def _absent(measured: Measured) -> str:
    return "not installed" if measured.problem.startswith("not installed") else "did not run"


def load_table(section: Section, found: Sequence[Mapping[str, Measured]]) -> str:
    """How many times as long as on the quiet machine each engine takes, and as much of the processor.

    With a thread on each core and `busy` others, a thread has cores / (cores + busy) of a core.
    """
    engines = section.cases[0].engines
    header = ["times as long as on the quiet machine", "by its share", *(NAMES[name] for name in engines)]
    rows, worked = [], []
    for case, now in zip(section.cases[1:], found[1:], strict=True):
        times = [_times(now[name].seconds, found[0][name].seconds) for name in engines]
        work = [_times(now[name].processor, found[0][name].processor) for name in engines]
        rows.append([case.title, f"{1 + case.busy / case.threads:.2f}", *times])
        worked.append([case.title, *work])
    return table(header, rows) + "\n" + table(["times the processor's time", *header[2:]], worked)


def _times(now: Sequence[float], then: Sequence[float]) -> str:
    return f"{median(now) / median(then):.2f}" if now and then else ""


def rewritten(text: str, sections: Mapping[str, str]) -> str:
    """The text of RESULTS.md with these sections, by title; of those it had, the ones still made are kept."""
    parts = re.split(r"^## (.*)$", text, flags=re.M)
    found = {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}
    found |= {title: body.strip() for title, body in sections.items()}
    titles = [*(make(1).title for make in SECTIONS), STARTING, GPU, *RECIPES.values()]
    return TITLE + "".join(f"\n## {title}\n\n{found[title]}\n" for title in titles if title in found)


def keep(title: str, body: str, write: bool) -> None:
    """Print a section, and put it into the file if that is wanted."""
    print(body, flush=True)
    if write:
        before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
        RESULTS.write_text(rewritten(before, {title: body}), encoding="utf-8")
