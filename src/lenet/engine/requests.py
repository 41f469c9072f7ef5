"""Requests: what somebody asks of a training under way, agreed on by all processes that train together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from lenet.engine.distributed import Alone

Request = Literal["stop", "snapshot"]
_REQUESTS: tuple[Request, ...] = ("stop", "snapshot")


class Requests:
    """What was asked for and not yet done, of one of the processes `group`."""

    def __init__(self, group: Alone) -> None:
        self._group = group
        self._asked: set[Request] = set()

    @property
    def stop(self) -> bool:
        """Whether training shall stop; that is never taken back."""
        return "stop" in self._asked

    @property
    def snapshot(self) -> bool:
        """Whether a snapshot shall be taken."""
        return "snapshot" in self._asked

    def take(self, request: Request | None) -> bool:
        """Note a request, if there is one; whether to stop."""
        if request:
            self._asked.add(request)
        return self.stop

    def saved(self) -> None:
        """Forget that a snapshot was asked for."""
        self._asked.discard("snapshot")

    def agree(self, tensors: Sequence[Tensor] = (), *numbers: float) -> list[float]:
        """Make gradients and `numbers` the means over all processes; what one is asked for all are."""
        asked = [float(request in self._asked) for request in _REQUESTS]
        told = self._group.means(tensors, [*numbers, *asked])
        self._asked.update(request for request, wanted in zip(_REQUESTS, told[-2:], strict=True) if wanted)
        return told[:-2]
