"""The network that a command line names, as it is described or, with its weights, for use."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lenet.dialects import by_suffix, recognise
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


def is_keras(path: str | Path) -> bool:
    """Whether a file is one of Keras', by its name.

    >>> is_keras("lenet.keras"), is_keras("lenet.caffemodel.h5")
    (True, False)
    """
    try:
        return by_suffix(path).name == "keras"
    except UsageError:
        return False


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
    path: str | Path,
    weights: str | Path | None,
    notes: Notes,
    sample: Shape | None = None,
    allow_python: bool = False,
) -> Model:
    """A trained network of any system, for use; `weights` where they lie in a file of their own.

    `allow_python`: the code that Caffe's Python layers name is run.

    Raises: LenetError with what is wrong in a file; WeightsError if there are no weights.
    """
    system = recognise(path)
    read = system.load("model").read_model
    if allow_python and system.name == "caffe":
        read = partial(read, runnable=lambda net: runnable(net, True))
    try:
        model: Model = read(Path(path), notes, Path(weights) if weights else None, sample)
    except WeightsError as error:
        if weights or "without weights" not in error.message:
            raise
        raise WeightsError(error.message, error.where, _WEIGHTS_WANTED) from None
    if not model.weights.layers and any(known.parameters for known in model.net.shapes()):
        raise WeightsError("is a network without weights", Where(str(path)), _WEIGHTS_WANTED)
    return model


def runnable(net: Net, allow_python: bool) -> Net:
    """The network, where that is allowed with the code of its Python layers.

    Raises: DescriptionError for code that cannot be imported.
    """
    if not allow_python:
        return net
    from lenet.pycaffe.python_layers import with_python_layers

    return with_python_layers(net)


def assumption(told: Preprocessing) -> str:
    """What is said where a network does not tell what is done to pixels."""
    order = {"rgb": ", red first", "bgr": ", blue first", "grey": ""}[told.channels]
    return f"nothing tells the scale: pixels x {told.scale:g} assumed; --scale sets another{order}"
