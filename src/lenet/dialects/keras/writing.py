"""Our channels-first network as layers of Keras, whose images have their channels last."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lenet.dialects.keras.building import Blob, rows_in_our_order
from lenet.errors import DescriptionError, LenetError, Notes, WeightsError
from lenet.layers.arrange import Split
from lenet.layers.layer import Input, Layer
from lenet.model import Model
from lenet.net import Node, ParameterUse, is_unnamed, type_name
from lenet.shapes import Array, Shape, text


@dataclass(frozen=True)
class Written:
    """A layer of Keras: its type, its settings, the layers that it reads, its arrays, its result's shape."""

    type: str
    name: str
    config: dict[str, Any]
    inputs: tuple[str, ...]
    arrays: dict[str, Array]
    shape: Shape  # without the batch


@dataclass
class Writing:
    """The layers so far; blobs are those of our network, each with the name of the layer that gives it."""

    model: Model
    notes: Notes
    with_weights: bool
    layers: list[Written] = field(default_factory=list)
    blobs: dict[str, Blob] = field(default_factory=dict)
    shared: dict[str, Array] = field(default_factory=dict)
    settled: dict[tuple[str, str], Blob] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)  # nodes that an earlier layer has taken in

    def add(
        self,
        type: str,
        name: str,
        config: dict[str, Any],
        inputs: Sequence[Blob],
        shape: Shape,
        arrays: dict[str, Array] | None = None,
        like: Blob | None = None,
    ) -> Blob:
        """Add a layer that gives our shape `shape`, lying as `like` or as its first input does."""
        name = self.free_name(name)
        lies = like if like is not None else inputs[0]
        blob = Blob(name, shape, lies.moved and len(shape) > 2, lies.order if len(shape) == 2 else None)
        names = tuple(blob.name for blob in inputs)
        arrays = arrays if arrays and self.with_weights else {}
        self.layers.append(Written(type, name, config, names, arrays, blob.keras_shape[1:]))
        return blob

    def free_name(self, wanted: str) -> str:
        """A name that Keras takes and no other layer has."""
        wanted = re.sub(r"[^\w\-]", "_", wanted) or "layer"  # torch takes no name with a dot
        name, number = wanted, 1
        while name in self.names:
            number += 1
            name = f"{wanted}_{number}"
        self.names.add(name)
        return name

    def images(self, blob: Blob) -> Blob:
        """The blob with its channels last in Keras."""
        if blob.moved or blob.rank < 3:
            return blob
        return self._once(blob, "images", lambda: self._permuted(blob, (*range(2, blob.rank), 1), True))

    def plain(self, blob: Blob) -> Blob:
        """The blob with axes and numbers in Keras as we have them."""
        if blob.order is not None:
            order = blob.order
            return self._once(blob, "plain", lambda: self._unfolded(blob, order))
        if not blob.moved:
            return blob
        last = blob.rank - 1
        return self._once(blob, "plain", lambda: self._permuted(blob, (last, *range(1, last)), False))

    def _permuted(self, blob: Blob, dims: tuple[int, ...], moved: bool) -> Blob:
        like = Blob("", blob.shape, moved)
        return self.add("Permute", f"{blob.name}_axes", {"dims": list(dims)}, [blob], blob.shape, like=like)

    def _unfolded(self, blob: Blob, order: Shape) -> Blob:
        shape = (blob.shape[0], *order)
        sizes = [*order[1:], order[0]]
        config = {"target_shape": sizes}
        image = self.add("Reshape", f"{blob.name}_image", config, [blob], shape, like=Blob("", shape, True))
        turned = self.plain(image)
        return self.add("Flatten", f"{blob.name}_flat", {}, [turned], blob.shape, like=Blob("", ()))

    def _once(self, blob: Blob, how: str, make: Callable[[], Blob]) -> Blob:
        if (blob.name, how) not in self.settled:
            self.settled[blob.name, how] = make()
        return self.settled[blob.name, how]

    def arrays_of(self, node: Node, inputs: Sequence[Shape]) -> dict[str, Array]:
        """The weights of a node by name, as the network wants them; {} where none are written.

        Raises: WeightsError if there are none, or of other shapes.
        """
        assert isinstance(node.kind, Layer)
        wanted = {name: parameter.shape for name, parameter in node.kind.parameters(inputs).items()}
        if not wanted or not self.with_weights:
            return {}
        weights = self.model.weights
        found = weights.fitted({node.name: wanted}).get(node.name) or self._shared(node, wanted)
        if not found:
            hint = "write a .json, or give the weights"
            raise WeightsError(
                f"layer '{node.name}' ({type_name(node.kind)}) has no weights", weights.where, hint
            )
        for (name, array), use in zip(found.items(), _uses(node, len(found)), strict=True):
            if use.share and self.shared.setdefault(use.share, array) is not array:
                label = f"layer '{node.name}': {name} is shared"
                self.notes.inform(f"{label}; each layer gets a copy in the file", node.where)
        return {name: array.astype("float32") for name, array in found.items()}

    def _shared(self, node: Node, wanted: dict[str, Shape]) -> dict[str, Array]:
        uses = _uses(node, len(wanted))
        if not all(use.share in self.shared for use in uses):
            return {}
        pairs = zip(wanted.items(), uses, strict=True)
        return {name: self.shared[use.share].reshape(shape) for (name, shape), use in pairs}


def _uses(node: Node, number: int) -> list[ParameterUse]:
    return [node.use(index) for index in range(number)]


def refusal(node: Node, message: str, hint: str = "") -> DescriptionError:
    """The error for what Keras has no words for."""
    return DescriptionError(f"layer '{node.name}' ({type_name(node.kind)}): {message}", node.where, hint)


@dataclass(frozen=True)
class Place:
    """A node of our network on its way out."""

    node: Node
    kind: Any
    inputs: list[Blob]
    shape: Shape  # of the first output
    writing: Writing

    @property
    def one(self) -> Blob:
        """The only input."""
        if len(self.inputs) != 1:
            raise refusal(self.node, f"has {len(self.inputs)} inputs, Keras takes one")
        return self.inputs[0]

    def arrays(self) -> dict[str, Array]:
        """The node's weights."""
        return self.writing.arrays_of(self.node, [blob.shape for blob in self.inputs])

    def per_feature(self, arrays: dict[str, Array], blob: Blob) -> dict[str, Array]:
        """Numbers per feature in Keras' order of the features."""
        if blob.order is None:
            return arrays
        rows = rows_in_our_order(blob.order).argsort()
        return {name: array[rows] if array.shape == rows.shape else array for name, array in arrays.items()}

    def layer(
        self,
        type: str,
        config: dict[str, Any],
        inputs: Blob | Sequence[Blob],
        arrays: dict[str, Array] | None = None,
        shape: Shape | None = None,
        ending: str = "",
        like: Blob | None = None,
    ) -> Blob:
        """Add a layer under the node's name."""
        blobs = [inputs] if isinstance(inputs, Blob) else list(inputs)
        shape = self.shape if shape is None else shape
        return self.writing.add(type, self.node.name + ending, config, blobs, shape, arrays, like)


def layers_from_model(model: Model, notes: Notes, with_weights: bool) -> tuple[list[Written], list[str]]:
    """The layers of Keras that a model is, the first its input, and the names of those that give its outputs.

    Raises: DescriptionError for all that Keras cannot say, each by name; WeightsError without weights.
    """
    from lenet.dialects.keras.layers_written import WRITERS

    nodes = model.net.nodes
    if not nodes or not isinstance(nodes[0].kind, Input) or len(nodes[0].kind.shapes) != 1:
        raise DescriptionError("the network does not begin with one input", model.net.where)
    writing = Writing(model, notes, with_weights)
    errors = Notes()
    for node, shapes in zip(nodes, model.net.shapes(), strict=True):
        if node.name in writing.skipped:
            continue
        if node is nodes[0]:
            writing.blobs[node.outputs[0]] = _input(writing, node, shapes.outputs[0])
            continue
        if not all(blob in writing.blobs for blob in node.inputs):  # what it reads was refused already
            continue
        inputs = [writing.blobs[blob] for blob in node.inputs]
        if isinstance(node.kind, Split):
            writing.blobs.update(dict.fromkeys(node.outputs, inputs[0]))
            continue
        write = WRITERS.get(type(node.kind))
        try:
            if write is None:
                raise refusal(node, "Keras has no such layer")
            found = write(Place(node, node.kind, inputs, shapes.outputs[0], writing))
            writing.blobs.update(
                zip(node.outputs, found if isinstance(found, list) else [found], strict=True)
            )
        except LenetError as error:
            errors.error(error)
    errors.check()
    return writing.layers, _outputs(writing)


def _outputs(writing: Writing) -> list[str]:
    net = writing.model.net
    names = [blob for blob in net.outputs() if not is_unnamed(blob)]
    last = [blob for node in net.nodes for blob in node.outputs if blob in names]
    found = []
    for name in dict.fromkeys(last):
        blob = writing.blobs[name]
        found.append((writing.plain(blob) if blob.order is not None else blob).name)
    return found


def _input(writing: Writing, node: Node, shape: Shape) -> Blob:
    """The input, and the rescaling that the model's preprocessing is."""
    moved = len(shape) == 4 or (len(shape) == 3 and _has_lines(writing.model))
    like = Blob("", shape, moved)
    blob = writing.add("InputLayer", node.name, {}, [], shape, like=like)
    if moved:
        wanted = text(blob.keras_shape[1:])
        writing.notes.inform(f"images have their channels last in the file: {wanted}", node.where)
    return _rescaled(writing, node, blob)


def _has_lines(model: Model) -> bool:
    """Whether windows slide along one axis somewhere."""
    windowed = ("Convolution", "Deconvolution", "SidedPooling", "Upsample", "ConstantPad", "SpatialDropout")
    return any(
        type_name(node.kind) in windowed and len(shapes.inputs[0]) == 3
        for node, shapes in zip(model.net.nodes, model.net.shapes(), strict=True)
    )


def _rescaled(writing: Writing, node: Node, blob: Blob) -> Blob:
    given = writing.model.preprocessing
    if given and given.whole:
        size = f"{given.whole[0]} x {given.whole[1]}"
        writing.notes.warn(
            f"Keras cannot say that images are made {size} and their middle is taken: do it first"
        )
    if given is None or given.does_nothing:
        return blob
    if given.mean_image is not None:
        raise refusal(node, "a mean image cannot be said by a layer of Keras'", "use one mean per channel")
    offsets = [given.bias - mean * given.scale for mean in given.mean or (0.0,)]
    offset: Any = offsets[0] if len(set(offsets)) == 1 else offsets
    if isinstance(offset, list) and len(offset) != blob.shape[1]:
        raise refusal(node, f"{len(offset)} means for {blob.shape[1]} channels")
    if given.channels == "bgr":
        writing.notes.warn("channels come as blue, green, red, which a file of Keras' cannot say", node.where)
    writing.notes.inform("the preprocessing is the layer 'rescaling': the model takes 0 to 255", node.where)
    scale: Any = [given.scale] * len(offset) if isinstance(offset, list) else given.scale
    return replace(
        writing.add("Rescaling", "rescaling", {"scale": scale, "offset": offset}, [blob], blob.shape)
    )
