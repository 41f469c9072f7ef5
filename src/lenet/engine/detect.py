"""A fully convolutional network slid over images at several scales."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from lenet.detection import Detection, Size
from lenet.engine.boxes import Answer, candidates, inside, smoothed, suppress
from lenet.engine.build import Network, build
from lenet.engine.classify import load_all
from lenet.engine.one_scale import OneScale, looked_at
from lenet.engine.receptive_field import Field, receptive_field
from lenet.engine.together import alike
from lenet.errors import DataError, DescriptionError
from lenet.layers import Colour, Fit
from lenet.layers.answer_class import ClassAnswer
from lenet.layers.fit import Place
from lenet.layers.layer import Operation
from lenet.net import Net, Node, State
from lenet.results import Box, Detections
from lenet.shapes import Array, Shape, text
from lenet.weights import Weights

_PROBES = (32, 64, 128, 256, 512, 1024, 2048)  # input sizes that are tried to learn the least one
_REMEMBERED = 64  # networks for one scale of one image size


@dataclass(frozen=True)
class ScaleMaps:
    """One scale of images of one size, as the network saw it and answered.

    `image`, height and width of the images; `inputs` (N, C, H, W), the images resized and prepared;
    `outputs` (N, classes, H', W'); `place`, where in the inputs the image lies; `field`, what an output
    position sees of the image.
    """

    size: Size
    image: Size
    inputs: Array
    outputs: Array
    place: Place
    field: Field

    @property
    def ratio(self) -> tuple[float, float]:
        """Pixels of the image in one of the inputs, vertically and horizontally."""
        return self.image[0] / self.place.height, self.image[1] / self.place.width

    @property
    def window(self) -> Size:
        """The pixels of the inputs that one output position sees."""
        down, across = self.ratio
        return round(self.field.rows.size / down), round(self.field.columns.size / across)

    def corner(self, row: int, column: int) -> Size:
        """The first pixel of the inputs that an output position sees; beyond their border it is negative."""
        down, across = self.ratio
        top = (self.field.rows.start + row * self.field.rows.step) / down + self.place.top
        left = (self.field.columns.start + column * self.field.columns.step) / across + self.place.left
        return round(top), round(left)


class Detector:
    """Finds objects in images.

    `net` has one input, of images (N, C, H, W), and is fully convolutional (see
    :func:`lenet.engine.slide.fully_convolutional`).  A Fit layer right behind the input resizes and
    prepares the images; without one they are only resized, and not at all if the scales are "original".

    Raises: LenetError where the network cannot be slid or the weights do not fit.
    """

    def __init__(
        self, net: Net, weights: Weights, detection: Detection, device: torch.device | str = "cpu"
    ) -> None:
        net = net.select(replace(net.state or State(), phase="test"))
        self.blob = _only_output(net)
        net = net.leading_to(self.blob)
        source = _only_input(net)
        self.channels = source.kind.shape(())[0][1]
        self.fit = _fit_behind(net, source)
        self._first = _before_resizing(self.fit, self.channels)
        self.net = _without_fit(net, source, self.fit)
        self.input = _only_input(self.net)
        self.detection = detection
        self.device = torch.device(device)
        self._scales: OrderedDict[tuple[Shape, Size], OneScale] = OrderedDict()
        self._network, self.field = self._probed()
        load_all(self._network, weights)
        self.network_size = detection.input_size or self.field.size
        detection.check(self.outputs)

    @property
    def outputs(self) -> int:
        """The number of output maps: the classes."""
        return self._network.blob_shapes()[self.blob][1]

    def run(self, images: Sequence[Array], names: Sequence[str] = ()) -> list[Detections]:
        """What is found in images (C, H, W) of values 0 to 255; those of one size go through together.

        Raises: DataError for an image without pixels, with other channels, or too narrow to prepare.
        """
        found: dict[int, Detections] = {}
        for places in alike(images):
            own = [names[place] if names else str(place) for place in places]
            found.update(zip(places, self.look([images[place] for place in places], own)[0], strict=True))
        return [found[place] for place in range(len(images))]

    def look(self, images: Sequence[Array], names: Sequence[str]) -> tuple[list[Detections], list[ScaleMaps]]:
        """What is found in images (C, H, W) of one size, values 0 to 255, and the answers at each scale.

        Raises: DataError for an image without pixels, with other channels, or too narrow to prepare.
        """
        maps = list(self.maps(images))
        height, width = images[0].shape[1:]
        found = [self.detections(name, maps, index, (height, width)) for index, name in enumerate(names)]
        return found, maps

    def detections(self, name: str, maps: Sequence[ScaleMaps], index: int, image: Size) -> Detections:
        """What was found in image number `index` of those that `maps` are of, of these pixels."""
        boxes = tuple(self.boxes(maps, index, image))
        return Detections(name, *image, boxes, self.detection.classes)

    def boxes(self, maps: Sequence[ScaleMaps], index: int, image: Size) -> list[Box]:
        """The boxes in image number `index` of those that `maps` are of, after suppression."""
        found = []
        for number, scale in enumerate(maps):
            outputs = smoothed(scale.outputs[index], self.detection.smoothing, self.detection.background)
            answer = answers(outputs, self.detection)
            found += candidates(outputs, answer, self.detection, scale.field, number)
        if self.detection.within:
            found = [box for box in found if inside(box, *image)]
        return suppress(found, self.detection.suppression)

    @torch.inference_mode()
    def maps(self, images: Sequence[Array]) -> Iterator[ScaleMaps]:
        """The network's answers to images (C, H, W) of one size, scale by scale.

        Raises: DataError for an image without pixels, with other channels, or too narrow to prepare.
        """
        batch = self._batch(images)
        image = (batch.shape[2], batch.shape[3])
        sizes = self.detection.scales.of(image, self.network_size)
        scales = [self._scale(tuple(batch.shape[1:]), size) for size in sizes]
        answers = looked_at(scales, batch, self.input.outputs[0], self.blob)
        for scale, (inputs, outputs) in zip(scales, answers, strict=True):
            yield ScaleMaps(scale.size, image, inputs, outputs, scale.place, scale.field)

    def _batch(self, images: Sequence[Array]) -> Tensor:
        """The images as one tensor, transformed."""
        for image in images:
            check_image(image, self.channels)
        stacked = torch.stack([torch.from_numpy(image) for image in images]).to(self.device)
        mean = self.detection.transform.mean((self.channels, *stacked.shape[2:]))
        tensor = None if mean is None else torch.from_numpy(mean).to(self.device)
        transformed = self.detection.transform.apply(stacked, False, mean=tensor)
        return transformed if self._first is None else cast("Tensor", self._first([transformed]))

    def _scale(self, image: Shape, size: Size) -> OneScale:
        """What is needed for images of a shape (C, H, W) at one scale, made once."""
        key = (image, size)
        if key not in self._scales:
            try:
                self._scales[key] = self._made((1, *image), size)
            except DescriptionError as error:
                message = f"an image of {text(image[1:])} pixels at scale {text(size)}: {error.message}"
                raise DataError(message, error.where, error.hint) from None
            if len(self._scales) > _REMEMBERED:
                self._scales.popitem(last=False)
        self._scales.move_to_end(key)
        return self._scales[key]

    def _made(self, image: Shape, size: Size) -> OneScale:
        fit = self._fit(size)
        if fit is None:
            network = self._built(image)
            return OneScale(size, None, network, Place(0, 0, image[2], image[3]), self.field)
        network, place = self._built(fit.shape([image])[0]), fit.place([image])
        field = self.field.within(place, (image[2], image[3]))
        return OneScale(size, fit.operation([image], training=False), network, place, field)

    def _built(self, shape: Shape) -> Network:
        return build(self.net, device=self.device, shapes={self.input.outputs[0]: shape}, share=self._network)

    def _fit(self, size: Size) -> Fit | None:
        """What makes an image of this size, with zeros around it so that there is one answer at least."""
        scales = self.detection.scales
        margin = scales.margin(self.network_size)
        small = any(least > side for least, side in zip(self.field.least, size, strict=True))
        if self.fit is None and scales.kind == "original" and not any(margin) and not small:
            return None
        fit = self.fit or Fit(None)
        top, left, bottom, right = (*margin, *margin) if any(margin) else fit.sides
        rows, columns = (max(0, least - side) for least, side in zip(self.network_size, size, strict=True))
        above, before = rows // 2, columns // 2
        sides = top + above, left + before, bottom + rows - above, right + columns - before
        return replace(fit, size=size, sides=sides)

    def _probed(self) -> tuple[Network, Field]:
        """The network at some input size, and what its output positions see."""
        source, error = self.input.outputs[0], None
        channels = self._prepared_channels()
        declared = self.input.kind.shape(())[0][2:]
        for height, width in (declared, *((side, side) for side in _PROBES)):
            given = {source: (1, channels, height, width)}
            try:
                field = receptive_field(self.net, self.net.shapes(given), self.blob)
                network = build(self.net, device=self.device, shapes=given)
            except DescriptionError as failed:
                error = error or failed
                continue
            return network, field
        raise error or DescriptionError("has an input without pixels", self.net.where)

    def _prepared_channels(self) -> int:
        """The channels of an image behind the Fit layer, if there is one."""
        if self.fit is None:
            return self.channels
        return replace(self.fit, size=(256, 256)).shape([(1, self.channels, 256, 256)])[0][1]


def answers(outputs: Array, detection: Detection) -> Answer:
    """The class and the confidence at each position of output maps (C, H, W)."""
    tensor = torch.from_numpy(outputs)[None]
    if isinstance(detection.answer, ClassAnswer):
        labels, confidences = detection.answer.answer(tensor)
    else:
        confidences, labels = (tensor.softmax(1) if detection.answer == "probability" else tensor).max(1)
    return Answer(labels[0].numpy(), confidences[0].numpy())


def _only_output(net: Net) -> str:
    outputs = net.outputs()
    if len(outputs) != 1:
        names = ", ".join(outputs) or "none"
        raise DescriptionError(f"has {len(outputs)} outputs ({names}), a detector has one", net.where)
    return outputs[0]


def _only_input(net: Net) -> Node:
    inputs = net.input_nodes()
    shapes = [shape for node in inputs for shape in node.kind.shape(())]
    if len(shapes) != 1 or len(shapes[0]) != 4:
        found = ", ".join(text(shape) for shape in shapes) or "none"
        message = f"has the inputs {found}; a detector has one, batch x channels x height x width"
        raise DescriptionError(message, net.where)
    return inputs[0]


def _fit_behind(net: Net, source: Node) -> Fit | None:
    """The Fit layer that all images go through first, if there is one."""
    readers = [node for node in net.nodes if source.outputs[0] in node.inputs]
    return readers[0].kind if len(readers) == 1 and isinstance(readers[0].kind, Fit) else None


def _before_resizing(fit: Fit | None, channels: int) -> Operation | None:
    """What makes grey images of colours where the Fit layer would do so behind each resizing."""
    kind = fit.preparation if fit else None
    if not isinstance(kind, Colour) or kind.space != "y" or channels != 3:
        return None
    return Colour("y", ((1, "none"),)).operation([(1, channels, 1, 1)], training=False)


def _without_fit(net: Net, source: Node, fit: Fit | None) -> Net:
    """The network behind the Fit layer; the input takes the place of its output."""
    if fit is None:
        return net
    (fitting,) = (node for node in net.nodes if source.outputs[0] in node.inputs)
    nodes = [replace(source, outputs=fitting.outputs) if node is source else node for node in net.nodes]
    return replace(net, nodes=tuple(node for node in nodes if node is not fitting))


def check_image(image: Array, channels: int) -> None:
    """Refuse what is no image of so many channels, (C, H, W).

    Raises: DataError.
    """
    if image.ndim != 3 or image.shape[0] != channels or not image.size or image.dtype.kind not in "biuf":
        wanted = f"{channels} x height x width numbers"
        raise DataError(f"an image of {wanted} is wanted, this is {text(image.shape)} of {image.dtype}")
