"""`lenet time NET --against torch`: a network here, and the same one in plain PyTorch."""

from __future__ import annotations

import runpy
import tempfile
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenet.deploy.use import Used, answering, image_source, used
from lenet.dialects.pytorch.model import write_model
from lenet.errors import Notes, UsageError, Where
from lenet.layers.layer import Input
from lenet.model import Model
from lenet.net import Net
from lenet.report.table import Table

if TYPE_CHECKING:
    from torch import Tensor

    from lenet.engine.contest import Contender


def run(args: Namespace, net: Net) -> int:
    """Time the part of a selected network that answers, forward and backward, and print the result.

    The rival is the module that `lenet convert` writes for PyTorch, as it is and channels_last.

    Raises: DescriptionError for layers that PyTorch has not, with their place; UsageError on a GPU.
    """
    import torch

    from lenet.engine.build import build
    from lenet.engine.contest import ROUNDS, contest, module_pass, network_pass
    from lenet.engine.fusing import fuse

    if args.device != "cpu":
        raise UsageError("--against torch compares on the CPU", Where(args.net), "leave --device out")
    part, answers = _part(net)
    network = build(part.net, seed=0)
    fused = fuse(network)
    (images,) = (torch.rand(shape) for shape in part.net.input_nodes()[0].kind.shape(()))
    plain, last = (_module(Model(part.net, network.weights())) for _ in range(2))
    passes = {
        "lenet": network_pass(network, images, answers),
        "PyTorch, eager": module_pass(plain, images),
        "PyTorch, channels_last": module_pass(last.to(memory_format=torch.channels_last), _last(images)),
    }
    iterations = max(1, args.iterations // ROUNDS)
    found = contest(passes, iterations)
    threads = f"threads: {torch.get_num_threads()}, {ROUNDS} rounds of {iterations}"
    what = f"batch {len(images)}, {threads}; {len(fused)} groups of layers run compiled; without the update"
    print(_table(found, f"forward and backward of the layers up to the answers; {what}").text())
    return 0


def _part(net: Net) -> tuple[Used, tuple[str, ...]]:
    """The layers up to the answers, with the batch that the network is described with."""
    answers_only, answers = answering(net)
    source = image_source(answers_only).kind
    batch = source.shapes[0][0] if isinstance(source, Input) else source.batch  # type: ignore[attr-defined]
    return used(answers_only, answers, batch=batch), answers


def _module(model: Model) -> Any:  # noqa: ANN401 a torch module
    """The network as PyTorch's users have it: from the files that are written for them."""
    net = replace(model.net, state=None)
    with tempfile.TemporaryDirectory() as folder:
        _, code = write_model(replace(model, net=net), Path(folder) / "network.py", Notes())
        return runpy.run_path(str(code))["load"]()


def _last(images: Tensor) -> Tensor:
    import torch

    return images.contiguous(memory_format=torch.channels_last) if images.dim() == 4 else images


def _table(found: list[Contender], note: str) -> Table:
    ours = found[0]
    rows = tuple(
        (
            each.name,
            f"{each.median:.3f}",
            f"{each.tenth:.3f}",
            "" if each is ours else f"{ours.ratio(each):.2f}",
        )
        for each in found
    )
    header = ("engine", "ms, median", "10th percentile", "lenet's time / its")
    return Table(header, rows, align="lrrr", note=note)
