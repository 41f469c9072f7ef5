"""The order of colours that a network takes, changed in the weights of its first layers."""

from __future__ import annotations

from dataclasses import replace

from lenet.errors import DescriptionError, Notes
from lenet.layers.convolution import Convolution
from lenet.layers.layer import Input
from lenet.layers.table_convolution import TableConvolution
from lenet.model import Channels, Model
from lenet.net import Kind
from lenet.shapes import Array
from lenet.weights import Weights

_COLOURS = 3


def with_channels(model: Model, wanted: Channels, notes: Notes) -> Model:
    """The same network for images whose channels come in another order; a note tells if they did not.

    Raises: DescriptionError, with the layer's place, if the first layers are no convolutions.
    """
    told = model.preprocessing
    if told is None or told.channels in ("grey", wanted):
        return model
    blobs = {blob for node in model.net.nodes if isinstance(node.kind, Input) for blob in node.outputs}
    layers = dict(model.weights.layers)
    nodes = []
    for node in model.net.nodes:
        if blobs & set(node.inputs):
            if not isinstance(node.kind, Convolution | TableConvolution) or _grouped(node.kind):
                reason = (
                    f"layer '{node.name}' takes channels in the order {told.channels}, {wanted} is wanted"
                )
                raise DescriptionError(reason, node.where, "only a convolution's weights can be put in order")
            kind, layers[node.name] = _reversed(node.kind, layers[node.name])
            node = replace(node, kind=kind)
        nodes.append(node)
    mean_image = told.mean_image if told.mean_image is None else told.mean_image[::-1]
    changed = replace(told, channels=wanted, mean=told.mean[::-1], mean_image=mean_image)
    notes.inform(
        f"the network took channels in the order {told.channels}: its first weights are now for {wanted}"
    )
    net = replace(model.net, nodes=tuple(nodes))
    return replace(model, net=net, weights=Weights(layers, model.weights.where), preprocessing=changed)


def _grouped(kind: Convolution | TableConvolution) -> bool:
    return isinstance(kind, Convolution) and (kind.groups != 1 or type(kind) is not Convolution)


def _reversed(kind: Kind, arrays: dict[str, Array]) -> tuple[Kind, dict[str, Array]]:
    if isinstance(kind, TableConvolution):
        table = tuple((_COLOURS - 1 - source, target) for source, target in kind.table)
        return replace(kind, table=table), arrays
    return kind, {**arrays, "weight": arrays["weight"][:, ::-1].copy()}
