"""What `lenet train` makes of a Keras file and the command line: a job."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lenet.cli.arguments import device_of
from lenet.dialects.keras.training import BUILT_IN, Asked, KerasTraining, is_built_in, read_training
from lenet.errors import Notes, UsageError, Where

if TYPE_CHECKING:
    from lenet.cli.train import Options

__all__ = ["BUILT_IN", "KerasTraining", "is_built_in", "read"]


def read(options: Options, notes: Notes) -> KerasTraining:
    """What a Keras file trains.

    Raises: LenetError for everything that is wrong in it; UsageError for what cannot be asked of it.
    """
    _refuse(options)
    asked = Asked(
        options.weights, options.optimizer, options.rate, options.batch, options.epochs, options.data
    )
    training = read_training(options.file, asked, notes)
    if options.device:
        kind, index = device_of(options.device)
        training = replace(training, job=replace(training.job, device=kind, device_index=index))
    return replace(training, job=replace(training.job, kernels=options.kernels, precision=options.precision))


def _refuse(options: Options) -> None:
    """What only other systems' files have."""
    place = Where(options.file)
    if options.snapshot:
        hint = "train the file that a run has saved: it holds the weights"
        raise UsageError("a Keras training has no snapshots", place, hint)
    if options.settings:
        hint = "use --optimizer, --rate, --batch, --epochs"
        raise UsageError("a Keras file has no keys to set", place, hint)
