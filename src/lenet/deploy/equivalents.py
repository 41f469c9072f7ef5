"""Networks said through other layers, for systems that lack some: exactly, with the weights rearranged.

:func:`expressed` applies the rules of `rules.py` until a system has words for everything; what no
rule helps stays as it is, for the system's writer to refuse by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lenet.deploy.rules import RULES, Part, Place, connected
from lenet.layers.affine import Bias, Scale
from lenet.layers.arithmetic import Power
from lenet.layers.arrange import Split
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.image_shapes import pair
from lenet.layers.layer import Input, Layer
from lenet.layers.pad import Pad
from lenet.layers.table_convolution import TableConvolution
from lenet.model import Model, Preprocessing
from lenet.net import Kind, Net, Node
from lenet.shapes import Array, Shape
from lenet.weights import Weights

Can = Callable[[Kind], bool]

_MEAN, _SCALE = "preprocessing/mean", "preprocessing/scale"


def expressed(model: Model, can: Can) -> Model:
    """The same network with other layers in place of those that a system lacks; `can` tells what it has."""
    if not can(Pad((1, 1, 1, 1))):
        model = merged_pads(model)
    maker = _Maker(model, can)
    for index in range(len(model.net.nodes)):
        maker.add(index)
    net = replace(model.net, nodes=tuple(maker.nodes))
    return replace(model, net=net, weights=Weights(maker.layers, model.weights.where))


class _Maker:
    """Makes the nodes of the new network one after the other."""

    def __init__(self, model: Model, can: Can) -> None:
        self.old, self.weights, self.can = model.net.nodes, model.weights, can
        self.nodes: list[Node] = []
        self.layers: dict[str, dict[str, Array]] = {}
        self._same: dict[str, str] = {}  # a blob that is no more -> the one that holds its numbers
        self._shapes: dict[str, Shape] = {}

    def add(self, index: int) -> None:
        """Add what stands for a node of the old network."""
        old = self.old[index]
        node = replace(old, inputs=tuple(self._same.get(blob, blob) for blob in old.inputs))
        inputs = tuple(self._shapes[blob] for blob in node.inputs)
        readers = tuple(each for each in self.old[index + 1 :] if set(old.outputs) & set(each.inputs))
        part = Part(node.kind, self.weights.layers.get(node.name, {}))
        parts = self._parts(part, Place(inputs, readers), frozenset())
        for blob in node.outputs:
            self._same.pop(blob, None)
        if parts == []:
            if self._dropped(node, index, readers):
                return
            parts = [Part(Power())] if len(node.outputs) == 1 else None
        for made, its in _chain(node, parts or [part]):
            given = [self._shapes[blob] for blob in made.inputs]
            self._shapes |= dict(zip(made.outputs, made.kind.shape(given), strict=True))
            self.nodes.append(made)
            if its:
                self.layers[made.name] = dict(its)

    def _dropped(self, node: Node, index: int, readers: tuple[Node, ...]) -> bool:
        """Leave out a node that does nothing, if another can give its numbers under a name that stays."""
        blob = node.inputs[0]
        if any(blob in each.outputs for each in self.old[index + 1 :]):
            return node.outputs == node.inputs  # worked on in place later, which nobody else may see
        maker = next(place for place, each in enumerate(self.nodes) if blob in each.outputs)
        if readers or node.outputs == node.inputs:
            self._same |= {other: blob for other in node.outputs if other != blob}
            return True
        others = [each for each in self.nodes if blob in each.inputs]
        if isinstance(self.nodes[maker].kind, Input) or others or len(node.outputs) != 1:
            return False
        renamed = tuple(node.outputs[0] if each == blob else each for each in self.nodes[maker].outputs)
        self.nodes[maker] = replace(self.nodes[maker], outputs=renamed)  # the answer keeps its name
        self._shapes[node.outputs[0]] = self._shapes[blob]
        return True

    def _parts(self, part: Part, place: Place, seen: frozenset[Kind]) -> list[Part] | None:
        """A chain of layers that the system has, None if there is none."""
        kind = part.kind
        if isinstance(kind, Input) or (not isinstance(kind, Split) and self.can(kind)):
            return [part]
        for rule in RULES.get(type(kind), ()):
            found = rule(kind, part.arrays, place)
            if found is None or any(each.kind in seen for each in found):
                continue
            chain = self._all(found, place, seen | {kind})
            if chain is not None:
                return chain
        return None

    def _all(self, parts: Sequence[Part], place: Place, seen: frozenset[Kind]) -> list[Part] | None:
        chain: list[Part] = []
        for part in parts:
            found = self._parts(part, place, seen)
            if found is None:
                return None
            for each in found:
                place = replace(place, inputs=each.kind.shape(place.inputs))
            chain += found
        return chain


def _chain(node: Node, parts: Sequence[Part]) -> list[tuple[Node, dict[str, Array]]]:
    """Nodes for the parts of one, the first with weights under its name."""
    if len(parts) == 1:
        return [(replace(node, kind=parts[0].kind, word=""), dict(parts[0].arrays))]
    main = next((index for index, part in enumerate(parts) if part.arrays), 0)
    made, inputs = [], node.inputs
    for index, part in enumerate(parts):
        name = node.name if index == main else f"{node.name}/{type(part.kind).__name__.lower()}"
        outputs = node.outputs if index == len(parts) - 1 else (f"{node.name}/{index}",)
        made.append((Node(name, part.kind, inputs, outputs, where=node.where), dict(part.arrays)))
        inputs = outputs
    return made


def merged_pads(model: Model) -> Model:
    """Borders of zeros that only a convolution reads as that convolution's own padding."""
    nodes, layers = list(model.net.nodes), dict(model.weights.layers)
    for node in model.net.nodes:
        kind = node.kind
        readers = [each for each in nodes if node.outputs[0] in each.inputs]
        if not isinstance(kind, Pad) or kind.border != "zero" or kind.sides[:2] != kind.sides[2:]:
            continue
        if len(readers) != 1 or len(readers[0].inputs) != 1 or node.inputs == node.outputs:
            continue
        (reader,) = readers
        windows = reader.kind
        if isinstance(windows, TableConvolution):
            shape = _shape_of(model.net, node.inputs[0])
            part = connected(windows, layers.get(reader.name, {}), Place((shape,)))
            windows, layers[reader.name] = part.kind, dict(part.arrays)
        if type(windows) is not Convolution or windows.axis != 1 or len(windows.window) > 2:
            continue
        before = pair(windows.pad, "pad", least=0)
        pad = (before[0] + kind.sides[0], before[1] + kind.sides[1])
        changed = replace(reader, kind=replace(windows, pad=pad), inputs=node.inputs)
        nodes[nodes.index(reader)] = changed
        nodes.remove(node)
    net = replace(model.net, nodes=tuple(nodes))
    return replace(model, net=net, weights=Weights(layers, model.weights.where))


def merged_biases(model: Model) -> Model:
    """Numbers added to each channel of a convolution or dense layer as that layer's own bias."""
    nodes, layers = list(model.net.nodes), dict(model.weights.layers)
    for node in model.net.nodes:
        kind = node.kind
        if not isinstance(kind, Convolution | Dense) or kind.bias or kind.axis != 1:
            continue
        readers = [each for each in nodes if set(node.outputs) & set(each.inputs)]
        if len(node.outputs) != 1 or len(readers) != 1 or not _adds(readers[0]):
            continue
        reader = readers[0]
        layers[node.name] = layers[node.name] | layers.pop(reader.name)
        nodes[nodes.index(node)] = replace(node, kind=replace(kind, bias=True), outputs=reader.outputs)
        nodes.remove(reader)
    net = replace(model.net, nodes=tuple(nodes))
    return replace(model, net=net, weights=Weights(layers, model.weights.where))


def _adds(node: Node) -> bool:
    shared = any(use.share for use in node.uses)
    return isinstance(node.kind, Bias) and (node.kind.axis, node.kind.axes) == (1, 1) and not shared


def _shape_of(net: Net, blob: str) -> Shape:
    shapes: dict[str, Shape] = {}
    for node, known in zip(net.nodes, net.shapes(), strict=True):
        shapes |= dict(zip(node.outputs, known.outputs, strict=True))
    return shapes[blob]


def baked(model: Model) -> Model:
    """The network with what is done to its images as its first layers; size and channels stay outside."""
    import numpy as np

    told = model.preprocessing
    if told is None or told.does_nothing:
        return model
    (source,) = model.net.input_nodes()
    blob, channels = source.outputs[0], source.kind.shape(())[0][1]
    parts: list[tuple[str, Layer, dict[str, Array]]] = []
    if told.mean_image is not None:
        parts.append((_MEAN, Bias(axes=-1), {"bias": -np.asarray(told.mean_image, np.float32)}))
    elif any(told.mean):
        mean = np.broadcast_to(-np.array(told.mean, np.float32), (channels,)).copy()
        parts.append((_MEAN, Bias(), {"bias": mean}))
    if told.scale != 1 or told.bias:
        arrays = {"weight": np.full(channels, told.scale, np.float32)}
        if told.bias:
            arrays["bias"] = np.full(channels, told.bias, np.float32)
        parts.append((_SCALE, Scale(bias=bool(told.bias)), arrays))
    chain, last = [], blob
    for name, kind, _ in parts:
        chain.append(Node(name, kind, (last,), (name,), where=source.where))
        last = name
    rest = [
        replace(node, inputs=tuple(last if each == blob else each for each in node.inputs))
        for node in model.net.nodes
        if node is not source
    ]
    layers = {name: arrays for name, _, arrays in parts} | model.weights.layers
    left = Preprocessing(told.channels, size=told.size, whole=told.whole)
    net = replace(model.net, nodes=(source, *chain, *rest))
    return replace(model, net=net, weights=Weights(layers, model.weights.where), preprocessing=left)
