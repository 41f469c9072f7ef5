"""Writing of layers whose windows slide; a border that Keras cannot say is refused."""

from __future__ import annotations

from typing import Any

from lenet.dialects.keras.building import Blob
from lenet.dialects.keras.padding import Border, extents, same_border
from lenet.dialects.keras.writing import Place, refusal
from lenet.layers.window import per_axis
from lenet.shapes import Array, Shape, axis_index, pooling_size

_NO_BORDER = "use --to onnx, which can say any border"


def _image(place: Place) -> tuple[Blob, int]:
    """The input with its channels last in Keras, and the number of spatial axes."""
    blob = place.one
    axes = blob.rank - 2
    if axes not in (1, 2):
        raise refusal(place.node, f"slides over {axes} spatial axes; 1 and 2 can be written")
    return place.writing.images(blob), axes


def _padded(place: Place, blob: Blob, border: Border) -> Blob:
    """The input within zeros, by a layer of their own."""
    if not any(map(any, border)):
        return blob
    sizes = (size + sum(ends) for size, ends in zip(blob.shape[2:], border, strict=True))
    shape = (*blob.shape[:2], *sizes)
    sides: Any = [list(ends) for ends in border] if len(border) == 2 else list(border[0])
    return place.layer(f"ZeroPadding{len(border)}D", {"padding": sides}, blob, shape=shape, ending="_pad")


def write_convolution(place: Place) -> Blob:
    """Conv1D, Conv2D, or DepthwiseConv1D, DepthwiseConv2D where each channel has windows of its own."""
    kind, (blob, axes) = place.kind, _image(place)
    if axis_index(kind.axis, blob.rank) != 1:
        raise refusal(place.node, "Keras has the channels behind the batch only")
    window, stride = per_axis(kind.window, axes, "window"), per_axis(kind.stride, axes, "stride")
    pad, dilation = per_axis(kind.pad, axes, "pad", 0), per_axis(kind.dilation, axes, "dilation")
    if max(stride) > 1 and max(dilation) > 1:
        raise refusal(place.node, "Keras takes strides or dilation, not both")
    border = tuple((around, around) for around in pad)
    same = any(pad) and same_border(blob.shape[2:], extents(window, dilation), stride) == border
    blob = blob if same else _padded(place, blob, border)
    config: dict[str, Any] = {
        "kernel_size": list(window),
        "strides": list(stride),
        "padding": "same" if same else "valid",
        "data_format": "channels_last",
        "dilation_rate": list(dilation),
        "activation": "linear",
        "use_bias": kind.bias,
    }
    channels, arrays = blob.shape[1], place.arrays()
    if kind.groups == channels > 1 and len(set(stride)) == 1:
        each = kind.outputs // channels
        kernel = {"kernel": _per_channel(arrays["weight"], channels, each)} if arrays else {}
        config = {"depth_multiplier": each} | config
        return place.layer(f"DepthwiseConv{axes}D", config, blob, kernel | _bias(arrays))
    config = {"filters": kind.outputs, "groups": kind.groups} | config
    kernel = {"kernel": _turned(arrays["weight"])} if arrays else {}
    return place.layer(f"Conv{axes}D", config, blob, kernel | _bias(arrays))


def _turned(weight: Array) -> Array:
    """(first, second, window) as (window, second, first)."""
    return weight.transpose(*range(2, weight.ndim), 1, 0)


def _per_channel(weight: Array, channels: int, each: int) -> Array:
    """(channels each, 1, window) as (window, channels, each)."""
    parts = weight.reshape(channels, each, *weight.shape[2:])
    return parts.transpose(*range(2, parts.ndim), 0, 1)


def _bias(arrays: dict[str, Array]) -> dict[str, Array]:
    return {"bias": arrays["bias"]} if "bias" in arrays else {}


def write_deconvolution(place: Place) -> Blob:
    """Conv1DTranspose, Conv2DTranspose without a border, and a Cropping of what is too much."""
    kind, (blob, axes) = place.kind, _image(place)
    if axis_index(kind.axis, blob.rank) != 1 or kind.groups != 1:
        message = f"Keras has no transposed convolution in {kind.groups} groups, or of another axis"
        raise refusal(place.node, message)
    window, stride = per_axis(kind.window, axes, "window"), per_axis(kind.stride, axes, "stride")
    pad, dilation = per_axis(kind.pad, axes, "pad", 0), per_axis(kind.dilation, axes, "dilation")
    if max(stride) > 1 and max(dilation) > 1:
        raise refusal(place.node, "Keras takes strides or dilation, not both")
    extent = extents(window, dilation)
    more = [max(step - wide, 0) for wide, step in zip(extent, stride, strict=True)]
    sizes = [
        size + 2 * around + extra for size, around, extra in zip(place.shape[2:], pad, more, strict=True)
    ]
    config = {
        "filters": kind.outputs,
        "kernel_size": list(window),
        "strides": list(stride),
        "padding": "valid",
        "data_format": "channels_last",
        "dilation_rate": list(dilation),
        "activation": "linear",
        "use_bias": kind.bias,
    }
    arrays, shape = place.arrays(), (*place.shape[:2], *sizes)
    kernel = {"kernel": _turned(arrays["weight"])} if arrays else {}
    blob = place.layer(f"Conv{axes}DTranspose", config, blob, kernel | _bias(arrays), shape)
    ends = [(around, around + extra) for around, extra in zip(pad, more, strict=True)]
    return _cut(place, blob, ends, place.shape, "_cut") if any(map(any, ends)) else blob


def _cut(place: Place, blob: Blob, ends: list[tuple[int, int]], shape: Shape, ending: str) -> Blob:
    sides: Any = [list(pair) for pair in ends] if len(ends) == 2 else list(ends[0])
    return place.layer(f"Cropping{len(ends)}D", {"cropping": sides}, blob, shape=shape, ending=ending)


def write_pooling(place: Place) -> Blob:
    """MaxPooling2D, AveragePooling2D or a global one, where Keras has the same sizes and divisors."""
    kind, (blob, _) = place.kind, _image(place)
    if kind.method == "stochastic" or kind.mask:
        raise refusal(place.node, "Keras has neither stochastic pooling nor masks")
    sizes, name = blob.shape[2:], "Max" if kind.method == "max" else "Average"
    if kind.window is None:
        config = {"data_format": "channels_last", "keepdims": True}
        return place.layer(f"Global{name}Pooling2D", config, blob)
    window, stride = per_axis(kind.window, 2, "window"), per_axis(kind.stride, 2, "stride")
    pad = per_axis(kind.pad, 2, "pad", 0)
    axes = zip(sizes, window, stride, pad, strict=True)
    if any(pooling_size(*axis, "floor") != there for axis, there in zip(axes, place.shape[2:], strict=True)):
        return _rounded_up(place, blob, window, stride, pad)
    border = tuple((around, around) for around in pad)
    if kind.method == "average":  # counts the border
        blob, border = _padded(place, blob, border), ((0, 0), (0, 0))
    return _pooled(place, blob, window, stride, border)


def _rounded_up(place: Place, blob: Blob, window: Shape, stride: Shape, pad: Shape) -> Blob:
    """A pooling whose last windows reach over the border, which only a maximum can do in Keras."""
    axes = zip(blob.shape[2:], window, stride, pad, place.shape[2:], strict=True)
    border = tuple(
        (around, max(0, (places - 1) * step + wide - size - around))
        for size, wide, step, around, places in axes
    )
    if place.kind.method == "average" and any(pad):
        raise refusal(
            place.node, "Keras cannot say a mean over windows that are cut off at a border", _NO_BORDER
        )
    return _pooled(place, blob, window, stride, border)


def _pooled(place: Place, blob: Blob, window: Shape, stride: Shape, border: Border) -> Blob:
    """A pooling whose border neither counts in a mean nor gives a maximum."""
    same = any(map(any, border))
    if same and same_border(blob.shape[2:], window, stride) != border:
        message = f"a border of {border} is not what Keras' padding 'same' gives for this size"
        raise refusal(place.node, message, _NO_BORDER)
    name = "Max" if place.kind.method == "max" else "Average"
    config = {
        "pool_size": list(window),
        "strides": list(stride),
        "padding": "same" if same else "valid",
        "data_format": "channels_last",
    }
    return place.layer(f"{name}Pooling{len(window)}D", config, blob)


def write_sided_pooling(place: Place) -> Blob:
    """MaxPooling or AveragePooling over one or two axes."""
    kind, (blob, axes) = place.kind, _image(place)
    window, stride = per_axis(kind.window, axes, "window"), per_axis(kind.stride, axes, "stride")
    before, after = per_axis(kind.before, axes, "before", 0), per_axis(kind.after, axes, "after", 0)
    border = tuple(zip(before, after, strict=True))
    if kind.method == "average" and kind.counted:
        blob, border = _padded(place, blob, border), ((0, 0),) * axes
    places = zip(blob.shape[2:], border, window, stride, strict=True)
    border = tuple(_needed(*place_of) for place_of in places)
    return _pooled(place, blob, window, stride, border)


def _needed(size: int, ends: tuple[int, int], window: int, stride: int) -> tuple[int, int]:
    """The part of a border that windows reach: the rest of it changes nothing."""
    places = (size + sum(ends) - window) // stride + 1
    return ends[0], max(0, (places - 1) * stride + window - size - ends[0])


def write_pad(place: Place) -> Blob:
    """ZeroPadding2D."""
    top, left, bottom, right = place.kind.sides
    if place.kind.border != "zero":
        raise refusal(place.node, "Keras cannot mirror at a border")
    blob, _ = _image(place)
    sides = {"padding": [[top, bottom], [left, right]]}
    return place.layer("ZeroPadding2D", sides, blob)


def write_constant_pad(place: Place) -> Blob:
    """ZeroPadding1D, ZeroPadding2D."""
    kind, (blob, axes) = place.kind, _image(place)
    before, after = ((0,) * (blob.rank - len(part)) + part for part in (kind.before, kind.after))
    if kind.value or any((*before[:2], *after[:2])):
        raise refusal(place.node, "Keras can put zeros around images only")
    pairs = list(zip(before[2:], after[2:], strict=True))
    sides: Any = [list(pair) for pair in pairs] if axes == 2 else list(pairs[0])
    return place.layer(f"ZeroPadding{axes}D", {"padding": sides}, blob)


def write_narrow(place: Place) -> list[Blob]:
    """Cropping of a spatial axis, one layer per stretch."""
    kind, (blob, axes) = place.kind, _image(place)
    axis = axis_index(kind.axis, blob.rank)
    if axis < 2:
        raise refusal(place.node, "Keras can cut spatial axes only")
    found = []
    for number, offset in enumerate(kind.offsets):
        ends = [(0, 0)] * axes
        ends[axis - 2] = (offset, blob.shape[axis] - offset - kind.size)
        found.append(_cut(place, blob, ends, place.shape, f"_{number}" if number else ""))
    return found


def write_upsample(place: Place) -> Blob:
    """UpSampling1D, UpSampling2D."""
    kind, (blob, axes) = place.kind, _image(place)
    factors = list(per_axis(kind.factors, axes, "factors"))
    if axes == 1:
        return place.layer("UpSampling1D", {"size": factors[0]}, blob)
    config = {"size": factors, "data_format": "channels_last", "interpolation": kind.method}
    return place.layer("UpSampling2D", config, blob)
