"""Caffe's networks for use: read from a train/test net or a deploy net with its weights, written as deploy.

What is done to images stands in the `transform_param` of the data layer.  A deploy net has no data layer:
there it is written into the Input layer, where Caffe itself takes no notice of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lenet.data.feed import Feed
from lenet.data.transforms import Transform
from lenet.deploy.channels import with_channels
from lenet.deploy.use import Used, answering, complete, preprocessing_of, used
from lenet.dialects.caffe.blobs import blob_from_array
from lenet.dialects.caffe.contents import HDF5_START, content_of, read_message
from lenet.dialects.caffe.feed_spelling import TRANSFORM_ROWS
from lenet.dialects.caffe.layers import spelling_for
from lenet.dialects.caffe.net import message_from_net, net_from_message
from lenet.dialects.caffe.preprocessing import TRANSFORM, deploy_preprocessing
from lenet.dialects.caffe.schema import new_message, schema
from lenet.dialects.caffe.upgrade import upgrade_net, version
from lenet.dialects.caffe.weights import read_weights, trained_message, write_weights
from lenet.errors import DescriptionError, FileError, Notes, UsageError, WeightsError, Where
from lenet.formats.files import files_together, read_bytes
from lenet.formats.message import Message
from lenet.formats.prototxt import write_text
from lenet.layers.layer import Input
from lenet.model import Model, Preprocessing
from lenet.net import Kind, Net, State
from lenet.shapes import Shape
from lenet.weights import Weights

HDF5_WEIGHTS = ".caffemodel.h5"
_WANTED = "give the weights beside it: lenet convert NET.prototxt WEIGHTS.caffemodel OUT"


def read_model(
    path: Path,
    notes: Notes,
    weights: Path | None = None,
    sample: Shape | None = None,
    *,
    runnable: Callable[[Net], Net] = lambda net: net,
) -> Model:
    """A network of Caffe's for use, with its weights; a caffemodel is both in one file.

    `sample` is the shape of an image before it is transformed, where the data that tell it are not here;
    `runnable` gives Python layers their code, where that is allowed.

    Raises: FileError, DescriptionError, WeightsError; WeightsError also if there are no weights.
    """
    if content_of(path) == "solver":
        raise DescriptionError("is a solver, a network is wanted", Where(str(path)), "its 'net' names one")
    if read_bytes(path)[: len(HDF5_START)] == HDF5_START:
        raise FileError("holds weights without their network", Where(str(path)), "give the prototxt, too")
    raw = read_message(path, "NetParameter", notes)
    message = upgrade_net(raw, notes)
    net = net_from_message(message, notes)
    notes.check()
    net = runnable(net)
    if not net.nodes:
        raise DescriptionError("holds no layers, so it is not a network", Where(str(path)))
    part = _used(net, sample)
    needs = any(shapes.parameters for shapes in part.net.shapes())
    if needs and weights is None and content_of(path) != "weights":
        raise WeightsError("is a network without weights", Where(str(path)), _WANTED)
    found = read_weights(weights or path, Notes()) if needs else Weights()
    kept = replace(part.net, state=None, force_backward=False)
    told = preprocessing_of(part) or deploy_preprocessing(message, net, notes)
    return Model(kept, complete(kept, found), told, dialect="caffe", version=version(raw))


def _used(net: Net, sample: Shape | None) -> Used:
    """The part that answers; of a caffemodel that was saved while training the training network's."""
    state = net.state or State()
    test = net.select(replace(state, phase="test"))
    if not any(isinstance(node.kind, Feed | Input) for node in test.nodes):
        test = net.select(replace(state, phase="train"))
    answers_only, answers = answering(test)
    return used(answers_only, answers, sample=sample)


def write_model(model: Model, path: Path, notes: Notes) -> list[Path]:
    """Write a deploy prototxt, or a caffemodel, and the other of the two beside it; the files written.

    A mean image becomes a .binaryproto beside them.  A .caffemodel.h5 holds the weights alone.

    Raises: DescriptionError for what Caffe cannot say, with the layer's place; FileError.
    """
    from lenet.deploy.equivalents import expressed  # a large table that reading does without
    from lenet.formats.protobuf import write_binary

    hdf5 = path.name.lower().endswith(HDF5_WEIGHTS)
    if path.suffix in (".h5", ".solverstate") and not hdf5:
        reason = f"a network for use is written as .prototxt and .caffemodel or {HDF5_WEIGHTS}"
        raise UsageError(reason, Where(str(path)), "end it in one of these")
    said = with_channels(expressed(model, can_say), "bgr", notes)
    net = replace(_input_first(said.net), state=State("test"))
    messages = [message_from_net(replace(net, state=None), notes), trained_message(net, said.weights)]
    stem = path.with_suffix("") if hdf5 else path
    net_path, weights_path = stem.with_suffix(".prototxt"), stem.with_suffix(".caffemodel")
    if hdf5:
        weights_path = path
    written = [net_path, weights_path]
    mean = said.preprocessing.mean_image if said.preprocessing else None
    transform = transform_message(said.preprocessing, stem.with_suffix(".binaryproto").name)
    for layer in (layer for message in messages for layer in message.all("layer")):
        if layer.get("type") == "Input" and transform is not None:
            layer.add(TRANSFORM, transform)
    with files_together(path.parent) as folder:
        (folder / net_path.name).write_text(write_text(messages[0]), encoding="utf-8")
        if hdf5:
            write_weights(folder / weights_path.name, net, said.weights)
        else:
            (folder / weights_path.name).write_bytes(write_binary(messages[1], schema(), notes))
        if mean is not None:
            written.append(stem.with_suffix(".binaryproto"))
            data = write_binary(blob_from_array(mean[None]), schema())
            (folder / written[-1].name).write_bytes(data)
    return written


def can_say(kind: Kind) -> bool:
    """Whether Caffe has words for a layer and for all its settings."""
    spelling = spelling_for(kind)
    if spelling is None:
        return False
    try:
        spelling.write(kind, new_message("LayerParameter"), Notes())
    except DescriptionError:
        return False
    return True


def _input_first(net: Net) -> Net:
    """The network with its one Input first, as Caffe runs layers in their order."""
    first = [node for node in net.nodes if isinstance(node.kind, Input)]
    return replace(net, nodes=(*first, *(node for node in net.nodes if node not in first)))


def transform_message(preprocessing: Preprocessing | None, mean_file: str) -> Message | None:
    """What is done to images as a message.

    Raises: DescriptionError for a number added to a mean image.
    """
    if preprocessing is None:
        return None
    shift = preprocessing.bias / (preprocessing.scale or 1)
    if preprocessing.mean_image is not None and shift:
        reason = "Caffe cannot both subtract a mean image and add a number"
        raise DescriptionError(reason, hint="--bake makes layers of it")
    means = tuple(mean - shift for mean in preprocessing.mean or (0.0,))
    file = mean_file if preprocessing.mean_image is not None else ""
    transform = Transform(preprocessing.scale, means if any(means) and not file else (), file)
    message = new_message("TransformationParameter")
    for row in TRANSFORM_ROWS:
        row.write(getattr(transform, row.attribute), message)
    if not message.entries:
        message.add("scale", 1.0)
    return message
