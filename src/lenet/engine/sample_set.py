"""All samples of a feed in memory, taken one by one or some at a time, in any order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lenet.data.feed import Feed
from lenet.engine.build import Network
from lenet.errors import DescriptionError
from lenet.shapes import Array, Shape

_KEPT = 2**23  # values: sets up to this size are transformed once and kept


class SampleSet:
    """The samples of a network's one feed, transformed in the network's precision.

    Raises: DescriptionError if the network has not exactly one feed, or the feed is one that changes its
    images at random; FileError or DataError if the source cannot be read.
    """

    def __init__(self, network: Network, dtype: torch.dtype, device: torch.device) -> None:
        self.feed, self.blobs = _only_feed(network)
        feed = self.feed
        self.scale, self._dtype, self._device = feed.transform.scale, dtype, device
        reader = feed.source.open(feed.transform.channels)
        try:
            mean = feed.transform.mean(reader.shapes[0])
            arrays = reader.read_all()[: feed.outputs]
        finally:
            reader.close()
        self.labels: Array = arrays[1] if len(arrays) > 1 else arrays[0]
        self._mean = None if mean is None else torch.from_numpy(mean).to(device, dtype)
        self._tensors = [torch.tensor(array, device=device) for array in arrays]
        self._are_ready = self._tensors[0].numel() <= _KEPT
        if self._are_ready:
            self._tensors = list(self._ready(self._tensors).values())

    @property
    def shape(self) -> Shape:
        """The shape of one sample."""
        return tuple(self._tensors[0].shape[1:])

    def __len__(self) -> int:
        return len(self._tensors[0])

    def take(self, index: int) -> dict[str, Tensor]:
        """One sample, by blob name, with a batch axis of 1."""
        return self._given([tensor[index : index + 1] for tensor in self._tensors])

    def take_many(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Some samples, by blob name."""
        return self._given([tensor[list(indices)] for tensor in self._tensors])

    def _given(self, tensors: list[Tensor]) -> dict[str, Tensor]:
        return dict(zip(self.blobs, tensors, strict=True)) if self._are_ready else self._ready(tensors)

    def _ready(self, tensors: list[Tensor]) -> dict[str, Tensor]:
        # as EBLearn reads them: first a float32, then in the precision of training
        first, *others = tensors
        first = first.to(torch.float32).to(self._dtype)
        if self._mean is not None:
            first = first - self._mean
        if self.scale != 1:
            first = first * self.scale
        others = [other if not other.is_floating_point() else other.to(self._dtype) for other in others]
        return dict(zip(self.blobs, [first, *others], strict=True))


def _only_feed(network: Network) -> tuple[Feed, tuple[str, ...]]:
    feeds = list(network.feeds.values())
    if len(feeds) != 1:
        raise DescriptionError(
            f"training sample by sample takes samples from one data layer, there are {len(feeds)}",
            network.net.where,
        )
    feed, blobs = feeds[0]
    if feed.transform.random:
        raise DescriptionError(
            "images cannot be cropped, mirrored or augmented at random here", network.net.where
        )
    return feed, blobs[: feed.outputs]
