"""A Keras model as our network: its calls one after the other, models within it spread out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lenet.deploy.blobs import with_outputs
from lenet.dialects.keras.building import Blob, Building, Reading, to_first
from lenet.dialects.keras.description import Graph, LayerText, Tensor
from lenet.dialects.keras.fields import Fields, is_whole
from lenet.dialects.keras.layers import IDLE, IDLE_ENDINGS, REGULARIZER, SPELLINGS
from lenet.dialects.keras.weights import Arrays
from lenet.errors import DescriptionError, Notes, WeightsError, Where, did_you_mean
from lenet.layers.layer import Input
from lenet.net import Net, Node
from lenet.shapes import Array, Shape, text
from lenet.weights import Weights

Call = tuple[str, int]


def net_from_graph(
    graph: Graph,
    arrays: Arrays | None,
    where: Where,
    weights_where: Where,
    notes: Notes,
    mirrored: bool = False,
    sample: Shape | None = None,
) -> tuple[Net, Weights]:
    """The network of a model and its weights, none if `arrays` are None.

    `mirrored`: kernels lie the other way round, as Theano wanted them.  `sample`, channels first, where the
    file leaves sizes open.

    Raises: LenetError that names the layer for what cannot be said or does not fit.
    """
    building = Building(where, weights_where, notes)
    reader = _Reader(building, arrays, mirrored)
    if len(graph.inputs) != 1:
        raise DescriptionError(f"the model has {len(graph.inputs)} inputs, one is wanted", where)
    start = reader.input(graph, sample)
    results = reader.model(graph, [start], Scope())
    for place, blob in enumerate(results):
        if blob.order is not None:
            results[place] = building.plain(blob)
    if start.moved:
        notes.inform(f"images have their channels last, here they come first: {start.shape[1:]}", where)
    if any(blob.moved and blob.rank > 2 for blob in results):
        notes.inform("the outputs are images, whose channels come first here, too", where)
    net = Net(graph.name, tuple(building.nodes), where=where)
    answers = [blob.name for blob in results]
    net = with_outputs(net.leading_to(*answers), answers)
    kept = {node.name for node in net.nodes}
    layers = {name: arrays for name, arrays in building.arrays.items() if name in kept}
    return net, Weights(layers, weights_where)


@dataclass(frozen=True)
class Scope:
    """Where a call stands: its nodes' names, its weights' paths, whether other calls share them."""

    name: str = ""
    path: str = ""
    shared: bool = False

    def within(self, layer: LayerText, call: int) -> Scope:
        """The place of one call of a layer here."""
        number = f"_{call + 1}" if call else ""
        shared = self.shared or len(layer.calls) > 1
        return Scope(f"{self.name}{layer.name}{number}", f"{self.path}{layer.name}", shared)


@dataclass
class _Reader:
    """Reads the calls of a model into a network."""

    building: Building
    arrays: Arrays | None
    mirrored: bool

    def input(self, graph: Graph, sample: Shape | None) -> Blob:
        """The node of the model's input; images come with their channels first."""
        found = self._found_shape(graph)
        moved = len(found) > 2 and _channels_are_last(graph, len(found))
        shape = self._input_shape(found, (*sample[1:], *sample[:1]) if sample and moved else sample)
        ours = tuple(shape[axis] for axis in to_first(len(shape))) if moved else shape
        name = self.building.free_name(_input_name(graph))
        node = Node(name, Input((ours,)), (), (name,), where=self.building.where)
        self.building.nodes.append(node)
        return Blob(name, ours, moved)

    def _found_shape(self, graph: Graph) -> list[Any]:
        found = _first_shape(graph)
        if not isinstance(found, list) or len(found) < 2:
            message = "does not say the shape of its input"
            hint = "build it with an Input layer, and save it anew"
            raise DescriptionError(f"model '{graph.name}' {message}", self.building.where, hint)
        return found

    def _input_shape(self, found: list[Any], sample: Shape | None) -> Shape:
        """The shape of one sample in Keras' order; open sizes are those of `sample`."""
        sizes = found[1:]
        if sample is not None:
            fits = len(sample) == len(sizes) and all(
                size in (None, there) for size, there in zip(sizes, sample, strict=True)
            )
            if not fits:
                message = f"the model's input is {_shown(found)}, samples of {text(sample)} do not fit it"
                raise DescriptionError(message, self.building.where)
            sizes = list(sample)
        if any(size is None for size in sizes):
            hint = "say the shape of a sample, or give the model's Input layer all sizes but the batch's"
            message = f"the model's input, {_shown(found)}, leaves sizes open, which are needed here"
            raise DescriptionError(message, self.building.where, hint)
        if not all(is_whole(size) and 0 < size < 1 << 31 for size in sizes):
            raise DescriptionError(f"the model's input is {_shown(found)}", self.building.where)
        return (1, *sizes)

    def model(self, graph: Graph, given: list[Blob], scope: Scope) -> list[Blob]:
        """The outputs of a model for these inputs."""
        if len(given) != len(graph.inputs):
            message = f"model '{graph.name}' takes {len(graph.inputs)} inputs, {len(given)} given"
            raise DescriptionError(message, self.building.where)
        blobs: dict[Call, list[Blob]] = {}
        layers = {layer.name: layer for layer in graph.layers}
        for tensor, blob in zip(graph.inputs, given, strict=True):
            blobs[tensor.layer, 0] = [blob]
        first = graph.layers[0]
        if graph.sequential and first.type != "InputLayer":
            blobs[first.name, 0] = self._called(first, 0, given, scope)
        waiting = [(layer, call) for layer in graph.layers for call in range(len(layer.calls))]
        self._run(waiting, blobs, scope)
        return [self._result(tensor, blobs, layers) for tensor in graph.outputs]

    def _run(self, waiting: list[tuple[LayerText, int]], blobs: dict[Call, list[Blob]], scope: Scope) -> None:
        """Run every call once what it reads is there."""
        while waiting:
            later = []
            for layer, call in waiting:
                reads = layer.calls[call]
                if (layer.name, call) in blobs:
                    continue
                if all((tensor.layer, tensor.call) in blobs for tensor in reads):
                    inputs = [self._one(tensor, blobs) for tensor in reads]
                    blobs[layer.name, call] = self._called(layer, call, inputs, scope)
                else:
                    later.append((layer, call))
            if len(later) == len(waiting):
                layer, call = later[0]
                missing = next(t for t in layer.calls[call] if (t.layer, t.call) not in blobs)
                message = f"layer '{layer.name}' ({layer.type}) reads '{missing.layer}', which nothing gives"
                hint = did_you_mean(missing.layer, [name for name, _ in blobs])
                raise DescriptionError(message, self.building.where, hint)
            waiting = later

    def _one(self, tensor: Tensor, blobs: dict[Call, list[Blob]]) -> Blob:
        results = blobs[tensor.layer, tensor.call]
        if not 0 <= tensor.index < len(results):
            message = f"result {tensor.index} of layer '{tensor.layer}' is asked for, it has {len(results)}"
            raise DescriptionError(message, self.building.where)
        return results[tensor.index]

    def _result(self, tensor: Tensor, blobs: dict[Call, list[Blob]], layers: dict[str, LayerText]) -> Blob:
        if (tensor.layer, tensor.call) in blobs:
            return self._one(tensor, blobs)
        message = f"the output is that of layer '{tensor.layer}', which is not there"
        raise DescriptionError(message, self.building.where, did_you_mean(tensor.layer, layers))

    def _called(self, layer: LayerText, call: int, inputs: list[Blob], scope: Scope) -> list[Blob]:
        inner = scope.within(layer, call)
        if layer.part:
            return self.model(layer.part, inputs, Scope(f"{inner.name}/", f"{inner.path}/", inner.shared))
        if layer.type == "InputLayer":
            return inputs
        fields = Fields(layer.type, inner.name, layer.config, self.building.where)
        spelling = SPELLINGS.get(layer.type)
        if spelling is None:
            hint = did_you_mean(layer.type, SPELLINGS)
            raise fields.error("such a layer is not known here", hint)
        weights = self._weights(inner.path, fields)
        shared = inner.path if inner.shared else ""
        reading = Reading(
            fields, layer.version, inputs, self.building, weights, shared, inner.name, self.mirrored
        )
        blob = spelling.read(reading)
        self._note_rest(fields)
        return [blob]

    def _weights(self, path: str, fields: Fields) -> list[Array] | None:
        """The arrays of a layer as float32.

        Raises: WeightsError for numbers in a form that is not known.
        """
        if self.arrays is None:
            return None
        found = self.arrays.get(path, [])
        for array in found:
            if array.dtype.kind != "f" and array.ndim:
                message = (
                    f"layer '{fields.name}' ({fields.type}): weights of type {array.dtype} are not known"
                )
                raise WeightsError(
                    message, self.building.weights_where, "save the model with weights of type float32"
                )
        return [array.astype("float32") for array in found]

    def _note_rest(self, fields: Fields) -> None:
        """Say which settings nobody asked for."""
        notes, where = self.building.notes, self.building.where
        for key, value in fields.config.items():
            label = f"layer '{fields.name}' ({fields.type})"
            if key.endswith(REGULARIZER):
                if value is not None:
                    notes.inform(f"{label}: {key} is of no effect on what it computes, and left out", where)
            elif not (key in fields.asked or key in IDLE or key.endswith(IDLE_ENDINGS) or value is None):
                notes.warn(f"{label}: {key} is not known here and ignored", where)


def _shown(shape: list[Any]) -> str:
    return " x ".join("?" if size is None else str(size)[:20] for size in shape)


def _first_shape(graph: Graph) -> Any:  # noqa: ANN401
    """The shape of the input as the file has it, wherever it stands."""
    wanted = graph.inputs[0].layer
    layer = next((layer for layer in graph.layers if layer.name == wanted), None)
    if layer is None:
        return None
    if layer.part:
        return _first_shape(layer.part) or graph.input_shape
    config = layer.config
    if config.get("batch_shape") is None and is_whole(config.get("input_dim")):  # Keras 1
        return [None, config["input_dim"]]
    return config.get("batch_shape") or graph.input_shape


def _input_name(graph: Graph) -> str:
    wanted = graph.inputs[0].layer
    layer = next(layer for layer in graph.layers if layer.name == wanted)
    return layer.name if layer.type == "InputLayer" else "input"


def _windowed(graph: Graph) -> Iterator[LayerText]:
    for layer in graph.layers:
        if layer.part:
            yield from _windowed(layer.part)
        elif layer.type in SPELLINGS and SPELLINGS[layer.type].windowed:
            yield layer


def _channels_are_last(graph: Graph, rank: int) -> bool:
    """Whether the input is an image with its channels last: as the first windows of its rank want it.

    Where there are none, four axes are taken for an image, fewer are not.
    """
    for layer in _windowed(graph):
        if ("1D" in layer.type) == (rank == 3):
            return bool(layer.config.get("data_format", "channels_last") != "channels_first")
    return rank == 4
