"""Training and testing that the host only starts: data, rates and losses lie on the device.

On a GPU an iteration (the batch, forward, backward, update) is recorded once as a CUDA graph, and a batch of
a test as another.  The host tells for many iterations at a time which samples come and which rates
hold, and reads their losses together.  On a CPU the same steps run one by one, so that they are tested where
there is no GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenet.data.batches import Batches
from lenet.engine.build import Network
from lenet.engine.feeding import Feeder
from lenet.engine.test import Batch
from lenet.engine.updating import Updater
from lenet.layers.layer import Layer
from lenet.results import Output
from lenet.shapes import count

TOGETHER = 100  # steps that the host asks for at once; between them it listens to the user
_WARM_UP = 3  # steps before the recording: libraries choose their kernels in the first ones


@dataclass(frozen=True)
class _Source:
    """A feed whose samples all lie on the device, and which of them come in the next steps."""

    batches: Batches
    outputs: tuple[str, ...]
    samples: tuple[Tensor, ...]
    rows: Tensor  # (steps, batch), numbers of samples

    def read(self, row: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The blobs of a batch of the samples (batch,)."""
        made = self.batches.made([samples.index_select(0, row) for samples in self.samples])
        return zip(self.outputs, made, strict=False)

    def one_of_each(self) -> Tensor:
        """Samples (batches, batch) among which every label is, and some of them repeatedly."""
        first = [0]
        for labels in self.samples[1:]:  # which a layer may take as whole numbers, several of a sample, too
            kinds = labels.cpu().long().reshape(-1).numpy()
            places = np.unique(kinds, return_index=True)[1]
            first += (places * len(labels) // max(len(kinds), 1)).tolist()
        batch = self.rows.shape[1]
        number = -(-len(first) // batch) * batch
        return torch.tensor((first * number)[:number], device=self.rows.device).view(-1, batch)


class Steps:
    """The same work for one batch after the other, recorded on a GPU.

    `work` is given the blobs of the feeds and the number (1,) of the step; all it makes stays on the device.
    `parts` are the batches of one step.
    """

    def __init__(
        self,
        network: Network,
        feeder: Feeder,
        work: Callable[[Steps], None],
        changed: Sequence[Tensor] = (),
        parts: int = 1,
    ) -> None:
        self._network = network
        self.device = next(iter(network.tensors)).device
        self.step = torch.zeros(1, dtype=torch.int64, device=self.device)
        self._parts, self._work, self._changed = parts, work, [*changed, self.step]
        self._sources = [
            _Source(batches, outputs, held, self.step.new_zeros(TOGETHER * parts, batches.feed.batch))
            for batches, outputs in feeder.readers()
            if (held := batches.held()) is not None
        ]
        self._graph: torch.cuda.CUDAGraph | None = None

    def inputs(self, part: int = 0) -> dict[str, Tensor]:
        """The blobs of the feeds for a part of the current step."""
        place = self.step * self._parts + part
        rows = [source.rows.index_select(0, place).squeeze(0) for source in self._sources]
        return self._read(rows)

    def _read(self, rows: Sequence[Tensor]) -> dict[str, Tensor]:
        pairs = zip(self._sources, rows, strict=True)
        return {name: blob for source, row in pairs for name, blob in source.read(row)}

    def run(self, number: int) -> None:
        """Do so many steps, at most :data:`TOGETHER`."""
        for source in self._sources:
            rows = source.batches.indices(number * self._parts)
            source.batches.pass_over(len(rows))
            source.rows[: len(rows)].copy_(rows)
        self.step.zero_()
        for _ in range(number):
            if self._graph is None:
                self._do()
            else:
                self._graph.replay()

    @torch.no_grad()
    def _show_all_labels(self) -> None:
        """Run with each label once, for losses that refuse some: a recorded step cannot tell.

        Raises: DataError for a label without a class.
        """
        shown = [source.one_of_each() for source in self._sources]
        for step in range(max((len(rows) for rows in shown), default=0)):
            self._network(self._read([rows[step % len(rows)] for rows in shown]))

    def _do(self) -> None:
        self._work(self)
        self.step += 1

    def record(self) -> None:
        """Record a step if this is a GPU; what that changes is put back.

        Raises: RuntimeError if something in a step waits for the device; DataError for a label that has
        no class.
        """
        if self.device.type != "cuda":
            return
        kept = [tensor.detach().clone() for tensor in self._changed]
        try:
            with torch.random.fork_rng([self.device]), torch.cuda.device(self.device):
                self._show_all_labels()
                self._warm_up()
                self._graph = self._recorded()
        finally:
            with torch.no_grad():
                for tensor, values in zip(self._changed, kept, strict=True):
                    tensor.copy_(values)

    def _recorded(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        # torch records on a stream of the GPU that was current first, where this step is perhaps not, and
        # leaves it the current one where recording fails
        with (
            torch.cuda.stream(torch.cuda.current_stream(self.device)),
            torch.cuda.graph(graph, stream=torch.cuda.Stream(self.device)),  # type: ignore[no-untyped-call]
        ):
            self._do()
        return graph

    def _warm_up(self) -> None:
        """Some steps beside the stream of all other work, as recording wants it."""
        aside = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                self._do()
                self.step.zero_()
        torch.cuda.current_stream(self.device).wait_stream(aside)


class CapturedTraining:
    """Iterations of training (see :class:`lenet.engine.partwise.Iterations`).

    Raises: RuntimeError if a GPU cannot record them; DataError for a label without a class.
    """

    together = TOGETHER

    def __init__(self, network: Network, feeder: Feeder, update: Updater) -> None:
        self._network, self._update = network, update
        self._parts = update.solver.accumulate
        changed = [*network.tensors, *(tensor for buffer in update.history.values() for tensor in buffer)]
        self._steps = Steps(network, feeder, self._iterate, changed, self._parts)
        self._rates = torch.zeros(TOGETHER, device=self._steps.device)
        self._losses = torch.zeros_like(self._rates)
        self.blobs: dict[str, Tensor] = {}
        self.samples = max(batches.feed.batch for batches, _ in feeder.readers()) * self._parts
        self._steps.record()

    def run(self, rates: Sequence[float]) -> list[float]:
        """An iteration with each of these corrected rates; the losses before the updates."""
        number = len(rates)
        self._rates[:number].copy_(torch.tensor(rates))
        self._steps.run(number)
        losses: list[float] = self._losses[:number].tolist()
        return losses

    def _iterate(self, steps: Steps) -> None:
        self._update.clear()
        total = torch.zeros(1, device=steps.device)
        for part in range(self._parts):
            blobs = self._network(steps.inputs(part))
            loss = self._network.loss(blobs)
            if loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        self._losses.index_copy_(0, steps.step, total / self._parts)
        # a number without axes, as parameters may be
        self._update.subtract(self._rates.index_select(0, steps.step).squeeze(0))
        self.blobs = {name: blobs[name].detach() for name in self._network.net.outputs()}


class CapturedTest:
    """Batches of a test: all outputs of each, and its loss.

    Raises: as :class:`CapturedTraining`.
    """

    def __init__(self, network: Network, feeder: Feeder) -> None:
        self._network, shapes = network, network.blob_shapes()
        self._names = [name for name in network.net.outputs() for _ in range(count(shapes[name]))]
        self._steps = Steps(network, feeder, self._answer)
        self._values = torch.zeros(TOGETHER, len(self._names) + 1, device=self._steps.device)
        self._steps.record()

    def batches(self, number: int) -> Iterator[Batch]:
        """So many batches."""
        weights = dict(self._network.loss_terms)
        while number > 0:
            part = min(number, TOGETHER)
            self._steps.run(part)
            for *values, loss in self._values[:part].tolist():
                pairs = zip(self._names, values, strict=True)
                yield Batch(tuple(Output(name, value, weights.get(name, 0.0)) for name, value in pairs), loss)
            number -= part

    @torch.no_grad()
    def _answer(self, steps: Steps) -> None:
        blobs = self._network(steps.inputs())
        found = [blobs[name].reshape(-1) for name in self._network.net.outputs()]
        values = torch.cat([*found, self._network.loss(blobs).reshape(-1).to(steps.device)])
        self._values.index_copy_(0, steps.step, values[None].float())


def why_not(network: Network, feeder: Feeder) -> str:
    """Why a network and its data cannot be captured; nothing if they can."""
    if not network.feeds or not len(network.tensors):
        return "it has no data, or nothing to learn"
    kinds = [(step.node.name, step.node.kind) for step in network.steps]
    host = next((name for name, kind in kinds if isinstance(kind, Layer) and kind.on_host), None)
    if host is not None:
        return f"layer '{host}' works in the computer's memory, outside the GPU"
    for batches, outputs in feeder.readers():
        if batches.held() is None:
            return f"the samples of '{outputs[0]}' do not lie on the device as they are stored"
    return ""
