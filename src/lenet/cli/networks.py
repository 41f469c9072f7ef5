"""The network that a command line names."""

from __future__ import annotations

from pathlib import Path

from lenet.dialects.caffe.contents import content_of
from lenet.dialects.caffe.net import net_from_message, read_net_message
from lenet.errors import Notes, UsageError
from lenet.formats.message import Message
from lenet.net import Net


def read_network(path: str | Path, notes: Notes) -> tuple[Net, Message]:
    """A network, and the message in V2 form that describes it.

    Raises: UsageError if the file is a solver; FileError, DescriptionError or SeveralErrors with all
    that is wrong in it.
    """
    if content_of(path) == "solver":
        raise UsageError(
            f"{path} is a solver, a network is wanted", hint="give the file that its 'net' names"
        )
    message = read_net_message(path, notes)
    net = net_from_message(message, notes)
    notes.check()
    return net, message
