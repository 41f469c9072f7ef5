"""The table of our layers as Keras spells them: what stands beside `layers.SPELLINGS` for the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lenet.dialects.keras import written_windows as windows
from lenet.dialects.keras.activations import name_of
from lenet.dialects.keras.building import Blob, rows_in_our_order
from lenet.dialects.keras.writing import Place, refusal
from lenet.dialects.keras.written_numbers import (
    write_batch_norm,
    write_layer_norm,
    write_place_prelu,
    write_prelu,
    write_scale,
)
from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.activation_gated import GELU, SELU, HardSigmoid, HardSwish, Mish, PlacePReLU, Softsign
from lenet.layers.activation_smooth import ELU, PReLU, Softplus, Swish
from lenet.layers.affine import Bias, Scale
from lenet.layers.answer import Softmax
from lenet.layers.arithmetic import Clip, Exponential, Power
from lenet.layers.arrange import Flatten
from lenet.layers.batch_norm import BatchNorm
from lenet.layers.combine import Concat, Eltwise
from lenet.layers.constant_pad import ConstantPad
from lenet.layers.convolution import Convolution
from lenet.layers.deconvolution import Deconvolution
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout
from lenet.layers.layer import Layer
from lenet.layers.layer_norm import LayerNorm
from lenet.layers.noise import GaussianNoise, SpatialDropout
from lenet.layers.pad import Pad
from lenet.layers.pooling import Pooling
from lenet.layers.rectification import LowerBound
from lenet.layers.reshape import Reshape
from lenet.layers.selection import Narrow
from lenet.layers.shrink import TanhShrink
from lenet.layers.sided_pooling import SidedPooling
from lenet.layers.transpose import Transpose
from lenet.layers.upsample import Upsample
from lenet.shapes import axis_index, count

NO_ORDER = Blob("", ())


def write_activation(place: Place) -> Blob:
    """An activation by its name, or the layer with settings that it is."""
    kind, blob = place.kind, place.one
    name = name_of(kind)
    if name and name != "leaky_relu":
        return place.layer("Activation", {"activation": name}, blob)
    if isinstance(kind, ReLU):
        return place.layer("LeakyReLU", {"negative_slope": kind.slope}, blob)
    if isinstance(kind, ELU):
        return place.layer("ELU", {"alpha": kind.alpha}, blob)
    if isinstance(kind, Clip) and kind.low == 0:
        return place.layer("ReLU", {"max_value": kind.high, "negative_slope": 0.0, "threshold": 0.0}, blob)
    if isinstance(kind, GELU):
        raise refusal(place.node, "Keras' layer is the exact gelu", "the approximate one differs by 0.0005")
    raise refusal(place.node, f"Keras cannot say these settings: {kind}")


def write_lower_bound(place: Place) -> Blob:
    """A bound of 0 is a ReLU."""
    if place.kind.bound:
        raise refusal(place.node, f"Keras cannot say a bound of {place.kind.bound:g}")
    return place.layer("Activation", {"activation": "relu"}, place.one)


def write_softmax(place: Place) -> Blob:
    """Softmax along the axis where Keras has the classes."""
    blob = place.one
    axis = axis_index(place.kind.axis, blob.rank)
    if axis == 0:
        raise refusal(place.node, "Keras takes no softmax over the batch")
    keras_axis = axis if not blob.moved else (blob.rank - 1 if axis == 1 else axis - 1)
    if keras_axis == blob.rank - 1:
        return place.layer("Activation", {"activation": "softmax"}, blob)
    return place.layer("Softmax", {"axis": keras_axis}, blob)


def write_dense(place: Place) -> Blob:
    """Dense, with a Flatten before it where ours takes images; rows go where Keras' Flatten puts them."""
    kind, blob = place.kind, place.one
    axis = axis_index(kind.axis, blob.rank)
    if axis == 0 or (axis != 1 and axis != blob.rank - 1):
        raise refusal(place.node, f"Keras cannot sum over the axes from {axis} on")
    arrays = place.arrays()
    if axis == 1 and blob.rank > 2:
        blob = _flattened(place, blob, "_flatten")
    elif axis != 1:
        blob = place.writing.plain(blob)
    found = {}
    if arrays:
        weight = arrays["weight"] if kind.transposed else arrays["weight"].T
        if blob.order is not None:
            weight = weight[rows_in_our_order(blob.order).argsort()]
        found = {"kernel": weight} | ({"bias": arrays["bias"]} if kind.bias else {})
    config = {"units": kind.outputs, "use_bias": kind.bias, "activation": "linear"}
    return place.layer("Dense", config, blob, found, like=NO_ORDER)


def _flattened(place: Place, blob: Blob, ending: str) -> Blob:
    shape = (blob.shape[0], count(blob.shape, 1))
    channels, *spatial = blob.shape[1:]
    order = blob.shape[1:] if blob.moved and channels > 1 and count(tuple(spatial)) > 1 else None
    return place.layer("Flatten", {}, blob, shape=shape, ending=ending, like=Blob("", shape, order=order))


def write_flatten(place: Place) -> Blob:
    """Flatten of all axes but the batch's."""
    blob, kind = place.one, place.kind
    start, end = (axis_index(axis, blob.rank) for axis in (kind.axis, kind.end_axis))
    if blob.rank == 2 and start:
        return place.layer("Flatten", {}, blob)
    if (start, end) == (1, blob.rank - 1):
        return _flattened(place, blob, "")
    if not start:
        raise refusal(place.node, "Keras cannot flatten the batch axis")
    return _reshaped(place)


def _reshaped(place: Place) -> Blob:
    if place.shape[0] != place.one.shape[0]:
        raise refusal(place.node, "Keras cannot reshape the batch axis")
    blob = place.writing.plain(place.one)
    return place.layer("Reshape", {"target_shape": list(place.shape[1:])}, blob, like=NO_ORDER)


def write_transpose(place: Place) -> Blob:
    """Permute, or nothing but the news that axes lie as Keras has them."""
    order = place.kind.whole_order(place.shape)
    if order[0] != 0:
        raise refusal(place.node, "Keras cannot move the batch axis")
    blob = place.writing.plain(place.one)
    return place.layer("Permute", {"dims": list(order[1:])}, blob, like=NO_ORDER)


def write_concat(place: Place) -> Blob:
    """Concatenate along the axis where Keras has it."""
    blobs = _alike(place)
    axis = axis_index(place.kind.axis, blobs[0].rank)
    if axis == 0:
        raise refusal(place.node, "Keras cannot join samples along the batch axis")
    if blobs[0].order is not None:
        blobs = [place.writing.plain(blob) for blob in blobs]
    keras_axis = axis if not blobs[0].moved else (blobs[0].rank - 1 if axis == 1 else axis - 1)
    if len(blobs) == 1:
        return blobs[0]
    return place.layer("Concatenate", {"axis": keras_axis}, blobs)


def write_eltwise(place: Place) -> Blob:
    """Add, Average, Subtract, Multiply or Maximum."""
    blobs, kind = _alike(place), place.kind
    factors = set(kind.coefficients)
    if kind.method != "sum":
        return place.layer("Multiply" if kind.method == "product" else "Maximum", {}, blobs)
    if factors <= {1}:
        return place.layer("Add", {}, blobs)
    if kind.coefficients == (1, -1):
        return place.layer("Subtract", {}, blobs)
    if len(factors) == 1 and abs(factors.pop() * len(blobs) - 1) < 1e-7:
        return place.layer("Average", {}, blobs)
    raise refusal(place.node, f"Keras cannot say a sum with the factors {kind.coefficients}")


def _alike(place: Place) -> list[Blob]:
    blobs = place.inputs
    if len({(blob.moved, blob.order) for blob in blobs}) == 1:
        return blobs
    if any(blob.order is not None for blob in blobs):
        return [place.writing.plain(blob) for blob in blobs]
    return [place.writing.images(blob) for blob in blobs]


def write_power(place: Place) -> Blob:
    """Rescaling, for a power of 1."""
    if place.kind.power != 1:
        raise refusal(place.node, f"Keras cannot say a power of {place.kind.power:g}")
    return place.layer("Rescaling", {"scale": place.kind.scale, "offset": place.kind.shift}, place.one)


def _with_setting(type: str, setting: str, field: str) -> Callable[[Place], Blob]:
    return lambda place: place.layer(type, {setting: getattr(place.kind, field)}, place.one)


def write_spatial_dropout(place: Place) -> Blob:
    """SpatialDropout1D, SpatialDropout2D."""
    blob = place.writing.images(place.one)
    if blob.rank not in (3, 4):
        raise refusal(place.node, "Keras has it for one and two spatial axes")
    return place.layer(f"SpatialDropout{blob.rank - 2}D", {"rate": place.kind.ratio}, blob)


WRITERS: dict[type[Layer] | Any, Callable[[Place], Blob | list[Blob]]] = {
    **dict.fromkeys(
        (
            *(ReLU, Sigmoid, TanH, ELU, GELU, SELU, Softplus, Softsign, Swish, Mish),
            *(HardSigmoid, HardSwish, Clip, Exponential, TanhShrink),
        ),
        write_activation,
    ),
    LowerBound: write_lower_bound,
    Softmax: write_softmax,
    PReLU: write_prelu,
    PlacePReLU: write_place_prelu,
    Dense: write_dense,
    Flatten: write_flatten,
    Reshape: _reshaped,
    Transpose: write_transpose,
    Concat: write_concat,
    Eltwise: write_eltwise,
    Power: write_power,
    BatchNorm: write_batch_norm,
    Scale: write_scale,
    Bias: write_scale,
    LayerNorm: write_layer_norm,
    Dropout: _with_setting("Dropout", "rate", "ratio"),
    GaussianNoise: _with_setting("GaussianNoise", "stddev", "deviation"),
    SpatialDropout: write_spatial_dropout,
    Convolution: windows.write_convolution,
    Deconvolution: windows.write_deconvolution,
    Pooling: windows.write_pooling,
    SidedPooling: windows.write_sided_pooling,
    Pad: windows.write_pad,
    ConstantPad: windows.write_constant_pad,
    Narrow: windows.write_narrow,
    Upsample: windows.write_upsample,
}
