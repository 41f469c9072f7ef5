"""A trained network as a classifier of single images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from lenet.data.feed import Feed
from lenet.data.transforms import Transform
from lenet.engine.build import Network, build
from lenet.engine.test import classifier_blobs
from lenet.errors import DescriptionError, WeightsError
from lenet.layers.answer import Softmax
from lenet.layers.layer import Input
from lenet.net import Net, Node, State
from lenet.shapes import Array, Shape, text
from lenet.weights import Weights

BATCH = 64  # images that go through the network together


@dataclass(frozen=True)
class Classifier:
    """A network that answers images (N, *shape) of 0 to 255.

    `transform` is what is done to them first: what the network's data layer does, if it has one.
    """

    network: Network
    image_blob: str
    shape: Shape
    transform: Transform
    score_blob: str
    scores_are_probabilities: bool

    @torch.inference_mode()
    def probabilities(self, images: Array) -> Array:
        """The probability of each class, (N, classes).

        Raises: FileError or DataError if the transform's mean image does not fit.
        """
        device = next(iter(self.network.parameters()), torch.zeros(())).device
        mean = self.transform.mean(self.shape)
        parts = []
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(images[start : start + BATCH])
            inputs = self.transform.apply(batch, False, mean=None if mean is None else torch.from_numpy(mean))
            scores = self.network({self.image_blob: inputs.to(device)})[self.score_blob].flatten(1)
            parts.append(scores if self.scores_are_probabilities else scores.softmax(1))
        answers: Array = torch.cat(parts).cpu().numpy()
        return answers


def classifier(net: Net, weights: Weights, device: torch.device | str = "cpu") -> Classifier:
    """The part of a network that turns images into scores, with its weights.

    `net` may be for training and testing (its data layer then tells the images' shape and what is
    done to them) or for use (with an input: nothing is done to them).

    Raises: DescriptionError if it is no classifier of images, WeightsError if a layer gets no weights.
    """
    test = net.select(replace(net.state or State(), phase="test"))
    score_blob, are_probabilities = scores_of(test)
    part = test.leading_to(score_blob)
    source = image_source(part)
    shape, transform = sample_shape(source), Transform()
    if isinstance(source.kind, Feed):
        transform = replace(source.kind.transform, mirror=False)
    inputs = replace(source, kind=Input(((BATCH, *transform.shape(shape)),)), outputs=source.outputs[:1])
    part = replace(part, nodes=tuple(inputs if node is source else node for node in part.nodes))
    network = build(part, device=device)
    load_all(network, weights)
    return Classifier(network, source.outputs[0], shape, transform, score_blob, are_probabilities)


def scores_of(net: Net) -> tuple[str, bool]:
    """The blob with the scores, and whether they are probabilities already."""
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


def image_source(net: Net) -> Node:
    """The node that brings the images in."""
    sources = [node for node in net.nodes if isinstance(node.kind, Feed | Input)]
    if len(sources) != 1:
        raise DescriptionError(f"has {len(sources)} inputs, a classifier of images has one", net.where)
    return sources[0]


def sample_shape(source: Node) -> Shape:
    """The shape (C, H, W) of an image before it is transformed."""
    if isinstance(source.kind, Feed):
        reader = source.kind.source.open(source.kind.transform.channels)
        reader.close()
        shape = reader.shapes[0]
    else:
        shape = source.kind.shape(())[0][1:]
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DescriptionError(
            f"layer '{source.name}': {text(shape)} is no image of 1 or 3 channels", source.where
        )
    return shape


def load_all(network: Network, weights: Weights) -> None:
    """Copy weights in by layer name.

    Raises: WeightsError if a layer gets none, or its shapes differ.
    """
    loaded = set(network.load(weights))
    missing = [name for name, wanted in network.wanted().items() if wanted and name not in loaded]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        raise WeightsError(
            f"no weights for layer{'s' * (len(missing) != 1)} {names}",
            weights.where,
            "are these the weights of another network?",
        )
