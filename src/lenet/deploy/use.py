"""A network as it is used: one input, the layers up to its answers, nothing that only training needs.

Classifying, sliding and converting begin with this; the rules of what a data layer or a loss turns into
stand here once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace

from lenet.data.feed import Feed
from lenet.data.transforms import Transform
from lenet.errors import DescriptionError, WeightsError
from lenet.layers.activation import Sigmoid
from lenet.layers.answer import Accuracy, Softmax
from lenet.layers.answer_class import ClassAnswer, ClassTargets
from lenet.layers.arrange import Silence
from lenet.layers.class_loss import SigmoidLoss
from lenet.layers.fillers import Filler
from lenet.layers.hdf5_output import Hdf5Output
from lenet.layers.layer import Input, Layer
from lenet.layers.loss import SoftmaxLoss
from lenet.layers.penalty import L1Penalty
from lenet.model import Channels, Preprocessing
from lenet.net import Kind, Net, Node, NodeShapes, ParameterUse
from lenet.shapes import Array, Shape, text
from lenet.weights import Weights

_ONLY_TRAINING = (Accuracy, ClassAnswer, ClassTargets, Silence, Hdf5Output, L1Penalty)


@dataclass(frozen=True)
class Used:
    """The part of a network that answers samples.

    `net` has one Input; `blob` is where samples go in, each of `shape`; `sample` is the shape of one before
    `transform`, which is what the data layer did, nothing if there is none (`told` is False then).
    """

    net: Net
    source: Node
    blob: str
    shape: Shape
    sample: Shape
    transform: Transform
    told: bool


def used(net: Net, answers: Sequence[str], *, batch: int = 1, sample: Shape | None = None) -> Used:
    """The nodes of a selected `net` that lead from its samples to the blobs `answers`.

    `sample` stands instead of the data layer's own shape, whose data are not opened then.

    Raises: DescriptionError if it has not exactly one source of samples; FileError if the data that tell
    their shape cannot be read.
    """
    part = net.leading_to(*answers)
    source = image_source(part)
    _check_one_blob(part, source)
    shape, transform = sample or sample_shape(source), Transform()
    if isinstance(source.kind, Feed):
        transform = replace(source.kind.transform, mirror=False)
    given = transform.shape(shape)
    inputs = replace(source, kind=Input(((batch, *given),)), outputs=source.outputs[:1])
    nodes = tuple(inputs if node is source else node for node in part.nodes)
    told = isinstance(source.kind, Feed)
    return Used(replace(part, nodes=nodes), source, source.outputs[0], given, shape, transform, told)


def _check_one_blob(net: Net, source: Node) -> None:
    """Refuse a source whose other blobs are needed, too: a model has one input."""
    read = {blob for node in net.nodes for blob in node.inputs}
    others = [f"'{blob}'" for blob in source.outputs[1:] if blob in read]
    if others:
        message = (
            f"layer '{source.name}' brings {', '.join(others)} beside its first blob, and they are needed"
        )
        raise DescriptionError(message, source.where, "a network for use has one input")


def image_source(net: Net) -> Node:
    """The node that brings the samples in.

    Raises: DescriptionError if there is not exactly one.
    """
    sources = [node for node in net.nodes if isinstance(node.kind, Feed | Input)]
    if len(sources) != 1:
        names = ", ".join(f"'{node.name}'" for node in sources)
        found = f"{len(sources)} inputs" + f" ({names})" * bool(sources)
        raise DescriptionError(f"has {found}, one that takes the samples is wanted", net.where)
    return sources[0]


def sample_shape(source: Node) -> Shape:
    """The shape of a sample before it is transformed.

    Raises: FileError if the data that tell it cannot be read.
    """
    if isinstance(source.kind, Feed):
        reader = source.kind.source.open(source.kind.transform.channels)
        reader.close()
        return reader.shapes[0]
    return source.kind.shape(())[0][1:]


def image_shape(part: Used) -> Shape:
    """The shape (C, H, W) of an image before it is transformed.

    Raises: DescriptionError if samples are no images of 1 or 3 channels.
    """
    if len(part.sample) != 3 or part.sample[0] not in (1, 3):
        message = f"layer '{part.source.name}': {text(part.sample)} is no image of 1 or 3 channels"
        raise DescriptionError(message, part.source.where)
    return part.sample


def scores_of(net: Net) -> tuple[str, bool]:
    """The blob with a classifier's scores, and whether they are probabilities already.

    Raises: DescriptionError if no layer tells.
    """
    for node in reversed(net.nodes):
        if isinstance(node.kind, Softmax):
            return node.outputs[0], True
    found = classifier_blobs(net)
    if found:
        return found[0], False
    if len(net.outputs()) == 1:
        return net.outputs()[0], False
    raise DescriptionError(
        "has no layer that tells its classes: no Softmax, SoftmaxWithLoss or Accuracy, and several outputs",
        net.where,
    )


def classifier_blobs(net: Net) -> tuple[str, str] | None:
    """The blobs that hold a classifier's scores (N, classes) and labels (N,), if it is one."""
    for node in reversed(net.nodes):
        if isinstance(node.kind, Accuracy | SoftmaxLoss) and len(node.inputs) == 2:
            return node.inputs[0], node.inputs[1]
    return None


def answering(net: Net) -> tuple[Net, tuple[str, ...]]:
    """A selected network without losses and the like, and the blobs with its answers, in its own order.

    A loss that has probabilities inside leaves them behind: SoftmaxLoss a Softmax, SigmoidLoss a Sigmoid.

    Raises: DescriptionError if nothing is left that answers.
    """
    nodes: list[Node] = []
    silent = {blob for node in net.nodes if isinstance(node.kind, Silence) for blob in node.inputs}
    for node in net.nodes:
        if isinstance(node.kind, SoftmaxLoss | SigmoidLoss):
            nodes += _probabilities(node, (*net.nodes, *nodes))
        elif not (isinstance(node.kind, _ONLY_TRAINING) or getattr(node.kind, "is_loss", False)):
            nodes.append(plain(node))
    read = {blob for node in nodes for blob in node.inputs}
    made = [blob for node in nodes if node.inputs for blob in node.outputs]
    last = [blob for blob in dict.fromkeys(made) if blob not in read | silent or _is_last(blob, nodes)]
    if not last:
        raise DescriptionError("has no layer that answers: nothing but data and losses", net.where)
    return replace(net, nodes=tuple(nodes)), tuple(last)


def _is_last(blob: str, nodes: Sequence[Node]) -> bool:
    """Whether the last one that touches a blob writes it, as a layer does that works in place."""
    touching = [node for node in nodes if blob in (*node.inputs, *node.outputs)]
    return blob in touching[-1].outputs


def _probabilities(loss: Node, known: Sequence[Node]) -> list[Node]:
    """What a loss computes before it compares, unless one of the known layers gives that already."""
    kind: Layer = Softmax(loss.kind.axis) if isinstance(loss.kind, SoftmaxLoss) else Sigmoid()
    if any(node.kind == kind and node.inputs == loss.inputs[:1] for node in known):
        return []
    taken = {word for node in known for word in (node.name, *node.outputs)}
    name = "prob" if "prob" not in taken else f"{loss.name}/prob"
    return [Node(name, kind, loss.inputs[:1], (name,), where=loss.where)]


def plain(node: Node) -> Node:
    """A node without what only training asks for: rates, loss weights, fillers."""
    shares = tuple(ParameterUse(share=use.share, permissive=use.permissive) for use in node.uses)
    return replace(
        node,
        kind=without_fillers(node.kind),
        loss_weights=(),
        propagate=(),
        uses=shares if any(use.share for use in shares) else (),
    )


def without_fillers(kind: Kind) -> Kind:
    """A layer with the fillers that its class has by itself: what parameters start from is of no matter."""
    if not is_dataclass(kind) or not isinstance(kind, Layer):
        return kind
    defaults = {
        entry.name: entry.default
        for entry in fields(kind)
        if isinstance(getattr(kind, entry.name), Filler) and entry.default is not MISSING
    }
    return replace(kind, **defaults) if defaults else kind


def preprocessing_of(part: Used) -> Preprocessing | None:
    """What a network's data layer did to images, None if it has none.

    Raises: FileError or DataError if the mean image cannot be read or does not fit.
    """
    return transform_told(part.transform, part.sample) if part.told else None


def transform_told(transform: Transform, sample: Shape) -> Preprocessing:
    """What a transform does to samples (C, H, W) when testing.

    Raises: FileError or DataError if the mean image cannot be read or does not fit.
    """
    shape = transform.shape(sample)
    mean_image = transform.mean(sample) if transform.mean_file else None
    if mean_image is not None and transform.crop:
        top, left = ((size - transform.crop) // 2 for size in sample[1:])
        mean_image = mean_image[:, top : top + transform.crop, left : left + transform.crop]
    size = (shape[1], shape[2]) if len(shape) == 3 else None
    whole = (sample[1], sample[2]) if transform.crop else None
    means = transform.mean_values
    return Preprocessing(channels_of(shape), transform.scale, means, mean_image, size=size, whole=whole)


def channels_of(shape: Shape, three: Channels = "bgr") -> Channels:
    """The order of channels of samples (C, H, W); images of three are read in the order `three`."""
    return three if len(shape) == 3 and shape[0] == 3 else "grey"


def wanted_shapes(net: Net, shapes: Sequence[NodeShapes]) -> dict[str, dict[str, Shape]]:
    """The parameter shapes of every node, as weights have to fit them."""
    return {
        node.name: {name: parameter.shape for name, parameter in known.parameters.items()}
        for node, known in zip(net.nodes, shapes, strict=True)
    }


def complete(net: Net, weights: Weights, hint: str = "") -> Weights:
    """The weights of all nodes in the shapes that the network wants, shared ones with each user.

    Raises: WeightsError if a layer gets none, or its shapes differ.
    """
    wanted = wanted_shapes(net, net.shapes())
    found = weights.fitted(wanted)
    owners = _owners(net, wanted)
    missing = []
    for name, parameters in wanted.items():
        if parameters and name not in found:
            shared = {key: _from_owner(owners.get((name, key)), found) for key in parameters}
            if any(array is None for array in shared.values()):
                missing.append(f"'{name}'")
            else:
                found[name] = {key: array for key, array in shared.items() if array is not None}
    if missing:
        names = f"no weights for layer{'s' * (len(missing) != 1)} {', '.join(missing)}"
        raise WeightsError(names, weights.where, hint or "are these the weights of another network?")
    return Weights({name: found[name] for name in wanted if name in found}, weights.where)


def _owners(net: Net, wanted: Mapping[str, Mapping[str, Shape]]) -> dict[tuple[str, str], tuple[str, str]]:
    """For each shared parameter, (layer, name), the first one of its share."""
    first: dict[str, tuple[str, str]] = {}
    owners = {}
    for node in net.nodes:
        for index, name in enumerate(wanted[node.name]):
            share = node.use(index).share
            if share:
                owners[node.name, name] = first.setdefault(share, (node.name, name))
    return owners


def _from_owner(owner: tuple[str, str] | None, found: Mapping[str, Mapping[str, Array]]) -> Array | None:
    return found.get(owner[0], {}).get(owner[1]) if owner else None
