"""Train with lists of compiled calls that hold whole iterations: the batch, forward, backward and the update.

Between two iterations nothing goes back to Python, whose code and memory the caches have lost by then, and
the kernels' threads stay awake.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from lenet.data.batches import Batches
from lenet.engine.chain import Chain
from lenet.engine.compiled_layout import laid_out
from lenet.engine.partwise import PartwiseTrainer
from lenet.engine.updating import Updater
from lenet.errors import LenetError
from lenet.kernels.calls import Calls
from lenet.kernels.samples import STORED, Held, stored_samples_call

TOGETHER = 100  # iterations at a time, at most
_PART = 0.1  # seconds that a part is to take: the user is heard as often


class CompiledTraining:
    """Iterations of a chain's training (see :class:`lenet.engine.partwise.Iterations`).

    `held` are all samples of `batches`.  Raises: MissingExtra where there is no compiled library.
    """

    def __init__(self, chain: Chain, batches: Batches, held: Held, update: Updater) -> None:
        self._chain, self._batches, self._held, self._update = chain, batches, held, update
        self.samples = batches.feed.batch
        self.together = 1
        self.blobs: dict[str, Tensor] = {}
        self._rows = torch.zeros(TOGETHER, self.samples, dtype=torch.int64, device="cpu")
        self._losses = torch.zeros(TOGETHER, dtype=torch.float32, device="cpu")
        self._lay_out()

    def _lay_out(self) -> None:
        images = torch.empty((self.samples, *self._chain.sample), dtype=torch.float32, device="cpu")
        labels = torch.empty(self.samples, dtype=torch.int64, device="cpu")
        self._layout = laid_out(self._chain, images, labels, self._losses)
        self._layout.hand_over()
        self._listed = self._update.in_list(TOGETHER)
        batch = stored_samples_call(self._held, self._rows, images, labels)
        update = [self._listed.update.call] if self._listed else []
        self._calls = Calls([batch, *self._layout.calls(), *update])

    def run(self, rates: Sequence[float]) -> list[float]:
        """An iteration with each of these corrected rates; the losses before the updates.

        It ends before a label that has no class, and a loss that is no number.
        """
        if not self._layout.in_place():  # somebody gave the parameters other memory
            self._lay_out()
        if self._listed is None:  # what moved is of another kind now
            return []
        number = len(rates)
        self._rows[:number] = self._batches.indices(number)
        self._listed.set_rates(rates)
        started = time.perf_counter()
        done, _ = self._calls.turns(number)
        seconds = time.perf_counter() - started
        self.together = max(1, min(TOGETHER, round(_PART * number / seconds)))
        self._batches.pass_over(done)
        self._layout.hand_over()
        self._listed.update.changed()
        losses: list[float] = self._losses[:done].tolist()
        self.blobs = {self._chain.loss: self._losses[done - 1].clone()} if done else {}
        return losses


class CompiledTrainer(PartwiseTrainer):
    """A trainer that does whole iterations in the compiled library, some of them at a time.

    It goes step by step where :mod:`lenet.engine.chain` has no chain, something is drawn at random for each
    batch, samples are not held in memory, or the update is not compiled.
    """

    @cached_property
    def why_steps(self) -> str:
        if self.compiled is None:
            return "the network is no chain that is compiled, or gradients are accumulated"
        if self.watch:
            return "each layer is looked at"
        if self.compiled.chain.draws:
            return "what drops out is drawn for each batch"
        if self.update.in_list(1) is None:
            return "gradients are clipped, or the update is not compiled"
        return ""

    def _prepare(self) -> CompiledTraining | None:
        assert self.compiled is not None  # else there is a reason for steps
        chain, ((batches, _),) = self.compiled.chain, self.feeder.readers()
        held = _held(batches, chain)
        if held is None:
            self.why_steps = "the samples do not lie in memory as they are stored"
            return None
        return CompiledTraining(chain, batches, held, self.update)


def _held(batches: Batches, chain: Chain) -> Held | None:
    """The samples, where the kernel takes them; None also if they cannot be read: a step will say why."""
    try:
        samples = batches.held()
    except LenetError:
        return None
    if samples is None:
        return None
    images, labels = samples
    known = images.is_contiguous() and str(images.dtype).removeprefix("torch.") in STORED
    # the kernel trusts their shape
    if not known or images.shape[1:] != chain.sample or labels.ndim != 1 or labels.is_floating_point():
        return None
    mean = None if batches.mean is None else batches.mean.expand(chain.sample).contiguous()
    return Held(images, labels.to(torch.int64).contiguous(), mean, batches.feed.transform.scale)
