"""Reading of layers that change numbers: dense, normalizing, bending, scaling, dropping."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from lenet.dialects.keras.activations import activated
from lenet.dialects.keras.building import Blob, Reading, rows_in_our_order
from lenet.dialects.keras.fields import is_number
from lenet.layers.activation import ReLU
from lenet.layers.activation_gated import PlacePReLU
from lenet.layers.activation_smooth import ELU, PReLU
from lenet.layers.affine import Scale
from lenet.layers.arithmetic import Clip, Power
from lenet.layers.batch_norm import BatchNorm
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout
from lenet.layers.layer_norm import LayerNorm
from lenet.layers.noise import GaussianNoise, SpatialDropout
from lenet.shapes import Array, text

SMALLEST_DEVIATION = 1e-7  # below it Keras' Normalization divides by this instead
NO_LIMIT = 3.4028234663852886e38  # the largest float32


def read_dense(layer: Reading) -> Blob:
    """Dense, which sums over Keras' last axis; its rows follow the order that our Flatten left."""
    blob, fields = layer.one, layer.fields
    units, bias = fields.integer("units"), fields.flag("use_bias", True)
    arrays = layer.take("weight", "bias") if bias else layer.take("weight")
    if blob.rank > 2:
        blob = layer.building.plain(blob)
    if arrays:
        weight = layer.turned(arrays["weight"], (1, 0))
        if blob.order is not None and weight.shape[1] == prod(blob.order):
            weight = weight[:, rows_in_our_order(blob.order)]
        arrays["weight"] = weight
    found = layer.add(Dense(units, bias, axis=1 if blob.rank == 2 else -1), blob, arrays)
    return activated(layer, Blob(found.name, found.shape))


def read_batch_normalization(layer: Reading) -> Blob:
    """BatchNormalization: our normalization, and a scale behind it for what is learned."""
    fields = layer.fields
    axes = fields.whole_numbers("axis", (-1,))
    if len(axes) != 1:
        raise fields.error(f"axis is {axes}, one is wanted")
    blob = _features_at_1(layer, layer.one, axes[0])
    scale, center = fields.flag("scale", True), fields.flag("center", True)
    names = [*["weight"] * scale, *["bias"] * center, "mean", "variance"]
    arrays = _in_our_order(layer.take(*names), blob)
    stored = None
    if arrays:
        stored = {key: arrays[key] for key in ("mean", "variance")} | {"count": np.ones(1, np.float32)}
    kind = BatchNorm(fraction=fields.number("momentum", 0.99), eps=fields.number("epsilon", 1e-3))
    result = layer.add(kind, blob, stored)
    if not (scale or center):
        return result
    learned = None
    if arrays:
        ones = np.ones_like(arrays["mean"])
        learned = {"weight": arrays.get("weight", ones)} | ({"bias": arrays["bias"]} if center else {})
    return layer.add(Scale(bias=center), result, learned, "_scale")


def _features_at_1(layer: Reading, blob: Blob, axis: int) -> Blob:
    """The blob with this axis of Keras' at our place 1.

    Raises: DescriptionError for an axis between the others.
    """
    rank = blob.rank
    place = axis % rank if -rank <= axis < rank else 0
    if place == rank - 1 and rank > 2:
        return layer.building.first(blob, layer.fields)
    if place == 1:
        return layer.building.plain(blob) if blob.moved else blob
    raise layer.fields.error(
        f"axis is {axis}, of {rank} axes the first behind the batch or the last is wanted"
    )


def _in_our_order(arrays: dict[str, Array] | None, blob: Blob) -> dict[str, Array] | None:
    """Numbers per feature in the order in which our Flatten left the features."""
    if arrays is None or blob.order is None:
        return arrays
    rows = rows_in_our_order(blob.order)
    return {name: array[rows] if array.shape == rows.shape else array for name, array in arrays.items()}


def read_layer_normalization(layer: Reading) -> Blob:
    """LayerNormalization along one or several axes."""
    fields, blob = layer.fields, layer.one
    if fields.flag("rms_scaling", False):
        raise fields.error("rms_scaling is not known here")
    axes = fields.whole_numbers("axis", (-1,))
    if not all(-blob.rank <= axis < blob.rank for axis in axes):
        raise fields.error(f"axis is {axes}, the input has {blob.rank} axes")
    scale, center = fields.flag("scale", True), fields.flag("center", True)
    arrays = _in_our_order(layer.take(*["weight"] * scale, *["bias"] * center), blob)
    if len(axes) > 1 and blob.moved:
        blob = layer.building.plain(blob)
    places = tuple(sorted(blob.axis(axis) for axis in axes))
    return layer.add(LayerNorm(places, fields.number("epsilon", 1e-3), scale, center), blob, arrays)


def read_relu(layer: Reading) -> Blob:
    """ReLU with a slope for negative numbers and a largest result."""
    fields, blob = layer.fields, layer.one
    slope, highest = fields.number("negative_slope", 0.0), fields.number("max_value", NO_LIMIT)
    if fields.number("threshold", 0.0):
        raise fields.error("a threshold other than 0 is not known here")
    if highest == NO_LIMIT:
        return layer.add(ReLU(slope), blob)
    if slope == 0:
        return layer.add(Clip(0.0, highest), blob)
    return layer.add(Clip(-NO_LIMIT, highest), layer.add(ReLU(slope), blob), ending="_limit")


def read_leaky_relu(layer: Reading) -> Blob:
    """LeakyReLU; the slope was called alpha until Keras 2."""
    slope = layer.fields.number("negative_slope", layer.fields.number("alpha", 0.3))
    return layer.add(ReLU(slope), layer.one)


def read_elu(layer: Reading) -> Blob:
    """ELU."""
    return layer.add(ELU(layer.fields.number("alpha", 1.0)), layer.one)


def read_prelu(layer: Reading) -> Blob:
    """PReLU: slopes per channel, one for all, or one per place where no axes are shared."""
    fields, blob = layer.fields, layer.one
    shared = fields.whole_numbers("shared_axes", ())
    arrays, shape = layer.take("weight"), blob.keras_shape[1:]
    places = {axis if axis > 0 else axis + blob.rank for axis in shared}
    if not places <= set(range(1, blob.rank)):
        raise fields.error(f"shared_axes are {shared}, the input has {blob.rank} axes")
    sizes = [1 if axis in places else size for axis, size in enumerate(shape, 1)]
    if arrays and arrays["weight"].shape != tuple(sizes):
        layer.of_rank(arrays["weight"], 0 if len(sizes) != arrays["weight"].ndim else -1)
    weight = np.broadcast_to(arrays["weight"], shape) if arrays else None
    if weight is not None and blob.moved:
        weight = np.moveaxis(weight, -1, 0)
    kept = [blob.axis(axis) for axis in range(1, blob.rank) if axis not in places]
    if kept in ([1], []) and blob.rank > 2:
        few = None if weight is None else {"weight": _one_per_channel(weight, bool(kept))}
        return layer.add(PReLU(shared=not kept), blob, few)
    few = None if weight is None else _in_our_order({"weight": weight}, blob)
    return layer.add(PlacePReLU(), blob, few)


def _one_per_channel(weight: Array, several: bool) -> Array:
    rows = weight.reshape(weight.shape[0], -1)[:, 0]
    return rows if several else rows[0].reshape(())


def read_rescaling(layer: Reading) -> Blob:
    """Rescaling: one factor and offset for all, or one per channel."""
    scale, offset = rescaling(layer.fields.config)
    if isinstance(scale, float) and isinstance(offset, float):
        return layer.add(Power(scale=scale, shift=offset), layer.one)
    return _scaled(layer, layer.one, np.atleast_1d(scale), np.atleast_1d(offset))


def rescaling(config: dict[str, Any]) -> tuple[Any, Any]:
    """Scale and offset of a Rescaling: numbers, or arrays of one per channel."""
    found = []
    for name, default in (("scale", 1.0), ("offset", 0.0)):
        value = config.get(name, default)
        numbers = value if isinstance(value, list) else [value]
        if not numbers or not all(map(is_number, numbers)):
            return np.zeros(0), np.zeros(0)  # refused where it has to fit the channels
        found.append(np.array(value, np.float32) if isinstance(value, list) else float(value))
    return found[0], found[1]


def _scaled(layer: Reading, blob: Blob, factor: Array, offset: Array) -> Blob:
    """x factor + offset per number of Keras' last axis."""
    if blob.rank > 2:
        blob = layer.building.first(blob, layer.fields)
    elif blob.order:
        blob = layer.building.plain(blob)
    channels = blob.shape[1]
    if any(array.shape not in ((1,), (channels,)) for array in (factor, offset)):
        sizes = f"{text(factor.shape)} and {text(offset.shape)}"
        raise layer.fields.error(f"numbers of {sizes} do not fit {channels} channels")
    arrays = {"weight": factor, "bias": offset}
    spread = {name: np.broadcast_to(a, (channels,)).astype(np.float32) for name, a in arrays.items()}
    return layer.add(Scale(bias=True), blob, spread)


def read_normalization(layer: Reading) -> Blob:
    """Normalization by a mean and a variance that stand in the settings or in the weights."""
    fields = layer.fields
    mean, variance = fields.get("mean", None), fields.get("variance", None)
    axes = fields.whole_numbers("axis", (-1,))
    if mean is None or variance is None:
        weights = [] if layer.weights is None else layer.weights
        if len(weights) not in (2, 3):
            raise fields.error("has neither mean and variance nor weights with them", "adapt it, then save")
        mean, variance = weights[:2]
    elif layer.weights:
        layer.take("mean", "variance", "count")
    if tuple(axis % layer.one.rank for axis in axes) not in ((layer.one.rank - 1,), ()):
        raise fields.error(f"axis is {axes}, the last one is wanted")
    try:
        middle, spread = (np.asarray(value, np.float64).reshape(-1) for value in (mean, variance))
    except (TypeError, ValueError):
        raise fields.error("mean and variance are not lists of numbers") from None
    deviation = np.maximum(np.sqrt(np.maximum(spread, 0)), SMALLEST_DEVIATION)
    if fields.flag("invert", False):
        return _scaled(layer, layer.one, deviation, middle)
    if middle.shape != deviation.shape and 1 not in (middle.size, deviation.size):
        raise fields.error(f"{middle.size} means and {deviation.size} variances")
    return _scaled(layer, layer.one, 1 / deviation, -middle / deviation)


def read_dropout(layer: Reading) -> Blob:
    """Dropout; a mask that is the same along some axes is refused."""
    shape = layer.fields.get("noise_shape", None)
    if isinstance(shape, Sequence) and any(size == 1 for size in shape):
        raise layer.fields.error("noise_shape is not known here", "SpatialDropout drops whole channels")
    return layer.add(Dropout(_ratio(layer)), layer.one)


def read_spatial_dropout(layer: Reading) -> Blob:
    """SpatialDropout1D, SpatialDropout2D."""
    last = layer.fields.get("data_format", "channels_last") == "channels_last"
    blob = layer.building.first(layer.one, layer.fields) if last else layer.building.plain(layer.one)
    return layer.add(SpatialDropout(_ratio(layer)), blob)


def _ratio(layer: Reading) -> float:
    ratio = layer.fields.number("rate", 0.5)
    if not 0 <= ratio < 1:
        raise layer.fields.error(f"rate is {ratio:g}, it must be at least 0 and below 1")
    return ratio


def read_noise(layer: Reading) -> Blob:
    """GaussianNoise."""
    return layer.add(GaussianNoise(layer.fields.number("stddev", 0.1)), layer.one)


def read_idle(layer: Reading) -> Blob:
    """Layers that do nothing but while training, or nothing at all."""
    if layer.fields.type not in ("ActivityRegularization",):
        message = f"layer '{layer.fields.name}' ({layer.fields.type}) works while training only: left out"
        layer.building.notes.inform(message, layer.building.where)
    return layer.one
