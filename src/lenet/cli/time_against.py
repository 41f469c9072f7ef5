"""`lenet time NET --against torch`: a network here, and the same one in plain PyTorch."""

from __future__ import annotations

import runpy
import tempfile
from argparse import Namespace
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenet.deploy.use import answering, image_source, used
from lenet.dialects.pytorch.model import write_model
from lenet.errors import DescriptionError, Notes, UsageError, Where
from lenet.layers.layer import Input
from lenet.model import Model
from lenet.net import Net
from lenet.report.table import Table, tenth_percentile
from lenet.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from lenet.engine.build import Network
    from lenet.engine.contest import Contender


@dataclass(frozen=True)
class Rivals:
    """A network of ours that begins with random weights, and the images and answers that it is timed with."""

    network: Network
    images: Tensor
    answers: tuple[str, ...]

    def module(self) -> torch.nn.Module:
        """The same network, with the same weights, in plain PyTorch.

        Raises: DescriptionError for layers that PyTorch has not, with their place.
        """
        found: torch.nn.Module = _module(Model(self.network.net, self.network.weights()))
        return found


def run(args: Namespace, net: Net) -> int:
    """Time the part of a selected network that answers, forward and backward, and print the result.

    The rival is the module that `lenet convert` writes for PyTorch, as it is and channels_last.

    Raises: DescriptionError for layers that PyTorch has not, with their place, and for a network in which
    nothing learns; UsageError on a GPU.
    """
    import torch

    from lenet.engine.contest import ROUNDS, contest, module_pass, network_pass
    from lenet.engine.fusing import fuse

    if args.device != "cpu":
        raise UsageError("--against torch compares on the CPU", Where(args.net), "leave --device out")
    rivals = rivals_of(net)
    fused = fuse(rivals.network)
    last = rivals.module().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    passes = {
        "lenet": network_pass(rivals.network, rivals.images, rivals.answers),
        "PyTorch, eager": module_pass(rivals.module(), rivals.images),
        "PyTorch, channels_last": module_pass(last, channels_last(rivals.images)),
    }
    iterations = max(1, args.iterations // ROUNDS)
    found = contest(passes, iterations)
    threads = f"threads: {torch.get_num_threads()}, {ROUNDS} rounds of {iterations}"
    what = f"batch {len(rivals.images)}, {threads}; {len(fused)} groups of layers run compiled"
    note = f"forward and backward of the layers up to the answers; {what}; without loss, dropout and update"
    print(_table(found, note).text())
    return 0


def rivals_of(net: Net, sample: Shape | None = None) -> Rivals:
    """The layers of a selected network up to its answers, with the batch that it is described with.

    Weights are random, whatever the description says: numbers that are all zero are no fair work.
    `sample` stands instead of the shape of the data layer's samples, whose data are not opened then.

    Raises: DescriptionError for a network with several inputs, or in which nothing learns; FileError.
    """
    import torch

    from lenet.engine.build import build

    answers_only, answers = answering(net)
    source = image_source(answers_only.leading_to(*answers)).kind
    batch = source.shapes[0][0] if isinstance(source, Input) else source.batch  # type: ignore[attr-defined]
    part = used(answers_only, answers, batch=batch, sample=sample)
    network = build(part.net, seed=0)
    if not network.tensors:
        raise DescriptionError("has no layer that learns, so there is nothing to compare", net.where)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in network.tensors:
            if tensor.dim() > 1:
                tensor.normal_(0, sqrt(2 / tensor[0].numel()), generator=random)
    return Rivals(network, torch.rand((batch, *part.shape), generator=random), answers)


def channels_last(images: Tensor) -> Tensor:
    """Images with their channels last in memory; other samples as they are."""
    import torch

    return images.contiguous(memory_format=torch.channels_last) if images.dim() == 4 else images


def _module(model: Model) -> Any:  # noqa: ANN401 a torch module
    """The network as PyTorch's users have it: from the files that are written for them."""
    net = replace(model.net, state=None)
    with tempfile.TemporaryDirectory() as folder:
        _, code = write_model(replace(model, net=net), Path(folder) / "network.py", Notes())
        return runpy.run_path(str(code))["load"]()


def _table(found: list[Contender], note: str) -> Table:
    ours = found[0]
    rows = tuple(
        (
            each.name,
            f"{each.median:.3f}",
            f"{tenth_percentile(each.times):.3f}",
            "" if each is ours else f"{ours.ratio(each):.2f}",
        )
        for each in found
    )
    header = ("engine", "ms, median", "10th percentile", "lenet's time / its")
    return Table(header, rows, align="lrrr", note=note)
