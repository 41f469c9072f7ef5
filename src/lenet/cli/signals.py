"""Ctrl-C and SIGHUP while training: asked for between iterations, so that nothing is cut in half."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any, Literal

Effect = Literal["stop", "snapshot", "none"]
EFFECTS: tuple[Effect, ...] = ("stop", "snapshot", "none")
DEFAULT: Mapping[str, Effect] = {"SIGINT": "stop", "SIGHUP": "snapshot"}


class Signals:
    """Turns signals into requests that training polls for; a second Ctrl-C interrupts at once."""

    def __init__(self, effects: Mapping[str, Effect] = DEFAULT) -> None:
        # Windows has no SIGHUP
        self._effects = {
            getattr(signal, name): effect for name, effect in effects.items() if hasattr(signal, name)
        }
        self._pending: list[Effect] = []
        self._stopping = False
        self._before: dict[int, Any] = {}

    def poll(self) -> Literal["stop", "snapshot"] | None:
        """The oldest request that nobody took yet."""
        request = self._pending.pop(0) if self._pending else "none"
        return None if request == "none" else request

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._stopping and number == signal.SIGINT:
            raise KeyboardInterrupt
        effect = self._effects[number]
        self._pending.append(effect)
        if effect == "stop":
            self._stopping = True
            print("\nstopping after this iteration; once more to stop at once", file=sys.stderr, flush=True)

    def __enter__(self) -> Signals:
        for number in self._effects:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
