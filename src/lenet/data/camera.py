"""The newest image of a camera, or of a film that runs: who is slower misses images, none is late."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic, sleep
from typing import Protocol

from lenet.shapes import Array


class Capture(Protocol):
    """What gives images, as OpenCV's VideoCapture does."""

    def read(self) -> tuple[bool, Array | None]:
        """Whether there is another image, and the image; waits for it."""


class Running:
    """A film that runs at its own rate, images a second, from the first one on: none comes before its time.

    `now` tells the time and `wait` waits, in seconds.
    """

    def __init__(
        self,
        film: Capture,
        rate: float,
        now: Callable[[], float] = monotonic,
        wait: Callable[[float], object] = sleep,
    ) -> None:
        self._film, self._rate, self._now, self._wait = film, rate, now, wait
        self._start: float | None = None
        self._number = 0

    def read(self) -> tuple[bool, Array | None]:
        """The next image, when it is due."""
        found = self._film.read()
        if self._start is None:
            self._start = self._now()
        early = self._start + self._number / self._rate - self._now()
        if found[0] and early > 0:
            self._wait(early)
        self._number += 1
        return found


class NewestImages:
    """A thread takes every image of a camera; whoever asks gets the newest one.

    An error while reading is raised by :meth:`next`.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._changed = Condition()
        self._newest: tuple[int, Array] | None = None
        self._over = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._read, name="lenet-camera", daemon=True)
        self._thread.start()

    def next(self) -> tuple[int, Array] | None:
        """The newest image that was not given yet, with its number; None after the last."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._over)
            if self._newest is None and self._error:
                raise self._error
            newest, self._newest = self._newest, None
            return newest

    def close(self) -> None:
        """Stop reading; waits for the image that is being read."""
        with self._changed:
            self._over = True
        self._thread.join()

    def _read(self) -> None:
        number = 0
        try:
            while not self._over:
                there, image = self._capture.read()
                with self._changed:
                    if not there or image is None:
                        break
                    self._newest = (number, image)
                    self._changed.notify()
                number += 1
        except BaseException as error:
            self._error = error
        with self._changed:
            self._over = True
            self._changed.notify()
