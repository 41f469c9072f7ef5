"""A stopwatch."""

from __future__ import annotations

import time


class Timer:
    """Measures the time between `start` and `stop`; `ms` is it in milliseconds."""

    def __init__(self) -> None:
        self._begin = self._end = 0.0

    def start(self) -> None:
        """Begin to measure."""
        self._begin = time.perf_counter()

    def stop(self) -> None:
        """End measuring."""
        self._end = time.perf_counter()

    @property
    def ms(self) -> float:
        """Milliseconds from start to stop."""
        return (self._end - self._begin) * 1000
