"""How a sweep came out: its logs are read, and a table, a figure, a page and JSON are made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lenet.cli.sweep_plan import meta_values
from lenet.dialects.eblearn import metarun_words
from lenet.dialects.eblearn.metarun import META, JobFolder, open_experiment
from lenet.dialects.eblearn.metarun_log import JobLog, parse_folder
from lenet.dialects.eblearn.weights import iteration_of
from lenet.errors import FileError, Notes, Where
from lenet.formats.conf import Conf
from lenet.formats.files import whole_file
from lenet.report.page import Page, Picture, Section, page_html
from lenet.report.style import DARK, LIGHT, png
from lenet.report.sweep import Sweep, Trial, sweep_json, sweep_table
from lenet.report.sweep_curves import sweep_figure

_KEYS = ("test_energy",)
_NUMBERED = re.compile(r"(^|_)(conf\d+)(_|$)")


def read_sweep(folder: Path, failed: Mapping[str, str] | None = None) -> Sweep:
    """What the logs below a folder say, also where there is no experiment but only logs.

    `failed` tells why runs failed, by name.

    Raises: FileError if there is no log.
    """
    if not folder.is_dir():
        raise FileError("there is no such directory", Where(str(folder)))
    logs = parse_folder(folder)
    experiment = open_experiment(folder) if (folder / META).is_file() else None
    if not logs and experiment is None:
        raise FileError("there is no log (*.log) below this directory", Where(str(folder)))
    varied = experiment.varied() if experiment else {}
    folders = {job.name: job for job in experiment.jobs} if experiment else {}
    order = list(dict.fromkeys([*folders, *sorted(logs)]))
    shorts = _shorts(order, logs, folder.resolve().name)
    trials = [
        _trial(name, short, logs.get(name, JobLog()), folders.get(name), varied.get(name), failed or {})
        for name, short in zip(order, shorts, strict=True)
    ]
    values = meta_values(experiment.conf if experiment else Conf(), False, Notes())
    first = int(values.exists_true("meta_ignore_iter0"))
    keys = values.strings("meta_minimize", _KEYS) or _KEYS
    return Sweep(folder.resolve().name, keys, trials, first)


def write_results(sweep: Sweep, folder: Path) -> list[Path]:
    """Write `results.txt`, `results.json`, `curves.png` and `report.html`; numbers come first.

    Raises: FileError if one cannot be written.
    """
    table = sweep_table(sweep)
    files = [folder / name for name in ("results.txt", "results.json", "curves.png", "report.html")]
    _write(files[0], table.text() + "\n")
    _write(files[1], json.dumps(sweep_json(sweep), indent=2, ensure_ascii=False) + "\n")
    words = f"{sweep.key} over the epochs, a curve for each run; a ring marks its best epoch."
    picture = Picture(words, png(sweep_figure(sweep, LIGHT)), png(sweep_figure(sweep, DARK)))
    _write(files[2], picture.light)
    best = sweep.best(sweep.ranked()[0]) if sweep.trials else None
    numbers = {"runs": str(len(sweep.trials))}
    if best:
        numbers = {
            **sweep.ranked()[0].values,
            sweep.key: f"{best[1]:.4g}",
            "at epoch": str(best[0]),
            **numbers,
        }
    sections = (Section("Curves", words, (picture,)), Section("All runs", tables=(table,)))
    _write(files[3], page_html(Page("Sweep", sweep.name, numbers, sections)))
    return files


def best_words(sweep: Sweep, number: int) -> Iterator[str]:
    """The best runs as metarun tells them."""
    found = []
    for trial in sweep.ranked()[:number]:
        best = sweep.best(trial)
        if best:
            values = {"job": trial.job, "i": str(best[0])}
            values |= {key: f"{trial.scores[best[0]].get(key, float('nan')):g}" for key in sweep.keys}
            values |= {"weights": trial.weights[best[0]]} if best[0] in trial.weights else {}
            found.append({**values, **trial.values})
    return metarun_words.best(sweep.keys, found)


def summary(sweep: Sweep, folder: Path) -> str:
    """The table, the best weights, and where everything lies."""
    lines = [sweep_table(sweep).text(), ""]
    best = sweep.best(sweep.ranked()[0]) if sweep.trials else None
    weights = sweep.ranked()[0].weights.get(best[0]) if best else None
    lines += [f"best weights: {weights}"] if weights else []
    lines += [f"report:       {folder / 'report.html'}"]
    return "\n".join(lines)


def _shorts(names: Sequence[str], logs: Mapping[str, JobLog], experiment: str) -> list[str]:
    """`conf0` and so on, or names without the experiment's if that would not tell them apart."""
    found = []
    for name in names:
        numbered = _NUMBERED.search(name)
        told = logs[name].names.get("meta_conf_shortname", "") if name in logs else ""
        found.append(told or (numbered[2] if numbered else name))
    unique = len(set(found)) == len(found)
    return found if unique else [name.removeprefix(f"{experiment}_") for name in names]


def _trial(
    name: str,
    short: str,
    log: JobLog,
    folder: JobFolder | None,
    values: Mapping[str, str] | None,
    failed: Mapping[str, str],
) -> Trial:
    if values is None:
        told = log.names.get("meta_conf_variables", "")
        values = {"values": told} if told else {}
    reason = failed.get(name, "")
    state = "failed" if reason else _state(folder, log)
    return Trial(short, name, values, log.scores, state, _weights(folder), reason)


def _state(folder: JobFolder | None, log: JobLog) -> str:
    if folder is None:
        return "logged"
    reached = folder.reached()
    if reached is None:
        return "stopped" if log.scores else "not started"
    return "finished" if reached.finished else f"stopped in epoch {reached.epoch} of {reached.total}"


def _weights(folder: JobFolder | None) -> dict[int, str]:
    """The files of weights by epoch."""
    if folder is None:
        return {}
    found = {iteration_of(path): str(path) for path in sorted(folder.path.glob("*_net*.mat"))}
    return {epoch: path for epoch, path in found.items() if epoch is not None}


def _write(path: Path, content: str | bytes) -> None:
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)
