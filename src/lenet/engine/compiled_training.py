"""Train with lists of compiled calls that hold whole iterations: the batch, forward, backward and the update.

Between two iterations nothing goes back to Python, whose code and memory the caches have lost by then, and
the kernels' threads stay awake.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import torch
from torch import Tensor

from lenet.data.batches import Batches
from lenet.engine.chain import Chain
from lenet.engine.compiled_batches import CompiledBatches, held_samples, numbers_drawn
from lenet.engine.compiled_layout import laid_out
from lenet.engine.partwise import PartwiseTrainer
from lenet.engine.updating import Updater
from lenet.kernels.calls import Calls
from lenet.kernels.samples import Held

TOGETHER = 100  # iterations at a time, at most
_PART = 0.1  # seconds that a part is to take: the user is heard as often
_ROOM = 2**24  # bytes for what is drawn for a part, if it is more than one iteration


class CompiledTraining:
    """Iterations of a chain's training (see :class:`lenet.engine.partwise.Iterations`).

    `held` are all samples of `batches`.  Raises: MissingExtra where there is no compiled library.
    """

    def __init__(self, chain: Chain, batches: Batches, held: Held, update: Updater) -> None:
        self._chain, self._update = chain, update
        self.samples = batches.feed.batch
        self.together = 1
        self.blobs: dict[str, Tensor] = {}
        drawn = 4 * (self.samples * chain.draws + numbers_drawn(batches))
        self._most = max(1, min(TOGETHER, _ROOM // max(drawn, 1)))
        self._batches = CompiledBatches(batches, held, self._most)
        self._losses = torch.zeros(self._most, dtype=torch.float32, device="cpu")
        self._lay_out()

    def _lay_out(self) -> None:
        images = torch.empty((self.samples, *self._chain.sample), dtype=torch.float32, device="cpu")
        labels = torch.empty(self.samples, dtype=torch.int64, device="cpu")
        self._layout = laid_out(self._chain, images, labels, self._losses)
        self._layout.hand_over()
        self._listed = self._update.in_list(self._most)
        update = [self._listed.update.call] if self._listed else []
        self._calls = Calls([self._batches.call(images, labels), *self._layout.calls(), *update])

    def run(self, rates: Sequence[float]) -> list[float]:
        """An iteration with each of these corrected rates; the losses before the updates.

        It ends before a label that has no class, and a loss that is no number.
        """
        if not self._layout.in_place():  # somebody gave the parameters other memory
            self._lay_out()
        if self._listed is None:  # what moved is of another kind now
            return []
        number = len(rates)
        self._listed.set_rates(rates)
        started = time.perf_counter()
        done = self._done(number)
        seconds = time.perf_counter() - started
        self.together = max(1, min(self._most, round(_PART * number / seconds)))
        self._layout.hand_over()
        self._listed.update.changed()
        losses: list[float] = self._losses[:done].tolist()
        self.blobs = {self._chain.loss: self._losses[done - 1].clone()} if done else {}
        return losses

    def _done(self, number: int) -> int:
        """Draw for so many iterations and do them; how many were done, and no more was drawn in the end."""
        before = torch.get_rng_state() if self._layout.masks else None
        with ThreadPoolExecutor(1) as thread:  # the two have generators of their own
            dropped = thread.submit(self._layout.draw, number) if self._layout.masks else None
            self._batches.prepare(number)
        if dropped:
            dropped.result()
        done, _ = self._calls.turns(number)
        if before is not None and done < number:
            torch.set_rng_state(before)
            self._layout.draw(done)
        self._batches.took(done, number)
        return done


class CompiledTrainer(PartwiseTrainer):
    """A trainer that does whole iterations in the compiled library, some of them at a time.

    It goes step by step where :mod:`lenet.engine.chain` has no chain, samples are cropped or mirrored at
    random or not held in memory, or the update is not compiled.
    """

    @cached_property
    def why_steps(self) -> str:
        if self.compiled is None:
            return "the network is no chain that is compiled, or gradients are accumulated"
        if self.watch:
            return "each layer is looked at"
        if self.update.in_list(1) is None:
            return "gradients are clipped, or the update is not compiled"
        return ""

    def _prepare(self) -> CompiledTraining | None:
        assert self.compiled is not None  # else there is a reason for steps
        chain, ((batches, _),) = self.compiled.chain, self.feeder.readers()
        held = held_samples(batches, chain)
        if held is None:
            self.why_steps = "the samples do not lie in memory as they are stored"
            return None
        return CompiledTraining(chain, batches, held, self.update)
