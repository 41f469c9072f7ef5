"""What a network for use says of its images."""

from __future__ import annotations

from lenet.data.transforms import Transform
from lenet.deploy.use import transform_told
from lenet.dialects.caffe.feed_spelling import TRANSFORM_ROWS
from lenet.errors import Notes
from lenet.formats.message import Message
from lenet.model import Preprocessing
from lenet.net import Net

TRANSFORM = "transform_param"


def deploy_preprocessing(message: Message, net: Net, notes: Notes) -> Preprocessing | None:
    """What the `transform_param` of a network's Input layer says is done to images; None if there is none.

    Raises: FileError or DataError if its mean image cannot be read or does not fit.
    """
    given = next(
        (layer for layer in message.all("layer") if layer.get("type") == "Input" and layer.has(TRANSFORM)),
        None,
    )
    if given is None:
        return None
    values = {row.attribute: row.read(given.get(TRANSFORM), notes) for row in TRANSFORM_ROWS}
    (source, *_) = net.input_nodes()
    return transform_told(Transform(**values), source.kind.shape(())[0][1:])
