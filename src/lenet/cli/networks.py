"""The network that a command line names, as it is described or, with its weights, for use."""

from __future__ import annotations

from pathlib import Path

from lenet.dialects import recognise
from lenet.dialects.caffe.contents import content_of
from lenet.dialects.caffe.net import net_from_message, read_net_message
from lenet.errors import Notes, UsageError, WeightsError, Where
from lenet.formats.message import Message
from lenet.model import Model, Preprocessing
from lenet.net import Net
from lenet.shapes import Shape

_WEIGHTS_WANTED = "give the file of its weights: --weights FILE"


def is_configuration(path: str | Path) -> bool:
    """Whether a file is a configuration of EBLearn's, by its name.

    >>> is_configuration("mnist.conf"), is_configuration("lenet.prototxt")
    (True, False)
    """
    return Path(path).suffix.lower() == ".conf"


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


def read_trained(
    path: str | Path, weights: str | Path | None, notes: Notes, sample: Shape | None = None
) -> Model:
    """A trained network of any system, for use; `weights` where they lie in a file of their own.

    Raises: LenetError with what is wrong in a file; WeightsError if there are no weights.
    """
    read = recognise(path).load("model").read_model
    try:
        model: Model = read(Path(path), notes, Path(weights) if weights else None, sample)
    except WeightsError as error:
        if weights or "without weights" not in error.message:
            raise
        raise WeightsError(error.message, error.where, _WEIGHTS_WANTED) from None
    if not model.weights.layers and any(known.parameters for known in model.net.shapes()):
        raise WeightsError("is a network without weights", Where(str(path)), _WEIGHTS_WANTED)
    return model


def assumption(told: Preprocessing) -> str:
    """What is said where a network does not tell what is done to pixels."""
    order = {"rgb": ", red first", "bgr": ", blue first", "grey": ""}[told.channels]
    return f"nothing tells the scale: pixels x {told.scale:g} assumed; --scale sets another{order}"
