"""What `lenet doctor` finds out about data: whether they are here, their labels, the range of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from lenet.data.feed import Feed
from lenet.data.mnist import Mnist
from lenet.data.source import Reader, Source
from lenet.data.transforms import Transform
from lenet.deploy.pixels import summary
from lenet.deploy.use import classifier_blobs, transform_told
from lenet.errors import NOWHERE, LenetError, Where
from lenet.layers.answer_class import ClassTargets
from lenet.layers.loss import SoftmaxLoss
from lenet.model import Preprocessing
from lenet.net import Net, Node
from lenet.report.network import known_shapes
from lenet.shapes import Array, Shape, text

_MOST_BYTES, _MOST_SAMPLES = 64 << 20, 70_000  # of samples that are looked at
_PIXEL_SAMPLES = 100
_TOGETHER = 50  # samples read at once


@dataclass(frozen=True)
class Data:
    """The data of one node: `problem` tells why they cannot be read, None if they can.

    `number` of samples and their `shape` before the transform; `labels` lowest and highest among the first
    `looked_at`, evenly picked; `pixels` lowest and highest before the transform.
    """

    use: str
    node: Node
    source: Source
    transform: Transform
    name: str
    problem: LenetError | None = None
    number: int = 0
    shape: Shape = ()
    looked_at: int = 0
    labels: tuple[int, int] | None = None
    pixels: tuple[float, float] | None = None

    @property
    def line(self) -> str:
        """Which data, and whether they are here."""
        name = f"{self.use}: {self.name}" if self.use else self.name
        if self.problem is not None:
            return f"{name}: not to be read: {self.problem.message}"
        source = getattr(self.source, "source", self.source)  # of a part the whole
        here = "the MNIST in the package" if isinstance(source, Mnist) else "here"
        return f"{name}: {here}, {self.number:,} samples of {text(self.shape)}"

    @property
    def images(self) -> str:
        """What is done to them before they go into the network."""
        return summary(self.preprocessing).removeprefix("images: ")

    @property
    def preprocessing(self) -> Preprocessing:
        """The transform as what is done to images; without sizes where no sample could be read."""
        if self.problem is None:
            return transform_told(self.transform, self.shape)
        transform = self.transform
        size = (transform.crop, transform.crop) if transform.crop else None
        return Preprocessing("grey", transform.scale, transform.mean_values, size=size)


@dataclass(frozen=True)
class Classes:
    """The classes that a network learns or is tested with: how many outputs, and what labels there are.

    `ignored` is a label that does not count; `complete`: all samples were looked at.
    """

    use: str
    outputs: int
    where: Where = NOWHERE
    labels: tuple[int, int] | None = None
    ignored: int | None = None
    looked_at: int = 0
    complete: bool = False

    @property
    def line(self) -> str:
        """The range of labels beside the outputs."""
        use = f"{self.use}: " * bool(self.use)
        if self.labels is None:
            return f"{use}labels are not known, {self.outputs} outputs"
        low, high = self.labels
        looked = "" if self.complete else f" (of {self.looked_at:,} samples looked at)"
        return f"{use}labels {low} to {high}{looked}, {self.outputs} outputs"


def data_of(use: str, net: Net) -> list[Data]:
    """The data that a selected network reads."""
    return [_examined(use, node, net) for node in net.nodes if isinstance(node.kind, Feed)]


def _examined(use: str, node: Node, net: Net) -> Data:
    feed = node.kind
    assert isinstance(feed, Feed)
    found = Data(use, node, feed.source, feed.transform, source_name(feed.source))
    label = _label_index(node, net)
    try:
        if feed.transform.mean_file:
            found = replace(found, name=f"{found.name}, mean image {feed.transform.mean_file}")
        reader = feed.source.open(feed.transform.channels)
        try:
            return _looked_into(found, reader, label)
        finally:
            reader.close()
    except LenetError as error:
        return replace(found, problem=error)


def _looked_into(data: Data, reader: Reader, label: int | None) -> Data:
    import numpy as np

    number, shape = len(reader), reader.shapes[0]
    size = max(1, int(np.prod(shape)) * np.dtype(reader.dtypes[0]).itemsize)
    most = max(1, min(number, _MOST_SAMPLES, _MOST_BYTES // size))
    indices = range(number) if most == number else [index * number // most for index in range(most)]
    lows: list[float] = []
    highs: list[float] = []
    labels: list[Array] = []
    for start in range(0, most, _TOGETHER):
        if label is None and start >= _PIXEL_SAMPLES:
            break
        arrays = reader.read_many(indices[start : start + _TOGETHER])
        if start < _PIXEL_SAMPLES and arrays[0].size:
            lows, highs = [*lows, float(arrays[0].min())], [*highs, float(arrays[0].max())]
        if label is not None:
            labels.append(np.asarray(arrays[label]).ravel())
    pixels = (min(lows), max(highs)) if lows else None
    data = replace(data, number=number, shape=shape, looked_at=most, labels=_range(labels), pixels=pixels)
    transform_told(data.transform, shape)  # a mean image has to be here, and to fit
    return data


def _range(labels: Sequence[Array]) -> tuple[int, int] | None:
    import numpy as np

    if not labels:
        return None
    values = np.concatenate(labels)
    if not values.size or (values != np.round(values)).any():
        return None
    return int(values.min()), int(values.max())


def source_name(source: Source) -> str:
    """What a file calls its data: the path, or the first of them.

    >>> source_name(Mnist("train", instead_of="mnist_train_lmdb"))
    'mnist_train_lmdb'
    """
    if isinstance(source, Mnist):
        return source.instead_of or "MNIST"
    for entry in fields(source):
        value = getattr(source, entry.name)
        if isinstance(value, Source):
            return source_name(value)
        if isinstance(value, tuple) and value and isinstance(value[0], str):
            value = value[0]
        if isinstance(value, str | Path) and str(value):
            return str(value)
    return type(source).__name__


def _label_index(node: Node, net: Net) -> int | None:
    blobs = {labels for _, labels, _, _ in _compared(net)}
    return next((index for index, blob in enumerate(node.outputs) if blob in blobs), None)


def _compared(net: Net) -> Iterator[tuple[str, str, Node, int | None]]:
    """What is compared with labels: the blob of scores ("" for targets), that of labels, the node."""
    for node in net.nodes:
        if isinstance(node.kind, ClassTargets):
            yield "", node.inputs[0], node, node.kind.classes
    found = classifier_blobs(net)
    if found:
        losses = [node for node in net.nodes if node.inputs[:2] == found]
        yield *found, losses[0], None


def classes_of(use: str, net: Net, data: Sequence[Data]) -> list[Classes]:
    """The classes of a selected network, with the labels of its `data`."""
    found: list[Classes] = []
    for scores, labels, node, number in _compared(net):
        outputs = number or _outputs(net, scores)
        if outputs is None:
            continue
        given = next((each for each in data if labels in each.node.outputs and each.use == use), None)
        ignored = node.kind.ignore_label if isinstance(node.kind, SoftmaxLoss) else None
        classes = Classes(use, outputs, node.where, ignored=ignored)
        if given is not None and given.labels is not None:
            complete = given.looked_at == given.number
            classes = replace(classes, labels=given.labels, looked_at=given.looked_at, complete=complete)
        found.append(classes)
    return found


def _outputs(net: Net, blob: str) -> int | None:
    """The number of classes in a blob of scores: its shape, or where data are not here its layer tells."""
    shapes, _ = known_shapes(net)
    for node, known in zip(reversed(net.nodes), reversed(shapes), strict=True):
        if blob in node.outputs:
            if known is not None:
                shape = known.outputs[node.outputs.index(blob)]
                return shape[1] if len(shape) > 1 else None
            told = getattr(node.kind, "outputs", None)
            return told if isinstance(told, int) else None
    return None
