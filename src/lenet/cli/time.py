"""`lenet time NET`: what every layer takes, forward and backward."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lenet.api.devices import check_precision
from lenet.cli import examples
from lenet.cli.arguments import (
    add_device,
    add_precision,
    add_python,
    add_settings,
    add_state,
    add_strict,
    at_least_one,
    iterations_of,
    state_of,
)
from lenet.cli.messages import telling
from lenet.cli.networks import is_configuration, read_network, runnable
from lenet.cli.show_model import WITH_MODELS, system_of
from lenet.data.feed import Feed
from lenet.dialects import DIALECTS
from lenet.dialects.caffe.log import CaffeLog
from lenet.errors import Notes, UsageError, Where
from lenet.formats.message import Message
from lenet.layers.layer import Input
from lenet.model import Model
from lenet.net import Net, Node
from lenet.report.table import Table

if TYPE_CHECKING:
    import torch

    from lenet.engine.fusing import Kernels
    from lenet.engine.time import Timing


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "net", metavar="NET", help="a network of any system, inputs filled with zeros; or a .conf"
    )
    parser.add_argument("--iterations", type=int, default=50, help="how many are timed (50)")
    parser.add_argument("--phase", choices=("train", "test"), default="train", help="which net (train)")
    parser.add_argument("--batch", type=at_least_one, help="samples per batch, instead of the file's")
    parser.add_argument("--log-style", choices=("lenet", "caffe"), default="lenet", help="whose words")
    parser.add_argument(
        "--against",
        choices=("torch",),
        help="instead of layers, time the whole beside the same in plain PyTorch",
    )
    parser.add_argument(
        "--kernels",
        choices=("auto", "torch", "fused"),
        help="on a CPU: each layer by itself (torch), compiled ones as one (auto), or an error without them",
    )
    add_precision(parser)
    add_settings(parser)
    add_device(parser)
    add_state(parser)
    add_python(parser)
    add_strict(parser)
    parser.epilog = examples(
        "lenet time lenet_train_test.prototxt",
        "lenet time mnist.conf",
        "lenet time model.keras --batch 64",
        "lenet time lenet_train_test.prototxt --kernels auto     # as lenet train runs it",
        "lenet time lenet_train_test.prototxt --against torch",
        "lenet time lenet_train_test.prototxt --phase test --batch 1 --iterations 200",
    )


def run(args: Namespace) -> int:
    """Time a network and print the result.

    Raises: LenetError with what is wrong in the description or its data.
    """
    iterations = iterations_of(args) or 0
    if args.kernels and (args.against or is_configuration(args.net)):
        reason = "--kernels is for the times of layers that learn from batches"
        raise UsageError(reason, Where(args.net), "compiled layers run here wherever they can be")
    if args.precision != "float32" and args.against:
        raise UsageError("--against compares in float32", Where(args.net), "leave --precision out")
    if is_configuration(args.net):
        check_precision(args.precision, online=True, where=Where(args.net))
        if args.against:
            raise UsageError("--against is for networks that learn from batches", Where(args.net))
        from lenet.cli import epoch_time

        return epoch_time.run(args)
    from lenet.cli.device import chosen

    with telling(args.strict, args.allow_python) as notes:
        net, message = _read(args, notes)
        net = with_batch(net, args.batch) if args.batch else net
        running = runnable(net, args.allow_python)
        state = state_of(args, net, args.phase)
        device = chosen(args, notes)
    if args.against:
        from lenet.cli import time_against

        return time_against.run(args, running.select(state))
    log = None
    if args.log_style == "caffe" and message is not None:
        log = CaffeLog(sys.stderr.write, with_year=False)
        log.start_time(running, state, message=message, gpu=device.index if device.type == "cuda" else None)
    _tell(_timed(args, running.select(state), iterations, device), log)
    return 0


def _timed(args: Namespace, net: Net, iterations: int, device: torch.device) -> Timing:
    from lenet.engine.time import time_network

    training, kernels = args.phase == "train", cast("Kernels", args.kernels or "torch")
    return time_network(
        net,
        training=training,
        iterations=iterations,
        device=device,
        kernels=kernels,
        precision=args.precision,
    )


def _tell(timing: Timing, log: CaffeLog | None) -> None:
    if log:
        layers = [(layer.name, layer.forward, layer.backward) for layer in timing.layers]
        log.timing(timing.loss, layers, timing.forward, timing.backward, timing.iterations)
    else:
        print(timing_table(timing).text())


def _read(args: Namespace, notes: Notes) -> tuple[Net, Message | None]:
    """The network, and its message where it is Caffe's.

    Raises: UsageError for Caffe's words about a network of another system.
    """
    system = system_of(Path(args.net))
    if system not in WITH_MODELS:
        return read_network(args.net, notes)
    if args.log_style == "caffe":
        raise UsageError("--log-style caffe is for Caffe's networks", Where(args.net))
    model: Model = DIALECTS[system].load("model").read_model(Path(args.net), notes)
    notes.check()
    return model.net, None


def with_batch(net: Net, batch: int) -> Net:
    """The network with `batch` samples per batch in every feed and input."""
    return replace(net, nodes=tuple(_with_batch(node, batch) for node in net.nodes))


def _with_batch(node: Node, batch: int) -> Node:
    if isinstance(node.kind, Feed):
        return replace(node, kind=replace(node.kind, batch=batch))
    if isinstance(node.kind, Input):
        return replace(node, kind=Input(tuple((batch, *shape[1:]) for shape in node.kind.shapes)))
    return node


def timing_table(timing: Timing) -> Table:
    """Milliseconds per layer, then of the whole passes."""
    rows = tuple(
        (layer.name, layer.kind, f"{layer.forward:.3f}", f"{layer.backward:.3f}") for layer in timing.layers
    )
    forward, backward = timing.forward, timing.backward
    mean = sum(timing.iterations) / len(timing.iterations)
    spread = f"between {min(timing.iterations):.2f} and {max(timing.iterations):.2f}"
    return Table(
        ("layer", "type", "forward ms", "backward ms"),
        rows,
        (("total", "", f"{forward:.3f}", f"{backward:.3f}"),),
        align="llrr",
        note=f"{len(timing.iterations)} iterations, {mean:.2f} ms each ({spread}); without the update",
    )
