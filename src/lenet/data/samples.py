"""Stored samples by the batch: held in memory, or read ahead by a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from lenet.data.source import Reader
from lenet.shapes import Array

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_AHEAD = 4  # batches, as Caffe's prefetch
_APART = 1_000_003  # passes between the orders of two seeds


class Samples(Protocol):
    """Gives batches of samples as they are stored."""

    def take(self, position: int) -> tuple[Tensor, ...]:
        """The batch that starts at sample `position` modulo their number; do not write to it."""

    def close(self) -> None:
        """Release files, threads and memory."""


class HeldSamples:
    """All samples in memory, read for the first batch; on the GPU if they take half its room at most."""

    def __init__(self, reader: Reader, batch: int, outputs: int, device: torch.device) -> None:
        self._reader = reader
        self._batch = batch
        self._outputs = outputs
        self._device = device
        self._held: tuple[Tensor, ...] = ()

    def take(self, position: int) -> tuple[Tensor, ...]:
        held = self._held or self._read()
        number = len(held[0])
        start = position % number
        stop = start + self._batch
        if stop <= number:
            return tuple(output[start:stop] for output in held)
        import torch

        indices = torch.arange(start, stop, device=held[0].device) % number
        return tuple(output[indices] for output in held)

    def close(self) -> None:
        self._held = ()
        self._reader.close()

    def _read(self) -> tuple[Tensor, ...]:
        arrays = self._reader.read_all()[: self._outputs]
        tensors = tuple(_tensor(array) for array in arrays)
        if self._device.type == "cuda":
            import torch

            free, _ = torch.cuda.mem_get_info(self._device)
            if sum(tensor.nbytes for tensor in tensors) <= free // 2:
                tensors = tuple(tensor.to(self._device) for tensor in tensors)
        self._held = tensors
        return tensors


class ShuffledSamples(HeldSamples):
    """All samples in memory, in a new random order each time they have all been shown.

    The order is a function of `seed` and of how often that was, so that a place in the data tells it.
    """

    def __init__(self, reader: Reader, batch: int, outputs: int, device: torch.device, seed: int) -> None:
        super().__init__(reader, batch, outputs, device)
        self._seed = seed
        self._orders: dict[int, Tensor] = {}  # of the passes that the last batch was taken from

    def take(self, position: int) -> tuple[Tensor, ...]:
        import torch

        held = self._held or self._read()
        number = len(held[0])
        stop = position + self._batch
        passes = range(position // number, (stop - 1) // number + 1)
        self._orders = {index: self._order(index, number) for index in passes}
        parts = [
            self._orders[index][max(position - index * number, 0) : stop - index * number] for index in passes
        ]
        indices = torch.cat(parts).to(held[0].device)
        return tuple(output[indices] for output in held)

    def _order(self, index: int, number: int) -> Tensor:
        import torch

        if index in self._orders:
            return self._orders[index]
        generator = torch.Generator().manual_seed((self._seed * _APART + index) % 2**63)
        return torch.randperm(number, generator=generator)


class StreamedSamples:
    """Samples read ahead, a few batches at a time, by one thread; its errors are raised by `take`."""

    def __init__(self, reader: Reader, batch: int, outputs: int) -> None:
        self._reader = reader
        self._batch = batch
        self._outputs = outputs
        self._thread = ThreadPoolExecutor(1, "lenet-read-ahead")
        self._coming: deque[tuple[int, Future[tuple[Array, ...]]]] = deque()

    def take(self, position: int) -> tuple[Tensor, ...]:
        if self._coming and self._coming[0][0] != position:
            self._forget()
        while len(self._coming) < _AHEAD:
            ahead = position + len(self._coming) * self._batch
            self._coming.append((ahead, self._thread.submit(self._read, ahead)))
        try:
            arrays = self._coming[0][1].result()
        except BaseException:
            self._forget()
            raise
        self._coming.popleft()
        return tuple(_tensor(array) for array in arrays)

    def close(self) -> None:
        self._forget()
        self._thread.shutdown()
        self._reader.close()

    def _forget(self) -> None:
        for _, future in self._coming:
            future.cancel()
        self._coming.clear()

    def _read(self, position: int) -> tuple[Array, ...]:
        import numpy as np

        parts = [
            self._reader.read_many(indices)[: self._outputs]
            for indices in _ranges(position % len(self._reader), self._batch, len(self._reader))
        ]
        return (
            parts[0] if len(parts) == 1 else tuple(np.concatenate(part) for part in zip(*parts, strict=True))
        )


def _ranges(start: int, count: int, number: int) -> Iterator[range]:
    """The ranges of `count` indices from `start` on, beginning anew at `number`.

    >>> list(_ranges(26, 4, 28))
    [range(26, 28), range(0, 2)]
    """
    while count:
        part = range(start, min(start + count, number))
        yield part
        count -= len(part)
        start = 0


def _tensor(array: Array) -> Tensor:
    """An array as a tensor of the same memory, where torch can use it."""
    import numpy as np
    import torch

    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return torch.from_numpy(np.require(native, requirements=["C", "W"]))
