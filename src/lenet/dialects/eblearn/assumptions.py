"""What size of input is assumed for a network whose data are not here."""

from __future__ import annotations

from lenet.dialects.eblearn.sizes import sample_shape
from lenet.errors import LenetError, Notes
from lenet.formats.conf_values import Values
from lenet.layers.channel_dense import ChannelDense
from lenet.layers.colour import Colour
from lenet.layers.fit import Fit
from lenet.layers.image_shapes import pair
from lenet.layers.layer import Input
from lenet.layers.pooling import Pooling
from lenet.layers.power_pooling import GaussianPooling, PowerPooling
from lenet.layers.subsampling import Subsampling
from lenet.layers.table_convolution import TableConvolution
from lenet.net import Net, Node, NodeShapes, Opaque
from lenet.shapes import Shape, text

LARGEST = 256  # the largest height and width that is tried
_COLOURS = 3


def input_shape(values: Values, notes: Notes, body: Net, blob: str) -> Shape:
    """The shape of a sample without the batch: that of the data, else the smallest that fits, with a note."""
    detecting = values.resolution.values.get("run_type") == "detect"
    shape = None if detecting else sample_shape(values, notes)
    if shape is not None:
        return shape
    if any(isinstance(node.kind, Opaque) for node in body.nodes):
        return _channels(values, body), 1, 1
    shape = smallest_input(values, body, blob)
    if not detecting:
        told = f"the data are not here: samples of {text(shape)} assumed, the smallest that fit"
        notes.inform(told, values.where("arch"))
    return shape


def smallest_input(values: Values, body: Net, blob: str) -> Shape:
    """The smallest square input that every module can take, if possible without rows left over.

    If none can it is the one that most modules can take: building the network then says what is wrong.
    """
    channels, fitting, furthest = _channels(values, body), 0, (-1, -1)
    for side in range(1, LARGEST + 1):
        source = Node(blob, Input(shapes=((1, channels, side, side),)), outputs=(blob,))
        net = Net(nodes=(source, *body.nodes))
        try:
            shapes = net.shapes()
        except LenetError as error:
            reached = [index for index, node in enumerate(net.nodes) if f"'{node.name}'" in error.message]
            furthest = max(furthest, (max(reached, default=0), -side))
            continue
        fitting = fitting or side
        if all(map(_is_even, net.nodes, shapes)):
            return channels, side, side
    side = fitting or -furthest[1]
    return channels, side, side


def _is_even(node: Node, shapes: NodeShapes) -> bool:
    """Whether the steps of a layer's window end at the border of its input."""
    kind = node.kind
    if isinstance(kind, Subsampling):
        window = stride = pair(kind.stride, "stride")
    elif isinstance(kind, TableConvolution | PowerPooling | GaussianPooling | Pooling) and kind.window:
        window, stride = pair(kind.window, "window"), pair(kind.stride, "stride")
    else:
        return True
    sizes = shapes.inputs[0][2:]
    return all((size - side) % step == 0 for size, side, step in zip(sizes, window, stride, strict=True))


def _channels(values: Values, body: Net) -> int:
    """The number of channels that the first modules want."""
    for node in body.nodes:
        kind = node.kind
        if isinstance(kind, Fit | Colour):
            return 1 if isinstance(kind, Colour) and kind.space == "y" else _COLOURS
        if isinstance(kind, TableConvolution):
            return 1 + max(source for source, _ in kind.table)
        if isinstance(kind, ChannelDense) and kind.inputs:
            return kind.inputs
    return max(values.integer("input_thickness", 1), 1)
