"""Images at one scale through a network; several scales go through on several threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from lenet.data.parallel import in_order
from lenet.detection import Size
from lenet.engine.build import Network
from lenet.engine.receptive_field import Field
from lenet.layers.fit import Place
from lenet.layers.layer import Operation
from lenet.shapes import Array

_MOST = 3  # threads: steps of 1.2 make all scales together three times the work of the largest


@dataclass(frozen=True)
class OneScale:
    """What is needed to look at images of one size at the scale `size`.

    `prepare` resizes and prepares them, None: they are taken as they are; `place`, where in the prepared
    ones the image lies; `field`, what an output position sees of the image.
    """

    size: Size
    prepare: Operation | None
    network: Network
    place: Place
    field: Field

    @torch.inference_mode()
    def look(self, images: Tensor, source: str, blob: str) -> tuple[Array, Array]:
        """The prepared images, which the blob `source` takes, and the answers, `blob`."""
        seen = images if self.prepare is None else cast("Tensor", self.prepare([images]))
        answer = _answer(self.network, {source: seen}, blob)
        return seen.cpu().numpy(), answer.float().cpu().numpy()


def looked_at(
    scales: Sequence[OneScale], images: Tensor, source: str, blob: str
) -> Iterator[tuple[Array, Array]]:
    """The prepared images and the answers at each scale.

    On a CPU each scale has a thread of its own, as many at a time as torch has threads: what they
    would have to do together at a small scale is less work than to tell them.
    """
    threads = torch.get_num_threads()
    together = min(len(scales), threads, _MOST)
    if together < 2 or images.device.type != "cpu":
        yield from (scale.look(images, source, blob) for scale in scales)
        return

    def look(scale: OneScale) -> tuple[Array, Array]:
        torch.set_num_threads(threads // together)  # of this thread, and of those that begin later
        return scale.look(images, source, blob)

    try:
        yield from in_order(look, scales, together)
    finally:
        torch.set_num_threads(threads)


def _answer(network: Network, blobs: dict[str, Tensor], wanted: str) -> Tensor:
    """One blob of a network; another goes once nobody will read it, so that its memory is used again."""
    for place, step in enumerate(network.steps):
        step.run(blobs)
        later = {name for each in network.steps[place + 1 :] for name in each.node.inputs}
        for name in (*step.node.inputs, *step.node.outputs):
            if name not in later and name != wanted:
                blobs.pop(name, None)
    return blobs[wanted]
