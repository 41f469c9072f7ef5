"""What EBLearn's `detect` reads from a configuration: a network with its weights, and what to do with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lenet.detection import Detection, Scales, Suppression
from lenet.dialects.eblearn.detect_files import (
    Collecting,
    Pictures,
    Results,
    read_collecting,
    read_pictures,
    read_results,
)
from lenet.dialects.eblearn.detect_settings import read_detection, read_suppression
from lenet.dialects.eblearn.limits import DETECTION, check_limits
from lenet.dialects.eblearn.module_weights import module_weights
from lenet.dialects.eblearn.net import layout, net_from_values
from lenet.dialects.eblearn.places import needed
from lenet.dialects.eblearn.sources import needed_files
from lenet.dialects.eblearn.weights import Layout, named, read_vector
from lenet.errors import DescriptionError, Notes, WeightsError, Where
from lenet.formats.class_names import read_class_names
from lenet.formats.conf_values import Values
from lenet.layers.answer_class import ClassAnswer
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization
from lenet.layers.fit import Fit
from lenet.layers.layer import Input
from lenet.net import Net
from lenet.shapes import Array
from lenet.weights import Weights

_CHANNELS = 3  # EBLearn makes colours of all images

#: variables that EBLearn reads and that do nothing here, and why
WITHOUT_EFFECT = {
    "corners_inference": "the geometry is always computed",
    "gt_minvisibility": "annotations do not tell how much of an object can be seen",
    "input_crop": "the images of a camera are taken as they are",
    "input_height": "the images of a camera are taken as they are",
    "input_width": "the images of a camera are taken as they are",
    "save_diverse": "windows that resemble each other are saved, too",
    "save_video": "pictures are saved, no video",
    "scaler_mode": "outputs that tell the scale of an object are not used",
    "scaling_remove_pad": "the padding is not taken off the sizes of the scales",
}


@dataclass(frozen=True)
class DetectJob:
    """A network with its weights, and what to do with it."""

    net: Net
    weights: Weights
    detection: Detection
    pictures: Pictures
    results: Results
    collecting: Collecting | None = None


@dataclass(frozen=True)
class BoxesJob:
    """Boxes that were found before, from a bbox.txt, of which each object shall keep one."""

    boxes: Path
    classes: tuple[str, ...]
    suppression: Suppression
    results: Results


def read_job(values: Values, notes: Notes) -> DetectJob:
    """What a configuration asks `detect` for; `values` were read for that tool.

    Raises: LenetError, with the place, for what cannot be.
    """
    check_limits(values, DETECTION, notes)
    notes.check()
    classes = read_class_names(needed(values, "classes", notes))
    net, answer = _network(values, notes, len(classes))
    weights = _weights(values, net, notes, len(classes))
    detection = read_detection(values, classes)
    if not any(isinstance(node.kind, Fit) for node in net.nodes):
        _tell_not_resized(values, notes, detection.scales.kind != "original")
        detection = replace(detection, scales=Scales("original", limit=detection.scales.limit))
    _tell_without_effect(values, notes)
    return DetectJob(
        net,
        weights,
        replace(detection, answer=answer),
        read_pictures(values, notes),
        read_results(values),
        read_collecting(values, detection.background),
    )


def read_boxes_job(values: Values, notes: Notes) -> BoxesJob | None:
    """What a configuration wants done with the boxes of its `bbox_file`; None if it names none.

    Raises: LenetError, with the place, for what cannot be.
    """
    if not values.exists("bbox_file"):
        return None
    boxes = needed(values, "bbox_file", notes)
    classes = read_class_names(needed(values, "classes", notes))
    return BoxesJob(boxes, classes, read_suppression(values), read_results(values))


def _tell_not_resized(values: Values, notes: Notes, other: bool) -> None:
    """Tell which variables have no effect on images that are not resized; `other` sizes were asked for."""
    told = "the network has no resizepp module: images are not resized"
    if other:
        notes.inform(f"{told}, whatever scaling_type says", values.where("scaling_type"))
    for name in ("hzpad", "wzpad"):
        if values.exists(name) and values.number(name):
            notes.warn(f"'{name}' has no effect: {told}, and no zeros are added", values.where(name))


def _tell_without_effect(values: Values, notes: Notes) -> None:
    for name, reason in WITHOUT_EFFECT.items():
        if values.exists(name) and values.string(name) not in ("0", "-1"):
            notes.inform(f"'{name}' has no effect here: {reason}", values.where(name))


def _network(values: Values, notes: Notes, classes: int) -> tuple[Net, ClassAnswer]:
    """The network up to its outputs, for colour images, and what answers with them."""
    net = net_from_values(values, notes, outputs=classes)
    answer, nodes = ClassAnswer(), []
    for node in net.nodes:
        if isinstance(node.kind, ClassAnswer):
            answer = node.kind
            continue
        if isinstance(node.kind, Input):
            _, _, *sizes = node.kind.shapes[0]
            node = replace(node, kind=Input(((1, _CHANNELS, *sizes),)))
        if isinstance(node.kind, ContrastNormalization | DivisiveNormalization) and node.kind.floor is None:
            node = replace(node, kind=replace(node.kind, running_sum=True))
        nodes.append(node)
    return replace(net, nodes=tuple(nodes)), answer


def _weights(values: Values, net: Net, notes: Notes, classes: int) -> Weights:
    """All parameters: of `weights`, or else of the files of single modules (`manual_load`)."""
    places = layout(net)
    if values.exists("weights"):
        paths = needed_files(values, "weights", notes)
        where = Where(", ".join(map(str, paths)))
        try:
            return named(_permuted(read_vector(paths), values), places, where)
        except WeightsError as error:
            if error.where != where or not error.hint:
                raise
            hint = f"{error.hint} 'classes' names {classes}, were there as many?"
            raise WeightsError(error.message, where, hint) from None
    loaded = module_weights(values, places, notes)
    if loaded:
        return _together(loaded, places, values)
    raise DescriptionError(
        "'weights' is not defined: there is nothing to detect with",
        values.where("weights"),
        "EBLearn would detect with random weights; train first, then name the file",
    )


def _together(loaded: list[Weights], places: Layout, values: Values) -> Weights:
    found = Weights({name: arrays for part in loaded for name, arrays in part.layers.items()})
    missing = [place.layer for place in places if place.layer not in found.layers]
    if missing:
        names = ", ".join(f"{name}_weights" for name in dict.fromkeys(missing))
        message = f"'manual_load' needs the weights of every module, these are not defined: {names}"
        raise DescriptionError(message, values.where("manual_load"))
    return found


def _permuted(vector: Array, values: Values) -> Array:
    """The weights in the order of `weights_permutation`, of blocks as large as `weights_blocks` says.

    Raises: DescriptionError if they do not make up the weights.
    """
    import numpy as np

    if not values.exists("weights_permutation"):
        return vector
    order, sizes = values.integers("weights_permutation"), values.integers("weights_blocks", ())
    where = values.where("weights_permutation")
    if sorted(order) != list(range(len(sizes))):
        hint = f"a permutation of 0 to {len(sizes) - 1} is wanted" if sizes else "define 'weights_blocks'"
        raise DescriptionError("'weights_permutation' does not name each block once", where, hint)
    if min(sizes) < 0 or sum(sizes) != vector.size:
        message = f"the blocks of 'weights_blocks' hold {sum(sizes)} weights, the files {vector.size}"
        raise DescriptionError(message, values.where("weights_blocks"))
    blocks = np.split(vector, np.cumsum(sizes)[:-1])
    return np.concatenate([blocks[index] for index in order])
