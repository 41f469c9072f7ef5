"""What Caffe's tools say while they work: its log lines on stderr and, where a person watches, a bar."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from lenet.dialects.caffe.log import CaffeLog
from lenet.report.table import printable

if TYPE_CHECKING:
    from tqdm import tqdm

_DRAWN_EVERY = 0.1  # seconds between two pictures of the bar


class ToolLog:
    """Log lines named after a source file of Caffe's, and a bar of `total` steps; a context manager.

    Without a `total` the bar counts only.
    """

    def __init__(self, source: str, total: int | None = None, unit: str = "images") -> None:
        self._source, self._total, self._unit = source, total, unit
        self._log = CaffeLog(self._write, with_year=False)
        self._bar: tqdm[None] | None = None
        self._drawn = 0.0

    def line(self, number: int, text: str, level: Literal["I", "W", "E"] = "I", source: str = "") -> None:
        """One line; `number` is that of Caffe's own line."""
        self._log.line(f"{source or self._source}:{number}", printable(text), level)

    def reached(self, done: int) -> None:
        """Let the bar show how many steps are done."""
        if not sys.stderr.isatty() or time.monotonic() - self._drawn < _DRAWN_EVERY:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=self._total, file=sys.stderr, leave=False, dynamic_ncols=True, unit=f" {self._unit}"
            )
        self._bar.update(done - self._bar.n)
        self._drawn = time.monotonic()

    def close(self) -> None:
        """Take the bar away; the lines stay."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr, end="")
        else:
            sys.stderr.write(text)
            sys.stderr.flush()
