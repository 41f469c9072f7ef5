"""Stored samples by the batch: held in memory, or read ahead by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from lenet.data.order import Order
from lenet.data.source import Reader
from lenet.process import cores
from lenet.shapes import Array

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_AHEAD = 4  # batches, as Caffe's prefetch
_PIECE, _PIECES = 8, 1024  # samples that one thread decodes at a time, at least; pieces of a batch

Piece = Future[tuple[Array, ...]]


class Samples(Protocol):
    """Gives batches of samples as they are stored."""

    def take(self, places: range) -> tuple[Tensor, ...]:
        """The batch of the samples that stand at `places` of the order; do not write to it."""

    def held(self) -> tuple[Tensor, ...]:
        """All samples where they are kept in memory, else nothing; do not write to them."""

    def close(self) -> None:
        """Release files, threads and memory."""


class HeldSamples:
    """All samples in memory, read for the first batch; on the GPU if they take half its room at most."""

    def __init__(self, reader: Reader, order: Order, outputs: int, device: torch.device) -> None:
        self._reader = reader
        self._order = order
        self._outputs = outputs
        self._device = device
        self._held: tuple[Tensor, ...] = ()

    def take(self, places: range) -> tuple[Tensor, ...]:
        held = self.held()
        pieces = self._order.at(places)
        if len(pieces) == 1 and isinstance(piece := pieces[0], range):
            return tuple(output[piece.start : piece.stop : piece.step] for output in held)
        import torch

        indices = torch.tensor([index for piece in pieces for index in piece], device=held[0].device)
        return tuple(output[indices] for output in held)

    def held(self) -> tuple[Tensor, ...]:
        return self._held or self._read()

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


class StreamedSamples:
    """Samples read ahead, a few batches at a time; errors are raised by `take`.

    One thread reads, or all cores decode where the reader allows it: memory stays the same however many
    samples there are, and so do their order and their values.
    """

    def __init__(self, reader: Reader, order: Order, outputs: int) -> None:
        self._reader = reader
        self._order = order
        self._outputs = outputs
        self._threads = ThreadPoolExecutor(cores() if reader.decodes else 1, "lenet-read-ahead")
        self._coming: deque[tuple[range, list[Piece]]] = deque()

    def take(self, places: range) -> tuple[Tensor, ...]:
        if self._coming and self._coming[0][0] != places:
            self._forget()
        span = len(places) * places.step
        while len(self._coming) < _AHEAD:
            self._fetch(_moved(places, len(self._coming) * span))
        try:
            parts = [piece.result() for piece in self._coming[0][1]]
        except BaseException:
            self._forget()
            raise
        self._coming.popleft()
        return tuple(_tensor(array) for array in _joined(parts))

    def held(self) -> tuple[Tensor, ...]:
        return ()

    def close(self) -> None:
        self._forget()
        self._threads.shutdown()
        self._reader.close()

    def _fetch(self, places: range) -> None:
        """Begin to read a batch."""
        pieces = self._order.at(places)
        if self._reader.decodes:
            size = max(_PIECE, len(places) // _PIECES)
            pieces = [piece[start : start + size] for piece in pieces for start in range(0, len(piece), size)]
        self._coming.append((places, [self._threads.submit(self._read, piece) for piece in pieces]))

    def _forget(self) -> None:
        for _, pieces in self._coming:
            for piece in pieces:
                piece.cancel()
        self._coming.clear()

    def _read(self, piece: Sequence[int]) -> tuple[Array, ...]:
        return self._reader.read_many(piece)[: self._outputs]


def _moved(places: range, by: int) -> range:
    """Places further on.

    >>> _moved(range(1, 9, 2), 8)
    range(9, 17, 2)
    """
    return range(places.start + by, places.stop + by, places.step)


def _joined(parts: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
    """The pieces of a batch one behind the other."""
    import numpy as np

    return parts[0] if len(parts) == 1 else tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _tensor(array: Array) -> Tensor:
    """An array as a tensor of the same memory, where torch can use it."""
    import numpy as np
    import torch

    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return torch.from_numpy(np.require(native, requirements=["C", "W"]))
