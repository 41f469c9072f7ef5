"""`lenet time F.conf`: what every module takes for one sample, forward, backward and second order."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from lenet.cli.arguments import setting_of
from lenet.cli.epoch_network import open_configuration
from lenet.errors import UsageError
from lenet.report.table import Table

if TYPE_CHECKING:
    from lenet.engine.time_online import SampleTiming


def run(args: Namespace) -> int:
    """Time a configuration's network with samples of its validation set.

    Raises: LenetError with what is wrong in the configuration or its data.
    """
    from lenet.engine.time_online import time_samples

    if args.batch and args.batch != 1:
        raise UsageError("EBLearn's networks take one sample at a time", hint="leave --batch out")
    if args.log_style != "lenet":
        raise UsageError(f"--log-style {args.log_style} is for files of its own")
    opened = open_configuration(args.net, "", args, list(map(setting_of, args.settings)))
    network = opened.network()
    print(timing_table(time_samples(network, opened.samples(network), args.iterations)).text())
    return 0


def timing_table(found: SampleTiming) -> Table:
    """Milliseconds per module, then of the whole passes."""
    timing, second = found.timing, found.second
    rows = tuple(
        (
            layer.name,
            layer.kind,
            f"{layer.forward:.3f}",
            f"{layer.backward:.3f}",
            f"{second.get(layer.name, 0.0):.3f}",
        )
        for layer in timing.layers
    )
    number, whole = len(timing.iterations), sum(second.values())
    mean = sum(timing.iterations) / number
    return Table(
        ("module", "type", "forward ms", "backward ms", "second order ms"),
        rows,
        (("total", "", f"{timing.forward:.3f}", f"{timing.backward:.3f}", f"{whole:.3f}"),),
        align="llrrr",
        note=f"{number} samples, {mean:.2f} ms each forward and backward; without the update",
    )
