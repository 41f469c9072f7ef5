"""A training iteration's forward and backward pass as one list of compiled calls, without autograd.

Which networks have one: see :mod:`lenet.engine.chain`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lenet.engine.build import Network
from lenet.engine.chain import Chain, chain_of
from lenet.engine.compiled_layout import Layout, laid_out
from lenet.kernels.calls import Calls


class CompiledStep:
    """The pass of a chain; call it with a batch."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._shape = torch.Size()
        self._calls: Calls | None = None
        self._made = Layout()
        self._loss = torch.zeros((), dtype=torch.float32, device="cpu")

    def __call__(self, batch: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]] | None:
        """The loss and its blob, with the gradients at the parameters.

        None for a batch of another kind, for parameters that were given other memory since, for a label
        that has no class, which autograd refuses, and for a loss that is no number.
        """
        images, labels = batch[self.chain.images], batch[self.chain.labels]
        if labels.is_floating_point():  # those of HDF5 files; fractions are cut off, as the loss does
            labels = labels.long()
        if images.shape[1:] != self.chain.sample or not _fits(images, labels):
            return None
        if self._calls is None or self._shape != images.shape:
            self._made, self._shape = laid_out(self.chain, images, labels, self._loss), images.shape
            self._calls = Calls(self._made.calls())
        if not self._made.in_place():
            return None
        forward, backward = len(self._made.forward), len(self._made.backward)
        for first_layer in (0, forward + backward - 1):
            self._calls.replace(first_layer, 0, images)
        self._calls.replace(forward - 1, 1, labels)  # the loss'
        self._made.draw(1)
        if self._calls.run():
            return None
        self._made.hand_over()
        loss = self._loss.clone()
        return float(loss), {self.chain.loss: loss}


def _fits(images: Tensor, labels: Tensor) -> bool:
    """Whether these are images and one label each, as the kernels take them."""
    return (
        images.dtype == torch.float32
        and images.device.type == "cpu"
        and images.is_contiguous()
        and labels.dtype == torch.int64
        and labels.numel() == len(images) > 0
        and labels.is_contiguous()
    )


def compiled_step(network: Network) -> CompiledStep | None:
    """The compiled pass of a network that was fused, where the rule allows."""
    chain = chain_of(network)
    return CompiledStep(chain) if chain else None
