"""Train in epochs with the gradients of several samples in each update: quicker, and with other numbers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from lenet.engine.online import OnlineTrainer
from lenet.errors import UsageError
from lenet.job import Job


class MiniBatchTrainer(OnlineTrainer):
    """A job in epochs under way, `batch` samples at a time; the rest as of OnlineTrainer.

    An update takes the mean gradient times the parameters' own rates, as large as the updates of all its
    samples together would be.
    Differs: EBLearn learns from each sample alone.  The order of the samples is the same; their worth, by
    which they may be picked, is known one update later.
    Raises: UsageError if `batch` is below 1.
    """

    def __init__(self, job: Job, *, batch: int, **options: Any) -> None:  # noqa: ANN401 those of the other
        if batch < 1:
            raise UsageError(f"{batch} samples cannot be learned from together")
        super().__init__(job, **options)
        self.batch = batch

    def _learn_next(self) -> None:
        picked = self._pick()
        blobs = self.network(self.samples.take_many(picked))
        loss = self.network.loss(blobs) / len(picked)
        energy = float(loss.detach())
        if not math.isfinite(energy):
            raise self._not_finite(blobs)
        if self.epochs.picking.weighing:
            self._tell_worth(picked, self._energies_of(picked, blobs), blobs)
        self.learner.update(loss, self.job.solver.rate(self.iteration) * len(picked))
        self._energies += [energy] * len(picked)
        self.iteration += len(picked)

    def _pick(self) -> list[int]:
        """The samples of the next update; fewer where an epoch ends or new rates are due."""
        picked: list[int] = []
        while True:
            picked.append(self.picker.current)
            self.picker.advance()
            if len(picked) == self.batch or self.picker.done or self.update.due(self.picker.shown):
                return picked

    def _energies_of(self, picked: list[int], blobs: dict[str, Tensor]) -> list[float]:
        parts = [
            blobs[name].detach().reshape(len(picked), -1).sum(1) * weight
            for name, weight in self.network.loss_terms
        ]
        energies: list[float] = torch.stack(parts).sum(0).tolist()
        return energies
