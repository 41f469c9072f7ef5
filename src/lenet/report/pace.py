"""Pace: how fast training goes and how long it still takes, measured on its records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from math import exp

from lenet.results import Progress, Record

_MEMORY = 10.0  # seconds after which a moment weighs 1/e in the present speed


@dataclass
class Pace:
    """Images per second without the pauses for tests and snapshots, and the time left with them.

    `iterations` is the iteration at which training ends.
    """

    iterations: int
    first: Progress | None = None
    last: Progress | None = None
    _paused: bool = False
    _recent: list[float] = field(default_factory=lambda: [0.0, 0.0])  # images, seconds
    _whole: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def add(self, record: Record) -> None:
        """Take what a record says of time."""
        if not isinstance(record, Progress):
            self._paused = True
            return
        if self.last and not self._paused:
            seconds = record.seconds - self.last.seconds
            images = float(record.samples - self.last.samples)
            kept = exp(-max(seconds, 0.0) / _MEMORY)
            self._recent = [self._recent[0] * kept + images, self._recent[1] * kept + seconds]
            self._whole = [self._whole[0] + images, self._whole[1] + seconds]
        self.first, self.last, self._paused = self.first or record, record, False

    @property
    def speed(self) -> float | None:
        """Images per second of late, None before it is known."""
        return self._recent[0] / self._recent[1] if self._recent[1] > 0 else None

    @property
    def mean_speed(self) -> float | None:
        """Images per second of the whole training, None before it is known."""
        return self._whole[0] / self._whole[1] if self._whole[1] > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """The time to the last iteration at the pace so far, None before it is known."""
        if self.first is None or self.last is None:
            return None
        done = self.last.iteration - self.first.iteration
        if done < 1:
            return None
        each = (self.last.seconds - self.first.seconds) / done
        return max(0, self.iterations - self.last.iteration) * each


def clock(seconds: float) -> str:
    """A time span as hours, minutes and seconds.

    >>> clock(31.4), clock(3725), clock(90061)
    ('0:00:31', '1:02:05', '1 day, 1:01:01')
    """
    return str(timedelta(seconds=round(seconds)))
