"""A deploy network from a train/test one: inputs for data, no losses, probabilities where a loss had them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lenet.data.feed import Feed
from lenet.data.image_list import ImageList
from lenet.data.transforms import Transform
from lenet.deploy.use import answering, transform_told
from lenet.errors import DescriptionError, LenetError, Notes, UsageError, did_you_mean
from lenet.formats.blob import read_blob
from lenet.layers.layer import Input
from lenet.model import Preprocessing
from lenet.net import Net, Node, Opaque, State
from lenet.shapes import Shape, text

_HINT = "give its shape, such as --input {}=1x3x224x224"


@dataclass(frozen=True)
class DeployNet:
    """A network for use, and what its data layers did to the samples of an input, by the blob's name."""

    net: Net
    told: Mapping[str, Preprocessing]


def deploy_net(net: Net, given: Mapping[str, Shape], batch: int, notes: Notes) -> DeployNet:
    """The part of a train/test network that answers samples, `batch` at once.

    `given` are shapes of inputs, batch included; others come from the data, a mean image, or a crop.

    Raises: DescriptionError if nothing answers or a shape is not known; UsageError for an unknown input.
    """
    own = net.state or State()
    test = net.select(replace(own, phase="test"))
    if not any(not node.inputs for node in test.nodes):
        test = net.select(replace(own, phase="train"))
    answers_only, answers = answering(test)
    part = answers_only.leading_to(*answers)
    read = {blob for node in part.nodes for blob in node.inputs}
    inputs: list[Node] = []
    rest: list[Node] = []
    told: dict[str, Preprocessing] = {}
    for node in part.nodes:
        if isinstance(node.kind, Feed) or (isinstance(node.kind, Opaque) and not node.inputs):
            inputs += _inputs(node, read, given, batch, told, notes)
        elif isinstance(node.kind, Input):
            inputs.append(_reshaped(node, given))
        else:
            rest.append(node)
    names = [blob for node in inputs for blob in node.outputs]
    for blob in given:
        if blob not in names:
            hint = did_you_mean(blob, names) or f"it has {', '.join(names) or 'none'}"
            raise UsageError(f"the deploy network has no input '{blob}'", hint=hint)
    nodes = (*inputs, *rest)
    return DeployNet(replace(part, nodes=nodes, state=None, force_backward=False), told)


def _reshaped(node: Node, given: Mapping[str, Shape]) -> Node:
    """An input that was one before, with the shapes that are given."""
    shapes = tuple(
        given.get(blob, shape) for blob, shape in zip(node.outputs, node.kind.shape(()), strict=False)
    )
    return replace(node, kind=Input(shapes))


def _inputs(
    node: Node,
    read: set[str],
    given: Mapping[str, Shape],
    batch: int,
    told: dict[str, Preprocessing],
    notes: Notes,
) -> list[Node]:
    """An input for each blob of a data layer that somebody reads; `told` takes what is done to samples."""
    wanted = [(index, blob) for index, blob in enumerate(node.outputs) if blob in read]
    made = []
    for index, blob in wanted:
        transform: Transform = (
            node.kind.transform if isinstance(node.kind, Feed) and index == 0 else Transform()
        )
        if blob in given:
            shape = given[blob]
            if index == 0 and isinstance(node.kind, Feed):
                told[blob] = _told(transform, _sample_behind(transform, shape[1:]), node, notes)
        else:
            sample = _sample(node, index, transform, blob, notes)
            shape = (batch, *_transformed(transform, sample, node))
            if index == 0:
                told[blob] = _told(transform, sample, node, notes)
        name = node.name if len(wanted) == 1 else blob
        made.append(Node(name, Input((shape,)), outputs=(blob,), where=node.where))
    return made


def _transformed(transform: Transform, sample: Shape, node: Node) -> Shape:
    try:
        return transform.shape(sample)
    except LenetError as error:
        raise DescriptionError(f"layer '{node.name}': {error.message}", node.where) from None


def _sample(node: Node, index: int, transform: Transform, blob: str, notes: Notes) -> Shape:
    """The shape of a sample before its transform."""
    guess = None
    if isinstance(node.kind, Feed):
        try:
            reader = node.kind.source.open(transform.channels)
            reader.close()
            return tuple(reader.shapes[index])
        except (LenetError, IndexError):
            guess = _guess(node.kind, transform) if index == 0 else None
    if guess is None:
        reason = f"layer '{node.name}': its data are not here, so the shape of '{blob}' is not known"
        raise DescriptionError(reason, node.where, _HINT.format(blob))
    shape, source = guess
    notes.inform(f"layer '{node.name}': its data are not here: {text(shape)} from {source}", node.where)
    return shape


def _guess(feed: Feed, transform: Transform) -> tuple[Shape, str] | None:
    """What is told of images whose files are not here, and by what."""
    mean = _mean_shape(transform.mean_file)
    if mean is not None:
        return mean, "the mean image"
    source = feed.source
    if isinstance(source, ImageList) and source.height and source.width:
        return (3 if source.colour else 1, source.height, source.width), "new_height and new_width"
    if not transform.crop:
        return None
    means = len(transform.mean_values)
    channels = transform.channels or (means if means > 1 else 3)
    return (channels, transform.crop, transform.crop), "the crop" + ", 3 channels assumed" * (means < 2)


def _mean_shape(path: str) -> Shape | None:
    if not path:
        return None
    try:
        return tuple(read_blob(path).shape[-3:])
    except LenetError:
        return None


def _sample_behind(transform: Transform, shape: Shape) -> Shape:
    """The shape of a sample before a transform that makes `shape` of it."""
    mean = _mean_shape(transform.mean_file)
    return mean if mean is not None and transform.crop else shape


def _told(transform: Transform, sample: Sequence[int], node: Node, notes: Notes) -> Preprocessing:
    """What the data layer did to samples; a mean image that is not here is left out, which is said."""
    still = replace(transform, mirror=False)
    if len(sample) == 3 and min(sample[1:]) < still.crop:
        still = replace(still, crop=0)  # a given shape, made for another crop
    try:
        return transform_told(still, tuple(sample))
    except LenetError as error:
        if not still.mean_file:
            raise DescriptionError(f"layer '{node.name}': {error.message}", node.where) from None
        notes.warn(
            f"layer '{node.name}': the mean image {still.mean_file} is not told: {error.message}",
            node.where,
            "subtract it before samples go in",
        )
        return transform_told(replace(still, mean_file=""), tuple(sample))
