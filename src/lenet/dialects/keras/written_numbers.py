"""Writing of layers that normalize, scale and bend with numbers of their own."""

from __future__ import annotations

import numpy as np

from lenet.dialects.keras.building import Blob
from lenet.dialects.keras.writing import Place, refusal
from lenet.layers.affine import Scale
from lenet.net import Node
from lenet.shapes import Array


def _normalization(place: Place, blob: Blob, config: dict[str, object], arrays: dict[str, Array]) -> Blob:
    whole = {"axis": -1, "momentum": 0.99, "epsilon": 1e-3, "center": True, "scale": True} | config
    order = ("gamma", "beta", "moving_mean", "moving_variance")
    kept = {name: arrays[name] for name in order if name in arrays}
    return place.layer("BatchNormalization", whole, blob, place.per_feature(kept, blob))


def write_batch_norm(place: Place) -> Blob:
    """BatchNormalization, which takes in a Scale of channels that alone reads what it gives."""
    kind, blob, writing = place.kind, _features_last(place), place.writing
    if kind.stored is False:
        raise refusal(place.node, "Keras normalizes by the batch's own numbers while training only")
    own, follower = place.arrays(), _scale_behind(place)
    arrays: dict[str, Array] = {}
    if own:
        factor = 1 / own["count"] if own["count"].any() else np.zeros(1, np.float32)
        arrays = {"moving_mean": own["mean"] * factor, "moving_variance": own["variance"] * factor}
    bias = False
    if follower is not None:
        learned = writing.arrays_of(follower, [place.shape])
        bias = bool(getattr(follower.kind, "bias", False))
        arrays |= _renamed(learned)
    settings = {"momentum": kind.fraction, "epsilon": kind.eps, "scale": follower is not None, "center": bias}
    found = _normalization(place, blob, settings, arrays)
    if follower is not None:
        writing.skipped.add(follower.name)
        writing.blobs[follower.outputs[0]] = found
    return found


def _renamed(arrays: dict[str, Array]) -> dict[str, Array]:
    return {{"weight": "gamma", "bias": "beta"}[name]: array for name, array in arrays.items()}


def _features_last(place: Place) -> Blob:
    blob = place.one
    if blob.rank < 2:
        raise refusal(place.node, "Keras wants a batch axis and another one")
    return place.writing.images(blob)


def _scale_behind(place: Place) -> Node | None:
    """The Scale of channels that is the only reader of this node's result, if there is one."""
    nodes = place.writing.model.net.nodes
    where = nodes.index(place.node)
    readers = [node for node in nodes[where + 1 :] if place.node.outputs[0] in node.inputs]
    if not readers or readers[0].inputs != place.node.outputs:
        return None
    in_place = readers[0].outputs == place.node.outputs
    kind = readers[0].kind
    alone = len(readers) == 1 or in_place
    fits = isinstance(kind, Scale) and kind.axis in (1, 1 - len(place.shape)) and kind.axes == 1
    return readers[0] if alone and fits and readers[0] is nodes[where + 1] else None


def write_scale(place: Place) -> Blob:
    """A factor or an added number per channel, as a normalization by mean 0 and variance 1."""
    kind, blob = place.kind, _features_last(place)
    if len(place.inputs) != 1 or kind.axes not in (0, 1) or (kind.axes and kind.axis % blob.rank != 1):
        raise refusal(place.node, "Keras can say one number per channel only")
    channels, arrays = blob.shape[1], place.arrays()
    found = {name: np.broadcast_to(a, (channels,)) for name, a in _renamed(arrays).items()}
    has_scale = isinstance(kind, Scale)
    has_bias = kind.bias if has_scale else True
    if place.writing.with_weights:
        found["moving_mean"] = np.zeros(channels, np.float32)
        found["moving_variance"] = np.ones(channels, np.float32)
    place.writing.notes.inform(
        f"layer '{place.node.name}' is written as a BatchNormalization by mean 0 and variance 1",
        place.node.where,
    )
    return _normalization(place, blob, {"epsilon": 0.0, "scale": has_scale, "center": has_bias}, found)


def write_layer_norm(place: Place) -> Blob:
    """LayerNormalization along one axis or several."""
    blob, axes = place.one, place.kind.axes
    places = sorted(axis % blob.rank for axis in axes)
    blob = place.writing.images(blob) if places == [1] else place.writing.plain(blob)
    keras_axes = [axis if not blob.moved else (blob.rank - 1 if axis == 1 else axis - 1) for axis in places]
    arrays = {{"weight": "gamma", "bias": "beta"}[name]: a for name, a in place.arrays().items()}
    config = {
        "axis": keras_axes,
        "epsilon": place.kind.eps,
        "center": place.kind.bias,
        "scale": place.kind.scale,
    }
    return place.layer("LayerNormalization", config, blob, place.per_feature(arrays, blob))


def write_prelu(place: Place) -> Blob:
    """PReLU with one slope per channel or for all."""
    blob, arrays = place.one, place.arrays()
    blob = place.writing.images(blob)
    spatial = list(range(1, blob.rank - 1))
    found = {}
    if arrays:
        channels = blob.shape[1]
        slopes = np.broadcast_to(arrays["weight"].reshape(-1), (channels,))
        slopes = place.per_feature({"alpha": slopes}, blob)["alpha"]
        found = {"alpha": slopes.reshape(*[1] * len(spatial), channels)}
    return place.layer("PReLU", {"shared_axes": spatial or None}, blob, found)


def write_place_prelu(place: Place) -> Blob:
    """PReLU with a slope for each place."""
    blob, arrays = place.one, place.arrays()
    found = {}
    if arrays:
        slopes = np.moveaxis(arrays["weight"], 0, -1) if blob.moved else arrays["weight"]
        found = place.per_feature({"alpha": slopes}, blob)
    return place.layer("PReLU", {"shared_axes": None}, blob, found)
