"""A model that answers arrays of samples."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from lenet.deploy.blobs import batch_shapes
from lenet.deploy.use import complete
from lenet.engine.build import Network, build
from lenet.engine.fusing import fuse
from lenet.engine.running import blobs_of, hidden
from lenet.errors import DataError
from lenet.layers.layer import Input
from lenet.model import Model
from lenet.shapes import Array, Shape, count, text

BATCH, MOST = 64, 512  # samples that go through the network together, and where they are small
_NUMBERS = 2**24  # that the layers give for a batch larger than the least


class Predictor(nn.Module):
    """A model ready to run: prepared samples in, answers out; as a module it takes what the network takes.

    `shape` is that of one sample, as in (1, 28, 28); `batch` says how many go through together, and
    `fixed` whether it has to be as many, because the network's description says so.
    """

    def __init__(self, model: Model, device: torch.device | str = "cpu") -> None:
        """Build it.

        Raises: WeightsError if a layer has no weights, or of another shape.
        """
        super().__init__()
        (self.source,) = model.net.input_nodes()
        self.shape: Shape = self.source.kind.shape(())[0][1:]
        self.fixed = batch_shapes(model.net)[1] is None
        self.batch: int = self.source.kind.shape(())[0][0] if self.fixed else BATCH
        batch = replace(self.source, kind=Input(((self.batch, *self.shape),)))
        nodes = tuple(batch if node is self.source else node for node in model.net.nodes)
        net, where = replace(model.net, nodes=nodes), model.weights.where
        weights = complete(net, replace(model.weights, where=where if str(where) else model.net.where))
        self.network: Network = build(net, device=device, weights=weights)
        groups = fuse(self.network)  # blobs within them are there only if layers run one by one
        self._within = {name for group in groups for step in group.steps[:-1] for name in step.node.outputs}
        if not self.fixed:
            numbers = sum(count(shape) for known in net.shapes() for shape in known.outputs) // BATCH
            self.batch = max(BATCH, min(MOST, _NUMBERS // max(1, numbers)))
        self.answers = model.net.outputs_as_made()
        self.device = torch.device(device)

    def forward(self, samples: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The answers to prepared samples (N, *shape): a tensor, several where there are several."""
        blobs = self.network({self.source.outputs[0]: samples})
        found = tuple(blobs[name] for name in self.answers)
        return found[0] if len(found) == 1 else found

    def batch_of(self, samples: Array) -> Array:
        """Samples as a batch (N, *shape): one alone and grey images without their axis are accepted.

        Raises: DataError for another shape.
        """
        if not samples.size or not samples.ndim or samples.dtype.kind not in "biuf":
            raise DataError(
                "these are no samples: an array of numbers is wanted", hint="N x H x W, or N x C x H x W"
            )
        for shape in (samples.shape, (samples.shape[0], 1, *samples.shape[1:]), (1, *samples.shape)):
            if shape[1:] == self.shape:
                return samples.reshape(shape)
        if (1, *samples.shape) == self.shape:
            return samples.reshape(1, *self.shape)
        raise DataError(
            f"samples are {text(samples.shape)}, the network takes N x {text(self.shape)}",
            hint="classify takes images of any size",
        )

    @torch.inference_mode()
    def blobs(self, samples: Array, wanted: tuple[str, ...]) -> dict[str, Array]:
        """Blobs by name for prepared samples (N, *shape), each (N, ...), or several rows for each sample.

        A blob whose first axis does not count samples is given once for each batch, one after the other.

        Raises: DataError if a blob's other axes are of another size for each batch.
        """
        lists = not hidden(self.network).intersection(wanted)
        quick = partial(blobs_of, self.network, lists=lists)
        run = self.network if self._within.intersection(wanted) else quick
        parts: dict[str, list[Array]] = {name: [] for name in wanted}
        for start in range(0, len(samples), self.batch):
            batch = samples[start : start + self.batch]
            found = run({self.source.outputs[0]: self.filled(batch)})
            for name in wanted:
                parts[name].append(self._unfilled(found[name], len(batch)).cpu().numpy())
        return {name: self._joined(name, arrays) for name, arrays in parts.items()}

    def _unfilled(self, blob: Tensor, number: int) -> Tensor:
        """The rows of a batch's blob that are of its first `number` samples; all where they count none."""
        blob = blob if blob.ndim else blob[None]
        rows, left = divmod(len(blob), self.batch)
        return blob[: rows * number] if self.fixed and not left else blob

    def _joined(self, name: str, parts: list[Array]) -> Array:
        if len({part.shape[1:] for part in parts}) > 1:
            reason = f"blob '{name}' is of another size for each {self.batch} samples that run together"
            raise DataError(reason, hint=f"give at most {self.batch} at once")
        return np.concatenate(parts)

    def filled(self, samples: Array) -> Tensor:
        """Up to `batch` samples (N, *shape) on the device; a batch that is fixed is filled up with zeros."""
        tensor = torch.from_numpy(np.require(samples, requirements=["C", "W"])).to(self.device)
        if not self.fixed or len(tensor) == self.batch:
            return tensor
        return torch.cat([tensor, tensor.new_zeros(self.batch - len(tensor), *self.shape)])
