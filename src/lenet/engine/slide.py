"""A classifier of images made fully convolutional, so that it can be slid over larger ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lenet.deploy.use import image_shape, scores_of, used
from lenet.errors import DescriptionError, LenetError, WeightsError
from lenet.layers import Convolution, Dense, Dropout, Flatten, Layer, Pooling, Softmax
from lenet.net import Net, Node, NodeShapes, State, type_name
from lenet.shapes import Array, Shape, axis_index, count, text
from lenet.weights import Weights


@dataclass(frozen=True)
class Slide:
    """A classifier that takes images of any size from its own on and answers at every place.

    `shape` is that of an image of its own size; `probabilities`: its outputs are probabilities already.
    """

    net: Net
    weights: Weights
    shape: Shape
    probabilities: bool


def slide(net: Net, weights: Weights) -> Slide:
    """A trained classifier and its weights, made fully convolutional.

    Raises: DescriptionError if it is no classifier of images, or has a layer that cannot be slid;
    WeightsError if the weights of a dense layer do not fit it.
    """
    test = net.select(replace(net.state or State(), phase="test"))
    blob, probabilities = scores_of(test)
    part = used(test, (blob,))
    image_shape(part)
    convolutional, changed = fully_convolutional(part.net, weights)
    return Slide(convolutional, changed, part.shape, probabilities)


def fully_convolutional(net: Net, weights: Weights) -> tuple[Net, Weights]:
    """A network whose dense layers are convolutions with windows as large as what they see.

    For images of the input's own size the answers stay the same, at one position.

    Raises: DescriptionError, with the layer's name and place, for a layer that cannot be slid;
    WeightsError if the weights of a dense layer do not fit it.
    """
    maps: dict[str, Shape] = {}  # the shape (N, C, H, W) that a blob has when nothing is flattened
    names: dict[str, str] = {}  # a flattened blob -> the one that it is made of
    nodes, changed = [], dict(weights.layers)
    for node, shapes in zip(net.nodes, net.shapes(), strict=True):
        seen = tuple(names.get(name, name) for name in node.inputs)
        node = replace(node, inputs=seen)
        if isinstance(node.kind, Flatten):
            names[node.outputs[0]] = seen[0]
            continue
        if isinstance(node.kind, Dense):
            shape = maps[seen[0]]
            if node.name in changed:
                changed[node.name] = _windows(node, weights, shapes, shape)
            node = replace(node, kind=_convolution(node, shapes, shape), word="")
        elif isinstance(node.kind, Pooling) and node.kind.window is None:
            node = replace(node, kind=replace(node.kind, window=shapes.inputs[0][2:]))
        _refuse_flat(node, shapes, maps)
        nodes.append(node)
        for name in node.outputs:
            names.pop(name, None)  # a blob that is worked on in place is no alias any more
        maps.update(_map_shapes(node, maps))
    return replace(net, nodes=tuple(nodes)), Weights(changed, weights.where)


def _map_shapes(node: Node, maps: Mapping[str, Shape]) -> dict[str, Shape]:
    try:
        made = node.kind.shape([maps[name] for name in node.inputs])
    except LenetError as error:
        message = f"layer '{node.name}' ({node.type}) cannot be slid over images: {error.message}"
        raise DescriptionError(message, node.where, error.hint) from None
    return dict(zip(node.outputs, made, strict=True))


def _convolution(node: Node, shapes: NodeShapes, shape: Shape) -> Convolution:
    dense = node.kind
    assert isinstance(dense, Dense)
    if axis_index(dense.axis, len(shapes.inputs[0])) != 1 or len(shape) != 4:
        message = f"layer '{node.name}' ({type_name(dense)}) sums over other axes than channels and places"
        raise DescriptionError(f"{message}: it cannot be slid over images", node.where)
    return Convolution(
        dense.outputs,
        shape[2:],
        bias=dense.bias,
        weight_filler=dense.weight_filler,
        bias_filler=dense.bias_filler,
    )


def _windows(node: Node, weights: Weights, shapes: NodeShapes, shape: Shape) -> dict[str, Array]:
    """The weights of a dense layer as windows (outputs, C, H, W)."""
    wanted = {name: parameter.shape for name, parameter in shapes.parameters.items()}
    arrays = weights.fitted({node.name: wanted})[node.name]
    matrix = arrays["weight"]
    if isinstance(node.kind, Dense) and node.kind.transposed:
        matrix = matrix.T
    if matrix.shape[1] != count(shape, 1):
        found = f"{text(matrix.shape)} weights do not fit {text(shape[1:])}"
        raise WeightsError(f"layer '{node.name}': {found}", weights.where)
    return {**arrays, "weight": matrix.reshape(len(matrix), *shape[1:])}


def _refuse_flat(node: Node, shapes: NodeShapes, maps: Mapping[str, Shape]) -> None:
    """Refuse a layer that mixes what was flattened, such as a softmax over channels and places."""
    if isinstance(node.kind, Convolution | Dropout) or not isinstance(node.kind, Layer):
        return
    for name, shape in zip(node.inputs, shapes.inputs, strict=True):
        flattened = len(shape) == 2 and count(maps[name], 2) > 1
        if flattened and (isinstance(node.kind, Softmax) or shapes.parameters):
            message = f"layer '{node.name}' ({node.type}) works on flattened maps"
            raise DescriptionError(f"{message}: it cannot be slid over images", node.where)
