"""The next batch, made by a thread while the network computes the current one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Generator, Tensor

Batch = tuple["Tensor", ...]


class _Coming(NamedTuple):
    """A batch under way: where its samples stand, and the generator's state before they draw from it."""

    places: range
    before: Tensor
    batch: Future[Batch]


class Ahead:
    """Makes one batch in advance, by `make`, which draws from `generator` and is called by one thread.

    For whoever takes the batches in turn it is as if each were made when it is taken: the numbers are the
    same, `state` is the generator's of then, an error is raised where its batch is due.
    """

    def __init__(self, make: Callable[[range], Batch], generator: Generator) -> None:
        self._make = make
        self._generator = generator
        self._thread = ThreadPoolExecutor(1, "lenet-read-ahead")
        self._coming: _Coming | None = None

    def take(self, places: range, following: range) -> Batch:
        """The batch of the samples at `places`; that at `following` is begun.

        Raises: what `make` raises; the generator then stands as before.
        """
        if self._coming and self._coming.places != places:
            self.forget()
        coming = self._coming or self._begun(places)
        try:
            batch = coming.batch.result()
        except BaseException:  # Ctrl-C too
            self.forget()
            raise
        self._begun(following)
        return batch

    @property
    def state(self) -> Tensor:
        """The generator's state after the batches that were taken."""
        return self._coming.before if self._coming else self._generator.get_state()

    def forget(self) -> None:
        """Throw away what is under way: the generator stands as if it had not been begun."""
        if self._coming:
            coming, self._coming = self._coming, None
            if not coming.batch.cancel():
                wait([coming.batch])
            self._generator.set_state(coming.before)

    def close(self) -> None:
        """Let the thread end."""
        self.forget()
        self._thread.shutdown()

    def _begun(self, places: range) -> _Coming:
        before = self._generator.get_state()
        self._coming = _Coming(places, before, self._thread.submit(self._make, places))
        return self._coming
