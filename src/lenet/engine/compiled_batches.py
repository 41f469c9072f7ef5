"""Batches out of memory for lists of compiled calls: which samples come next, and what is done to each."""

from __future__ import annotations

import torch
from torch import Tensor

from lenet.data.augment import Drawn
from lenet.data.batches import Batches
from lenet.engine.chain import Chain
from lenet.errors import LenetError
from lenet.kernels.augment import augmented_samples_call
from lenet.kernels.calls import Call
from lenet.kernels.samples import STORED, Held, stored_samples_call


class CompiledBatches:
    """The next batches of a feed whose samples are `held`, at most `turns` at a time."""

    def __init__(self, batches: Batches, held: Held, turns: int) -> None:
        self._batches, self._held = batches, held
        self._rows = torch.zeros(turns, batches.feed.batch, dtype=torch.int64, device="cpu")
        self._drawn = batches.room(turns)
        self._before = b""

    def call(self, images: Tensor, labels: Tensor) -> Call:
        """What fills these with the batch of each turn."""
        if self._drawn is None:
            return stored_samples_call(self._held, self._rows, images, labels)
        height, width = images.shape[2:]
        bending = self._batches.feed.transform.augmentation.bending(self._drawn.noise, height, width)
        return augmented_samples_call(self._held, self._rows, self._drawn.maps, bending, images, labels)

    def prepare(self, turns: int) -> None:
        """Say what the next batches are."""
        self._rows[:turns] = self._batches.indices(turns)
        if self._drawn:
            self._before = self._batches.generator_state
            self._batches.draw(self._drawn, turns)

    def took(self, turns: int, prepared: int) -> None:
        """So many of the prepared batches were used: the others are still to come."""
        if self._drawn and turns < prepared:
            self._batches.generator_state = self._before
            self._batches.draw(self._drawn, turns)
        self._batches.pass_over(turns)


def numbers_drawn(batches: Batches) -> int:
    """How many numbers are drawn for each batch."""
    drawn: Drawn | None = batches.room(1)
    return drawn.numbers if drawn else 0


def held_samples(batches: Batches, chain: Chain) -> Held | None:
    """The samples, where the kernels take them; None also if they cannot be read: a step will say why."""
    try:
        samples = batches.held(drawn=True)
    except LenetError:
        return None
    if samples is None:
        return None
    images, labels = samples
    known = images.is_contiguous() and str(images.dtype).removeprefix("torch.") in STORED
    if not known or images.shape[1:] != chain.sample or labels.ndim != 1:  # the kernels trust their shape
        return None
    mean = None if batches.mean is None else batches.mean.expand(chain.sample).contiguous()
    return Held(images, labels.to(torch.int64).contiguous(), mean, batches.feed.transform.scale)
