"""RunFolder: everything that a run leaves behind, in a folder of its own that nothing overwrites."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TextIO

from lenet.errors import FileError, Where
from lenet.formats.files import whole_file
from lenet.report.classes import class_table
from lenet.report.history import History
from lenet.report.pace import Pace
from lenet.report.page import Page, Picture, Section, page_html
from lenet.report.pictures import Drawing, draw_all, drawings
from lenet.report.states import Inside
from lenet.report.summary import Outcome, Summary, outcome, result, system, versions
from lenet.results import Answers, Progress, Record, Stopped, to_json
from lenet.shapes import Array

_FLUSHED_EVERY = 0.25  # seconds, where nothing but progress is told
_COPIED = 64 * 2**20  # bytes; larger files are named with their digest, not copied


class RunFolder:
    """A run's folder: `files/` it was started from, `log.txt`, `metrics.jsonl`, and what `finish` adds.

    Made as `root/name`, or with the next free number if that is there: `name-2`, `name-3`, ...

    Raises: FileError whenever something cannot be written.
    """

    def __init__(self, root: Path | str, name: str, sources: Sequence[Path | str] = ()) -> None:
        self.path = _new_folder(Path(root), name)
        self.files = self._copy([Path(source) for source in sources])
        self.history = History()
        self.pace = Pace(0)
        self.stopped: Stopped | None = None
        self.started = datetime.now().astimezone()
        self._flushed = time.monotonic()
        self._log = self._open("log.txt")
        self._metrics = self._open("metrics.jsonl")

    def log(self, line: str) -> None:
        """Append a line to `log.txt`."""
        with _told(self.path / "log.txt"):
            self._log.write(line + "\n")
            self._log.flush()

    def record(self, record: Record) -> None:
        """Append a record to `metrics.jsonl`, one JSON object a line; NaN is written as Python does."""
        self.history.add(record)
        self.pace.add(record)
        if isinstance(record, Stopped):
            self.stopped = record
        with _told(self.path / "metrics.jsonl"):
            self._metrics.write(json.dumps(to_json(record)) + "\n")
            if not isinstance(record, Progress) or time.monotonic() - self._flushed > _FLUSHED_EVERY:
                self._metrics.flush()
                self._flushed = time.monotonic()

    def finish(
        self,
        summary: Summary,
        answers: Answers | None = None,
        first_filters: tuple[str, Array] | None = None,
        inside: Sequence[Inside] = (),
    ) -> Path:
        """Write `result.json`, the tables, the figures and `report.html`; returns the report's path.

        Numbers come first, so that they are there even if a figure cannot be drawn.  `first_filters`
        is the name of the first layer and its weights (outputs, channels, height, width); `inside` is
        what the network made of some samples before and after training.
        """
        came = outcome(self.history, self.pace, self.stopped, answers)
        words = json.dumps(result(summary, came, self.files), indent=2, ensure_ascii=False)
        write_whole(self.path / "result.json", words + "\n")
        if summary.network:
            write_whole(self.path / "network.txt", summary.network.text() + "\n")
        if answers is not None and len(answers.labels):
            write_whole(self.path / "classes.txt", class_table(answers).text() + "\n")
        drawn = draw_all(drawings(self.history, answers, first_filters, inside))
        sections = [self._keep(drawing, picture, answers) for drawing, picture in drawn]
        page = self._page(summary, came, sections)
        write_whole(self.path / "report.html", page_html(page))
        return self.path / "report.html"

    def close(self) -> None:
        """Close the files that grow."""
        self._log.close()
        self._metrics.close()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _open(self, name: str) -> TextIO:
        with _told(self.path / name):
            return (self.path / name).open("a", encoding="utf-8", newline="\n")

    def _copy(self, sources: Sequence[Path]) -> dict[str, str]:
        """Copy files to `files/`, numbered where names are equal; returns names with their SHA-256."""
        names: dict[str, str] = {}
        for source in sources:
            tries = (numbered(source.stem, number, source.suffix) for number in count(1))
            name = next(name for name in tries if name not in names)
            with _told(source, "read"), source.open("rb") as file:
                names[name] = hashlib.file_digest(file, "sha256").hexdigest()
                size = os.fstat(file.fileno()).st_size
            if size <= _COPIED:
                with _told(self.path / "files" / name):
                    (self.path / "files").mkdir(exist_ok=True)
                    shutil.copyfile(source, self.path / "files" / name)
        return names

    def _keep(self, drawing: Drawing, picture: Picture, answers: Answers | None) -> Section:
        """Keep a figure as a file, and make it a section of the report."""
        write_whole(self.path / f"{drawing.name}.png", picture.light)
        tables = (class_table(answers),) if drawing.name == "classes" and answers else ()
        return Section(drawing.title, drawing.words, (picture,), tables)

    def _page(self, summary: Summary, came: Outcome, sections: list[Section]) -> Page:
        subtitle = f"{self.path.name}, started {self.started:%d %B %Y, %H:%M}"
        subtitle += ", stopped early" if came.early else ""
        numbers = came.words()
        if summary.parameters is not None:
            numbers["parameters"] = f"{summary.parameters:,}"
        if summary.network:
            sections.append(Section("The network", tables=(summary.network,)))
        if summary.settings:
            sections.append(Section("Settings", pairs=summary.settings))
        seed = "" if summary.seed is None else str(summary.seed)
        known = {"device": summary.device, "seed": seed, **system(), **versions()}
        sections.append(Section("Environment", pairs={name: value for name, value in known.items() if value}))
        if self.files:
            sections.append(Section("Started from", "Files with their SHA-256.", pairs=self.files))
        return Page(summary.title, subtitle, numbers, tuple(sections))


def _new_folder(root: Path, name: str) -> Path:
    """Make the first free folder of this name; two runs that start at once get one each."""
    with _told(root):
        root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = root / numbered(folder_name(name), number)
        with _told(folder), suppress(FileExistsError):
            folder.mkdir()
            return folder
        number += 1


def numbered(name: str, number: int, ending: str = "") -> str:
    """The name itself as number 1, then with the number before its ending.

    >>> numbered("lenet", 1), numbered("lenet", 2), numbered("net", 3, ".prototxt")
    ('lenet', 'lenet-2', 'net-3.prototxt')
    """
    return f"{name}-{number}{ending}" if number > 1 else name + ending


def folder_name(name: str) -> str:
    """A name as a folder can have it on any system.

    >>> folder_name("LeNet (new)/../x"), folder_name("..")
    ('LeNet-new-x', 'run')
    """
    words = re.findall(r"[\w+]+(?:[.-][\w+]+)*", name)
    return "-".join(words)[:80].strip("-.") or "run"


@contextmanager
def _told(path: Path, doing: str = "written") -> Iterator[None]:
    """Say which file it was when the operating system refuses something."""
    try:
        yield
    except OSError as error:
        hint = "choose another folder with --runs, or make room there" if doing == "written" else ""
        reason = f"cannot be {doing}: {error.strerror or error}"
        raise FileError(reason, Where(str(error.filename or path)), hint) from None


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file that takes its name only when all of it is on the disk.

    Raises: FileError; what stood there before is left as it was.
    """
    with whole_file(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)
