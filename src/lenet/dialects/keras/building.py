"""Building our channels-first network from a Keras one, whose images have their channels last or first.

Each blob remembers how its axes lie against those that Keras would have.  Only where a layer needs the
other order are axes moved by a layer of their own, so that a usual convnet has none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lenet.dialects.keras.fields import Fields
from lenet.errors import LenetError, Notes, WeightsError, Where
from lenet.layers.arrange import Flatten
from lenet.layers.layer import Layer
from lenet.layers.reshape import Reshape
from lenet.layers.transpose import Transpose
from lenet.net import Node, ParameterUse
from lenet.shapes import Array, Shape, count, text

OTHER_MODEL = "are these the weights of another model?"


@dataclass(frozen=True)
class Blob:
    """A result: its name and shape in our network, and how it lies.

    `moved`: Keras has the channels last, we have them at axis 1.  `order` (C, H, W): the numbers were
    flattened from such an image, which Keras flattened as (H, W, C).
    """

    name: str
    shape: Shape
    moved: bool = False
    order: Shape | None = None

    @property
    def rank(self) -> int:
        """The number of axes, the batch axis included."""
        return len(self.shape)

    @property
    def keras_shape(self) -> Shape:
        """The shape that Keras has."""
        return (self.shape[0], *self.shape[2:], self.shape[1]) if self.moved else self.shape

    def axis(self, axis: int) -> int:
        """Our axis for one of Keras', negative from the end."""
        place = axis % self.rank
        return place if not self.moved or place == 0 else place % (self.rank - 1) + 1


def to_first(rank: int) -> tuple[int, ...]:
    """The order of axes that moves the last one to place 1.

    >>> to_first(4)
    (0, 3, 1, 2)
    """
    return (0, rank - 1, *range(1, rank - 1))


def to_last(rank: int) -> tuple[int, ...]:
    """The order of axes that moves axis 1 to the end.

    >>> to_last(4)
    (0, 2, 3, 1)
    """
    return (0, *range(2, rank), 1)


def rows_in_our_order(order: Shape) -> Array:
    """Where the numbers of a flattened (C, H, W) image lie in Keras' order (H, W, C).

    >>> rows_in_our_order((2, 1, 3)).tolist()
    [0, 2, 4, 1, 3, 5]
    """
    channels, *spatial = order
    return np.moveaxis(np.arange(count(order)).reshape(*spatial, channels), -1, 0).reshape(-1)


@dataclass
class Building:
    """The network so far: nodes, their weights, and how blobs were moved already."""

    where: Where
    weights_where: Where
    notes: Notes
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, dict[str, Array]] = field(default_factory=dict)
    settled: dict[tuple[str, str], Blob] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def free_name(self, wanted: str) -> str:
        """A name for a node that no other has."""
        name, number = wanted, 1
        while name in self.names:
            number += 1
            name = f"{wanted}_{number}"
        self.names.add(name)
        return name

    def add(
        self,
        name: str,
        kind: Layer,
        inputs: Sequence[Blob],
        arrays: Mapping[str, Array] | None = None,
        share: str = "",
    ) -> tuple[Blob, ...]:
        """Add a node; its results lie as its first input does.

        Raises: LenetError with the layer's name where shapes or weights do not fit.
        """
        name = self.free_name(name)
        shapes = [blob.shape for blob in inputs]
        label = f"layer '{name}' ({type(kind).__name__})"
        try:
            found, wanted = kind.shape(shapes), kind.parameters(shapes)
        except LenetError as error:
            raise type(error)(f"{label}: {error.message}", self.where, error.hint) from None
        for parameter, array in (arrays or {}).items():
            if array.shape != wanted[parameter].shape:
                message = (
                    f"{parameter} is {text(array.shape)}, the network wants {text(wanted[parameter].shape)}"
                )
                raise WeightsError(f"{label}: {message}", self.weights_where, OTHER_MODEL)
        if arrays:
            self.arrays[name] = {key: np.array(arrays[key], order="C") for key in wanted}
        several = len(found) > 1
        outputs = tuple(f"{name}_{index}" if several else name for index in range(len(found)))
        uses = tuple(ParameterUse(f"{share}/{key}") for key in wanted) if share else ()
        node = Node(name, kind, tuple(blob.name for blob in inputs), outputs, uses=uses, where=self.where)
        self.nodes.append(node)
        like = inputs[0] if inputs else Blob("", ())
        return tuple(
            replace(like, name=output, shape=shape) for output, shape in zip(outputs, found, strict=True)
        )

    def first(self, blob: Blob, fields: Fields) -> Blob:
        """The blob with its channels at axis 1, as windows want them, for a layer with channels last."""
        if blob.moved:
            return blob
        if blob.rank < 3:
            raise fields.error(f"takes images, its input is {text(blob.keras_shape)}")
        return self._once(blob, "first", lambda: replace(self._turned(blob, to_first(blob.rank)), moved=True))

    def plain(self, blob: Blob) -> Blob:
        """The blob with axes and numbers in Keras' own order."""
        if blob.order is not None:
            order = blob.order
            return self._once(blob, "plain", lambda: self._unfolded(blob, order))
        if not blob.moved:
            return blob
        return self._once(blob, "plain", lambda: replace(self._turned(blob, to_last(blob.rank)), moved=False))

    def _turned(self, blob: Blob, order: tuple[int, ...]) -> Blob:
        return self.add(f"{blob.name}_axes", Transpose(order), [blob])[0]

    def _unfolded(self, blob: Blob, order: Shape) -> Blob:
        (image,) = self.add(f"{blob.name}_image", Reshape(order, axis=1), [blob])
        (turned,) = self.add(f"{blob.name}_axes", Transpose(to_last(len(order) + 1)), [image])
        (flat,) = self.add(f"{blob.name}_flat", Flatten(), [turned])
        return replace(flat, order=None)

    def _once(self, blob: Blob, how: str, make: object) -> Blob:
        key = (blob.name, how)
        if key not in self.settled:
            self.settled[key] = make()  # type: ignore[operator]
        return self.settled[key]


@dataclass
class Reading:
    """One call of a layer on its way into the network."""

    fields: Fields
    version: int
    inputs: list[Blob]
    building: Building
    weights: list[Array] | None  # None: the model comes without any
    share: str = ""
    name: str = ""
    mirrored: bool = False  # Theano's kernels lie the other way round

    @property
    def one(self) -> Blob:
        """The only input.

        Raises: DescriptionError if there are none or several.
        """
        if len(self.inputs) != 1:
            raise self.fields.error(f"takes 1 input, {len(self.inputs)} given")
        return self.inputs[0]

    def take(self, *names: str) -> dict[str, Array] | None:
        """The layer's weights in the order in which Keras keeps them, None if there are no weights at all.

        Raises: WeightsError if there are more or fewer.
        """
        if self.weights is None:
            return None
        if len(self.weights) != len(names):
            wanted = f"{len(names)} are wanted: {', '.join(names)}" if names else "none is wanted"
            raise WeightsError(
                f"layer '{self.fields.name}' ({self.fields.type}) holds {len(self.weights)} arrays, {wanted}",
                self.building.weights_where,
                OTHER_MODEL,
            )
        return dict(zip(names, self.weights, strict=True))

    def turned(self, array: Array, axes: Sequence[int]) -> Array:
        """An array of weights with its axes in another order.

        Raises: WeightsError if it has another number of axes.
        """
        self.of_rank(array, len(axes))
        return array.transpose(axes)

    def of_rank(self, array: Array, rank: int) -> None:
        """Refuse weights of another number of axes."""
        if array.ndim != rank:
            message = f"an array is {text(array.shape)}, {rank} axes are wanted"
            label = f"layer '{self.fields.name}' ({self.fields.type})"
            raise WeightsError(f"{label}: {message}", self.building.weights_where, OTHER_MODEL)

    def add(
        self,
        kind: Layer,
        inputs: Blob | Sequence[Blob],
        arrays: Mapping[str, Array] | None = None,
        ending: str = "",
    ) -> Blob:
        """Add a node under the layer's name, with an ending where a layer becomes several nodes."""
        blobs = [inputs] if isinstance(inputs, Blob) else list(inputs)
        share = f"{self.share}{ending}" if self.share else ""
        return self.building.add(f"{self.name}{ending}", kind, blobs, arrays, share)[0]
