"""The trained network of a configuration of EBLearn's, as a command line names it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from lenet.api.validation import Opened, open_validation
from lenet.cli.arguments import device_of
from lenet.cli.messages import telling


def open_configuration(
    file: str, weights: str, args: Namespace, settings: Sequence[tuple[str, str]] = ()
) -> Opened:
    """Read a configuration and its weights, `weights` or those of its `retrain_weights`.

    Raises: LenetError for everything that is wrong in them.
    """
    from lenet.engine.device import choose

    with telling(args.strict) as notes:
        device = choose(*device_of(args.device), notes)
        return open_validation(file, weights, settings, device, notes)
