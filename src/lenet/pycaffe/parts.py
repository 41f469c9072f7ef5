"""What a network consists of: its layers, blobs and parameters by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import finalize

from lenet.dialects.caffe.layers import spelling_for
from lenet.dialects.caffe.splits import insert_splits
from lenet.errors import enough_memory
from lenet.layers.layer import Input
from lenet.net import Net as Description
from lenet.net import Node, type_name
from lenet.pycaffe.blob import Blob, ParameterBlob
from lenet.pycaffe.modes import PROCESS
from lenet.pycaffe.passes import LayerPass, Next, passes
from lenet.shapes import Shape

if TYPE_CHECKING:
    from torch import nn

    from lenet.engine.build import Network
    from lenet.engine.feeding import Feeder


@dataclass(frozen=True)
class LayerView:
    """A layer of a network as a script sees it: its type and its parameters."""

    type: str
    blobs: tuple[ParameterBlob, ...]


class Parts:
    """A network that is built, with its blobs; :class:`lenet.pycaffe.net.Net` runs it."""

    def _begin(
        self, description: Description, share: Network | None = None, feeder: Feeder | None = None
    ) -> None:
        """Build the network and its blobs; `description` is one state's, without splits."""
        from lenet.engine.build import build

        self._description = description
        self._split = insert_splits(description)
        self._training = description.state is not None and description.state.phase == "train"
        draws = None if share else PROCESS.draws  # what is shared needs no new numbers
        with enough_memory():
            self._network = build(self._split, training=self._training, draws=draws, share=share)
        self._feeder = feeder or self._own_feeder()
        self._held: dict[str, Next] = {}
        self._blobs_by_name: OrderedDict[str, Blob] = OrderedDict()
        weights = dict(self._network.loss_terms)
        for name, shape in self._network.blob_shapes().items():
            self._blobs_by_name[name] = Blob(shape, weights.get(name, 0.0))
        self._adopt()

    def _own_feeder(self) -> Feeder:
        from lenet.engine.feeding import Feeder

        feeder = Feeder(self._network, training=self._training, with_inputs=True)
        finalize(self, feeder.close)
        return feeder

    def _adopt(self) -> None:
        """Look at a network that was built anew."""
        network = self._network
        for entry in network.trained:
            entry.tensor.requires_grad_(entry.rate != 0 or self._split.force_backward)
        self._input_names = [
            name for node in self._split.nodes if type(node.kind) is Input for name in node.outputs
        ]
        self._output_names = self._split.outputs()
        self._built = network.blob_shapes()
        self._passes: list[LayerPass] = passes(
            network.steps,
            self._blobs_by_name,
            recording=self._training,
            force=self._split.force_backward,
            bring=self._held | {name: self._feeder.reader(name).next for name in network.feeds},
        )
        self._parameters = OrderedDict(
            (step.node.name, [ParameterBlob(tensor) for tensor in step.parameters])
            for step in network.steps
            if step.parameters
        )

    def _rebuild(
        self, shapes: Mapping[str, Shape], share: Mapping[str, tuple[nn.Parameter, ...]] | None = None
    ) -> None:
        """Build the network for other shapes of its inputs, or with other tensors; the blobs stay."""
        from lenet.engine.build import build

        tensors = self.shared() if share is None else share
        with enough_memory():
            self._network = build(self._split, training=self._training, shapes=shapes, share=tensors)
        for name, shape in self._network.blob_shapes().items():
            self._blobs_by_name[name].reshape(*shape)
        self._adopt()

    def _hold(self, layer: str, source: Next) -> None:
        """Let a layer take its batches from `source`."""
        self._held[layer] = source
        self._adopt()

    def shared(self) -> dict[str, tuple[nn.Parameter, ...]]:
        """The parameter tensors of every layer, for another network to share."""
        return self._network.by_layer()

    # What there is.

    @property
    def blobs(self) -> OrderedDict[str, Blob]:
        """All blobs by name, those of automatic splits too."""
        return self._blobs_by_name

    @property
    def params(self) -> OrderedDict[str, list[ParameterBlob]]:
        """The parameters of the layers that have any, in the order of Caffe's weight files."""
        return self._parameters

    @property
    def layers(self) -> list[LayerView]:
        """All layers in order."""
        return [_view(node, self._parameters.get(node.name, ())) for node in self._split.nodes]

    @property
    def layer_dict(self) -> OrderedDict[str, LayerView]:
        """All layers by name."""
        return OrderedDict(zip(self._layer_names, self.layers, strict=True))

    @property
    def inputs(self) -> list[str]:
        """The blobs that the caller fills."""
        return list(self._input_names)

    @property
    def outputs(self) -> list[str]:
        """The blobs that no layer reads, alphabetically."""
        return list(self._output_names)

    @property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """The blobs that each layer writes."""
        return OrderedDict((node.name, list(node.outputs)) for node in self._split.nodes)

    @property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """The blobs that each layer reads."""
        return OrderedDict((node.name, list(node.inputs)) for node in self._split.nodes)

    @property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """How much each blob counts in the loss."""
        return OrderedDict((name, blob.loss_weight) for name, blob in self.blobs.items())

    @property
    def _layer_names(self) -> list[str]:
        return [node.name for node in self._split.nodes]

    @property
    def _blob_names(self) -> list[str]:
        return list(self.blobs)

    @property
    def _blobs(self) -> list[Blob]:
        return list(self.blobs.values())

    @property
    def _inputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.inputs]

    @property
    def _outputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.outputs]

    def _top_ids(self, layer: int) -> list[int]:
        return [self._blob_names.index(name) for name in self._split.nodes[layer].outputs]

    def _bottom_ids(self, layer: int) -> list[int]:
        return [self._blob_names.index(name) for name in self._split.nodes[layer].inputs]


def _view(node: Node, blobs: Sequence[ParameterBlob]) -> LayerView:
    spelling = spelling_for(node.kind)
    return LayerView(spelling.word if spelling else type_name(node.kind), tuple(blobs))
