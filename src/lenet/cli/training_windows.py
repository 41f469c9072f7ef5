"""What is shown while a network trains: curves, samples by energy, the inside of the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from lenet.cli.windows import Windows
from lenet.job import TrainingWindows
from lenet.report.curves import curves
from lenet.report.history import History
from lenet.report.panels import panels
from lenet.report.ranked import Look, Ranking, ranked
from lenet.report.states import states
from lenet.results import Answers, Record, SampleStates, TestScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STACKS = 2  # layers beside each other; a screen is wider than high
_KINDS = ("fprop", "bprop", "bbprop")


class Training(Protocol):
    """A training that can be looked into."""

    def answers_of(self, test: int) -> Answers | None:
        """The answers to the samples of a test; None if they are no classes."""

    def states(self, number: int) -> list[SampleStates]:
        """What the network makes of the first samples now."""


class LivePictures:
    """Listens to records and draws anew after each test.

    Parameters: `name` stands before the title of each window; `tests`, the names of the tests;
    `before`, the states of the samples before training.
    """

    def __init__(
        self,
        training: Training,
        windows: Windows,
        wanted: TrainingWindows,
        name: str,
        tests: list[str],
        before: list[SampleStates],
    ) -> None:
        self.training, self.windows, self.wanted = training, windows, wanted
        self.name, self.tests, self.before = name, tests, before
        self.history = History()

    def record(self, record: Record) -> None:
        """Take note of a record; after a test draw what belongs to it."""
        self.history.add(record)
        if isinstance(record, TestScores) and self.windows_open:
            for title, figure in self._figures(record.net):
                self.windows.show(f"{self.name}: {title}", figure)
        self.windows.react()

    @property
    def windows_open(self) -> bool:
        """Whether there is anything to draw for: not once the user has closed all windows."""
        return self.windows.untouched or bool(self.windows.titles)

    def finish(self) -> None:
        """Wait until the windows are closed, if that is wanted, and close them; Ctrl-C ends it, too."""
        if self.wanted.wait and self.windows.titles:
            print("close the windows to end", flush=True)
            try:
                self.windows.wait()
            except KeyboardInterrupt:
                print()
        self.windows.close()

    def _figures(self, test: int) -> Iterator[tuple[str, Figure]]:
        """Titles and pictures of all that a test changes."""
        if test == 0:
            if self.wanted.curves:
                yield "How it learns", curves(self.history)
            yield from self._inside()
        name = self.tests[test]
        chosen = [
            Ranking(correct, first)
            for correct, tests in ((False, self.wanted.errors), (True, self.wanted.correct))
            for first in ("highest", "lowest")
            if name in tests
        ]
        with_panels = self.wanted.panels and test == 0
        answers = self.training.answers_of(test) if chosen or with_panels else None
        if answers is None or answers.images is None:
            return
        if with_panels:
            yield "Samples", panels(answers, self.wanted.rows, max(1, self.wanted.columns // 2))
        look = Look(self.wanted.energies, self.wanted.outputs, self.wanted.words)
        place = f"{name or f'test {test}' if len(self.tests) > 1 else name} ".lstrip()
        for ranking in chosen:
            figure = ranked(answers, (ranking,), self.wanted.rows, self.wanted.columns, look)
            yield f"{place}{ranking.words}", figure

    def _inside(self) -> Iterator[tuple[str, Figure]]:
        """For each sample its states before training and now, and the derivatives now."""
        now = self.training.states(self.wanted.internals) if self.wanted.internals else []
        for number, (before, after) in enumerate(zip(self.before, now, strict=False), 1):
            sample = f" of sample {number}" if self.wanted.internals > 1 else ""
            shown = (
                (("before training", before.values), ("now", after.values)),
                (("now", after.gradients),),
                (("now", after.curvatures),),
            )
            for kind, limit, columns in zip(_KINDS, self.wanted.limits, shown, strict=True):
                if columns[-1][1]:
                    title = f"internal {kind} states{sample}"
                    yield title, states(columns, title.capitalize(), limit, _STACKS)
