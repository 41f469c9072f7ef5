"""The device that a command line names, for verbs that run a network on batches."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from lenet.cli.arguments import device_of
from lenet.errors import Notes

if TYPE_CHECKING:
    import torch


def chosen(args: Namespace, notes: Notes) -> torch.device:
    """The device of `--device`; what is slow on it with this `--precision` is noted.

    Raises: UsageError for another word, and for a precision that `--kernels` do not go with.
    """
    from lenet.engine.device import choose
    from lenet.engine.precision import note_slow, refuse_compiled

    refuse_compiled(args.precision, args.kernels)
    device = choose(*device_of(args.device), notes)
    note_slow(args.precision, device, notes)
    return device
