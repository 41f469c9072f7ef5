"""A trained network of any system, for use in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, overload

import numpy as np

from lenet.api.devices import device_named
from lenet.api.systems import file_named
from lenet.api.writing import TOLERANCE, write_checked
from lenet.deploy.pixels import prepared
from lenet.errors import DataError, Notes, UsageError, WeightsError
from lenet.model import Model, Preprocessing
from lenet.net import type_name
from lenet.shapes import Array, Shape
from lenet.weights import Weights

if TYPE_CHECKING:
    import torch

    from lenet.api.detecting import ModelDetector
    from lenet.engine.classify import Classifier
    from lenet.engine.predict import Predictor
    from lenet.results import Detections

Image: TypeAlias = "str | Path | Array"
Images: TypeAlias = "list[str] | list[Path] | list[Array] | tuple[Image, ...]"


@dataclass(frozen=True)
class Answer:
    """A class that a network proposes: its number, its name, its probability from 0 to 1."""

    label: int
    name: str
    probability: float


@dataclass(frozen=True)
class LayerSummary:
    """A layer: its name, its type, the shape of its first output for one sample, its weights' shapes."""

    name: str
    type: str
    output: Shape
    parameters: dict[str, Shape]


class LoadedNet:
    """A trained network: what :func:`lenet.load` and :func:`lenet.train` give.

    `model` is its description, weights and preprocessing; `notes` are the remarks that its reader made,
    as lines of text.  Printing it shows its layers.
    """

    def __init__(self, model: Model, *, device: str = "cpu", notes: Sequence[str] = ()) -> None:
        self.model = model
        for arrays in model.weights.layers.values():
            for array in arrays.values():
                array.flags.writeable = False  # a change in place would reach some uses and not others
        self.notes = tuple(notes)
        self._device = device_named(device)

    @cached_property
    def _predictor(self) -> Predictor:
        from lenet.engine.predict import Predictor

        return Predictor(self.model, self._device)

    @cached_property
    def _classifier(self) -> Classifier:
        from lenet.engine.classify import Classifier

        return Classifier(self.model, self._device, predictor=self._predictor)

    @cached_property
    def _detector(self) -> ModelDetector:
        from lenet.api.detecting import ModelDetector

        return ModelDetector(self.model, self._device)

    @property
    def name(self) -> str:
        """What the file calls the network."""
        return self.model.net.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the outputs, empty if they are not known."""
        return self.model.classes

    @property
    def weights(self) -> Weights:
        """The weights by layer: `net.weights["conv1"]["weight"]` is an array, not to be written to.

        :meth:`with_weights` gives a network with others.
        """
        return self.model.weights

    @property
    def preprocessing(self) -> Preprocessing | None:
        """What is done to images of 0 to 255 first; None if the file does not tell."""
        return self.model.preprocessing

    @cached_property
    def input_shape(self) -> Shape:
        """The shape of one sample, such as (1, 28, 28)."""
        (source,) = self.model.net.input_nodes()
        return source.kind.shape(())[0][1:]

    @cached_property
    def layers(self) -> tuple[LayerSummary, ...]:
        """The layers in the order in which they run."""
        nodes = self.model.net.nodes
        return tuple(
            LayerSummary(
                node.name,
                type_name(node.kind),
                shapes.outputs[0][1:] if shapes.outputs else (),
                {name: parameter.shape for name, parameter in shapes.parameters.items()},
            )
            for node, shapes in zip(nodes, self.model.net.shapes(), strict=True)
        )

    def predict(self, images: Array, *, raw: bool = False) -> Array:
        """The network's answers to images (N, *input_shape), values from 0 to 255: (N, classes).

        Grey images may come as (N, H, W), one image without its N.  What the network's own files say is
        done to them first (see `preprocessing`); `raw` samples are taken as they are.  Of several answers
        it gives the last, :meth:`activations` gives all.

        Raises: DataError for arrays of another shape.
        """
        answers = self._predictor.answers
        return self.activations(images, raw=raw, blobs=answers[-1:])[answers[-1]]

    def accuracy(self, images: Array, labels: Array) -> float:
        """The share of images, as in :meth:`predict`, whose largest answer is their label (N,).

        Raises: DataError for arrays that do not fit the network or each other.
        """
        answers = self.predict(images)
        if np.shape(labels) != (len(answers),):
            raise DataError(
                f"{len(answers)} answers and labels of shape {np.shape(labels)}", hint="one label each"
            )
        return float((answers.reshape(len(answers), -1).argmax(axis=1) == np.asarray(labels)).mean())

    def activations(self, images: Array, *, raw: bool = False, blobs: Sequence[str] = ()) -> dict[str, Array]:
        """What the layers give for images as in :meth:`predict`: blob -> (N, ...); all blobs, or those named.

        Raises: DataError for arrays of another shape; UsageError for a blob that is not there.
        """
        there = [blob for node in self.model.net.nodes for blob in node.outputs]
        blobs = (blobs,) if isinstance(blobs, str) else blobs
        for name in blobs:
            if name not in there:
                raise UsageError(f"there is no blob '{name}'", hint=f"there are {', '.join(there)}")
        predictor = self._predictor
        samples = prepared(predictor.batch_of(np.asarray(images)), None if raw else self.preprocessing)
        return predictor.blobs(samples, tuple(dict.fromkeys(blobs or there)))

    def classify(self, image: Image, top: int = 5, *, whole: bool = False) -> list[Answer]:
        """The most probable classes of one image, a file or an array (H, W) or (H, W, RGB) of any size.

        It is fitted to the network as `lenet classify` does: networks of one channel get digits, which are
        cut out and made light on dark unless the image is wanted `whole`.

        Raises: FileError if it cannot be read; DescriptionError if the network takes no images.
        """
        from lenet.formats.image import read_image

        if top < 1:
            raise UsageError(f"top is {top}: how many classes are wanted?")
        pixels = read_image(str(image)) if isinstance(image, str | Path) else np.asarray(image)
        if not pixels.size or pixels.ndim not in (2, 3):
            raise DataError(f"an array of shape {pixels.shape} is no image", hint="(H, W) or (H, W, RGB)")
        (found,) = self._classifier.classify([pixels], whole=whole)
        probabilities = found.probabilities
        names = self._classifier.names(len(probabilities))
        return [Answer(label, names[label], float(probabilities[label])) for label in found.order[:top]]

    @overload
    def detect(self, image: Image, *, threshold: float | None = None) -> Detections: ...

    @overload
    def detect(self, image: Images, *, threshold: float | None = None) -> list[Detections]: ...

    def detect(
        self, image: Image | Images, *, threshold: float | None = None
    ) -> Detections | list[Detections]:
        """Objects in an image of any size, or in each of a list, of a confidence of at least `threshold`.

        A classifier is slid over it at several scales, with a threshold of 0.9 unless another is given; a
        network that answers with boxes itself, such as SSD, gives all that it finds.

        Raises: FileError if the image cannot be read; DescriptionError if the network cannot be slid.
        """
        if isinstance(image, list | tuple):
            return self._detector.detect(image, threshold)
        return self._detector.detect([image], threshold)[0]

    def save(
        self,
        path: str | Path,
        *,
        force: bool = False,
        bake: bool = False,
        tolerance: float | None = TOLERANCE,
    ) -> list[Path]:
        """Write the network in the form that the suffix names, as `lenet convert` does; the files written.

        What was written is run on random samples beside this network, and thrown away if an output differs
        by more than `tolerance` of the largest; None compares nothing.  `bake` makes layers of the
        preprocessing.

        Raises: FileError if one of the files is there already and not `force`, UsageError for a suffix
        that no form has, DescriptionError for what the form cannot say, and for outputs that differ; then
        nothing is written.
        """
        written = write_checked(
            self.model,
            Path(file_named(path)),
            Notes(),
            bake=bake,
            tolerance=tolerance,
            force=force,
            remedy="force=True replaces it",
        )
        return list(written.files)

    def torch(self) -> torch.nn.Module:
        """A module that takes prepared samples (N, *input_shape), float32, and gives the answers.

        Its state has the names of layers and parameters, as in "conv1.weight".  They are a copy, ready for
        training: the module is new at each call.
        """
        from lenet.engine.layered import LayeredModule
        from lenet.engine.predict import Predictor

        module = LayeredModule(Predictor(self.model, self._device))
        for parameter in module.parameters():
            parameter.requires_grad_(True)
        return module

    def with_classes(self, names: Sequence[str]) -> LoadedNet:
        """The same network with names for its outputs."""
        return LoadedNet(replace(self.model, classes=tuple(names)), device=self._device, notes=self.notes)

    def with_weights(self, changes: Mapping[str, Mapping[str, Array]]) -> LoadedNet:
        """The same network with other arrays in some layers: `{"ip2": {"bias": bias}}`.

        Raises: WeightsError for a layer or a parameter that is not there, or another shape.
        """
        layers = {name: dict(arrays) for name, arrays in self.weights.layers.items()}
        for layer, arrays in changes.items():
            for name, array in arrays.items():
                if name not in layers.get(layer, {}):
                    raise WeightsError(f"the network has no weights '{name}' in a layer '{layer}'")
                shape = layers[layer][name].shape
                if np.shape(array) != shape:
                    raise WeightsError(f"layer '{layer}', {name}: {np.shape(array)} is given, {shape} wanted")
                layers[layer][name] = np.array(array, np.float32)
        model = replace(self.model, weights=Weights(layers, self.weights.where))
        return LoadedNet(model, device=self._device, notes=self.notes)

    def __repr__(self) -> str:
        from lenet.report.network import known_shapes, network_table

        shapes, _ = known_shapes(self.model.net)
        title = f"{self.name or 'network'} ({self.model.dialect or 'lenet'})"
        return f"{title}\n\n{network_table(self.model.net, shapes).text()}"

    def _repr_html_(self) -> str:
        """What a notebook shows: the table of layers, and the first convolution's filters."""
        import html

        return f"<pre>{html.escape(repr(self))}</pre>{self._filters_image()}"

    def _filters_image(self) -> str:
        import base64

        from lenet.layers.convolution import Convolution
        from lenet.report.filters import filters
        from lenet.report.style import png

        for node in self.model.net.nodes:
            if isinstance(node.kind, Convolution) and self.weights[node.name]["weight"].ndim == 4:
                data = png(filters(self.weights[node.name]["weight"], node.name))
                return f'<img width="480" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
        return ""


def load(path: str | Path, weights: str | Path | None = None, *, device: str = "cpu") -> LoadedNet:
    """A trained network from files of any system: Caffe, EBLearn, Keras, ONNX, our own.

    `weights` is the second file where a system has two: `load("deploy.prototxt", "lenet.caffemodel")`,
    `load("mnist.conf", "mnist_net00005.mat")`.  A caffemodel alone holds both.

    Raises: LenetError with file, line, reason and hint.
    """
    from lenet.dialects import recognise

    notes, device, file = Notes(), device_named(device), Path(file_named(path))
    given = Path(file_named(weights)) if weights is not None else None
    model: Model = recognise(file).load("model").read_model(file, notes, given)
    notes.check()
    return LoadedNet(model, device=device, notes=[str(note) for note in notes])
