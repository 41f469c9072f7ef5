"""Ctrl-C and SIGHUP while training: asked for between iterations, so that nothing is cut in half."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Literal

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
Effect = Literal["stop", "snapshot", "none"]
EFFECTS: tuple[Effect, ...] = ("stop", "snapshot", "none")
DEFAULT: Mapping[str, Effect] = {"SIGINT": "stop", "SIGHUP": "snapshot"}


class Signals:
    """Turns signals into requests that training polls for; a second Ctrl-C interrupts at once.

    Signals of one kind that come less than `apart` seconds after one another are one.  `pending` are the
    requests that came before; with `tells` a request to stop is confirmed on stderr.
    """

    def __init__(
        self,
        effects: Mapping[str, Effect] = DEFAULT,
        apart: float = 0.0,
        pending: list[Effect] | None = None,
        tells: bool = True,
    ) -> None:
        self._apart = apart
        self._tells = tells
        self._last: dict[int, float] = {}
        # Windows has no SIGHUP
        self._effects = {
            getattr(signal, name): effect for name, effect in effects.items() if hasattr(signal, name)
        }
        self._pending: list[Effect] = [] if pending is None else pending
        self._stopping = False
        self._before: dict[int, Any] = {}

    def poll(self) -> Literal["stop", "snapshot"] | None:
        """The oldest request that nobody took yet."""
        request = self._pending.pop(0) if self._pending else "none"
        return None if request == "none" else request

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        again = now - self._last.get(number, -math.inf) < self._apart
        self._last[number] = now
        if again:
            return
        if self._stopping and number == signal.SIGINT:
            raise KeyboardInterrupt
        effect = self._effects[number]
        self._pending.append(effect)
        if effect == "stop":
            self._stopping = True
            if self._tells:
                print(
                    "\nstopping after this iteration; once more to stop at once", file=sys.stderr, flush=True
                )

    def __enter__(self) -> Signals:
        for number in self._effects:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


@contextmanager
def kept(effects: Mapping[str, Effect] = DEFAULT, name: str = "SIGHUP") -> Iterator[list[Effect]]:
    """Keep the requests of a signal that comes while a run is prepared: the system would end the program."""
    pending: list[Effect] = []
    if not hasattr(signal, name) or name not in effects:
        yield pending
        return
    number = getattr(signal, name)
    before = signal.signal(number, lambda *_: pending.append(effects[name]))
    try:
        yield pending
    finally:
        signal.signal(number, before)
