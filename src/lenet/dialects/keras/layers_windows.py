"""Reading of layers whose windows slide: convolutions and poolings over one or two axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lenet.dialects.keras.activations import activated
from lenet.dialects.keras.building import Blob, Reading
from lenet.dialects.keras.padding import Border, causal_border, extents, same_border, transposed_cut
from lenet.layers.arrange import Flatten
from lenet.layers.constant_pad import ConstantPad
from lenet.layers.convolution import Convolution
from lenet.layers.deconvolution import Deconvolution
from lenet.layers.layer import Layer
from lenet.layers.pad import Pad
from lenet.layers.pooling import Pooling
from lenet.layers.selection import Narrow
from lenet.layers.sided_pooling import SidedPooling
from lenet.shapes import Array, Shape

FORMATS = ("channels_last", "channels_first")


def axes_of(layer: Reading) -> int:
    """The number of spatial axes, which stands at the end of the type or before its last word."""
    return 1 if "1D" in layer.fields.type else 2


def image(layer: Reading, axes: int | None = None) -> Blob:
    """The input with its channels at axis 1, as its `data_format` says.

    Raises: DescriptionError if it has another number of axes than the layer takes.
    """
    blob, fields = layer.one, layer.fields
    wanted = (axes_of(layer) if axes is None else axes) + 2
    if blob.rank != wanted:
        raise fields.error(f"takes inputs of {wanted} axes, its input has {blob.rank}: {blob.keras_shape}")
    last = fields.choice("data_format", FORMATS, "channels_last") == "channels_last"
    return layer.building.first(blob, fields) if last else layer.building.plain(blob)


def bordered(layer: Reading, blob: Blob, border: Border) -> Blob:
    """The input within zeros."""
    if not any(map(any, border)):
        return blob
    before, after = zip(*border, strict=True)
    kind: Layer = Pad((*before, *after)) if len(border) == 2 else ConstantPad(before, after)
    return layer.add(kind, blob, ending="_pad")


def _symmetric(border: Border) -> bool:
    return all(before == after for before, after in border)


def _settings(layer: Reading, blob: Blob) -> tuple[Shape, Shape, Shape, Border]:
    """Window, stride and dilation of a convolution, and the border that its `padding` asks for."""
    fields, axes = layer.fields, blob.rank - 2
    window = fields.integers("kernel_size", axes)
    stride, dilation = fields.integers("strides", axes, 1), fields.integers("dilation_rate", axes, 1)
    padding = fields.choice("padding", ("valid", "same", "causal"), "valid")
    extent, border = extents(window, dilation), ((0, 0),) * axes
    if padding == "same":
        border = same_border(blob.shape[2:], extent, stride)
    elif padding == "causal":
        border = causal_border(extent)
    return window, stride, dilation, border


def _convolved(
    layer: Reading, blob: Blob, outputs: int, groups: int, bias: bool, arrays: dict[str, Array] | None
) -> Blob:
    window, stride, dilation, border = _settings(layer, blob)
    pad: tuple[int, ...] = (0,) * len(border)
    if _symmetric(border):
        pad = tuple(before for before, _ in border)
    else:
        blob = bordered(layer, blob, border)
    kind = Convolution(outputs, window, stride, pad, dilation, groups, bias)
    return layer.add(kind, blob, arrays)


def read_convolution(layer: Reading) -> Blob:
    """Conv1D, Conv2D."""
    blob, fields = image(layer), layer.fields
    bias, groups = fields.flag("use_bias", True), fields.integer("groups", 1)
    outputs = fields.integer("filters")
    arrays = layer.take("weight", "bias") if bias else layer.take("weight")
    if arrays:
        axes = blob.rank - 2
        kernel = _modern_kernel(layer, arrays["weight"], axes, outputs)
        if layer.mirrored:
            kernel = np.flip(kernel, tuple(range(axes)))
        arrays["weight"] = layer.turned(kernel, (axes + 1, axes, *range(axes)))
    return activated(layer, _convolved(layer, blob, outputs, groups, bias, arrays))


def _modern_kernel(layer: Reading, kernel: Array, axes: int, outputs: int) -> Array:
    """A kernel as (window, inputs, outputs), which Keras 1 had in other orders."""
    window = layer.fields.integers("kernel_size", axes)
    if layer.version > 1:
        return kernel
    if axes == 1 and kernel.ndim == 4:  # Keras 1 had windows of one column
        legacy = kernel.shape[:2] != (window[0], 1) or kernel.shape[3] != outputs
        return (layer.turned(kernel, (2, 3, 1, 0)) if legacy else kernel)[:, 0]
    first = layer.fields.get("data_format", "channels_last") == "channels_first"
    return layer.turned(kernel, (2, 3, 1, 0)) if first and axes == 2 else kernel


def read_depthwise(layer: Reading) -> Blob:
    """DepthwiseConv1D, DepthwiseConv2D: a convolution with as many groups as channels."""
    blob, fields = image(layer), layer.fields
    bias, each = fields.flag("use_bias", True), fields.integer("depth_multiplier", 1)
    arrays = layer.take("weight", "bias") if bias else layer.take("weight")
    if arrays:
        arrays["weight"] = _depthwise(layer, arrays["weight"], blob)
    channels = blob.shape[1]
    return activated(layer, _convolved(layer, blob, channels * each, channels, bias, arrays))


def _depthwise(layer: Reading, kernel: Array, blob: Blob) -> Array:
    """(window, channels, each) as (channels each, 1, window)."""
    axes = blob.rank - 2
    turned = layer.turned(kernel, (axes, axes + 1, *range(axes)))
    return turned.reshape(-1, 1, *turned.shape[2:])


def read_separable(layer: Reading) -> Blob:
    """SeparableConv1D, SeparableConv2D: a convolution per channel, then one over the channels."""
    blob, fields = image(layer), layer.fields
    bias, each = fields.flag("use_bias", True), fields.integer("depth_multiplier", 1)
    outputs, channels, axes = fields.integer("filters"), blob.shape[1], blob.rank - 2
    arrays = layer.take("depth", "weight", "bias") if bias else layer.take("depth", "weight")
    depth = None
    if arrays:
        depth = {"weight": _depthwise(layer, arrays.pop("depth"), blob)}
        arrays["weight"] = layer.turned(arrays["weight"], (axes + 1, axes, *range(axes)))
    name, layer.name = layer.name, f"{layer.name}_depthwise"
    blob = _convolved(layer, blob, channels * each, channels, False, depth)
    layer.name = name
    blob = layer.add(Convolution(outputs, (1,) * axes, bias=bias), blob, arrays)
    return activated(layer, blob)


def read_transposed(layer: Reading) -> Blob:
    """Conv1DTranspose, Conv2DTranspose; what is painted over the border is cut off by layers of their own."""
    blob, fields = image(layer), layer.fields
    axes, bias, outputs = blob.rank - 2, fields.flag("use_bias", True), fields.integer("filters")
    window, stride = fields.integers("kernel_size", axes), fields.integers("strides", axes, 1)
    dilation = fields.integers("dilation_rate", axes, 1)
    given = fields.integers("output_padding", axes, None, 0) if fields.get("output_padding", None) else None
    same = fields.choice("padding", ("valid", "same"), "valid") == "same"
    ends = [
        transposed_cut(*one, same, given[place] if given else None)
        for place, one in enumerate(zip(extents(window, dilation), stride, strict=True))
    ]
    arrays = layer.take("weight", "bias") if bias else layer.take("weight")
    if arrays:
        kernel = np.flip(arrays["weight"], tuple(range(axes))) if layer.mirrored else arrays["weight"]
        arrays["weight"] = layer.turned(kernel, (axes + 1, axes, *range(axes)))
    if any(min(cut) < 0 for cut in ends) and any(gap > 1 for gap in dilation):
        raise fields.error("strides longer than a dilated window are not known here")
    more = [max(0, -after) for _, after in ends]  # windows made longer by zeros paint zeros
    if arrays:
        arrays["weight"] = np.pad(arrays["weight"], [(0, 0), (0, 0), *((0, number) for number in more)])
    ends = [(before, max(0, after)) for before, after in ends]
    pad = tuple(before for before, _ in ends) if _symmetric(tuple(ends)) else (0,) * axes
    longer = tuple(wide + number for wide, number in zip(window, more, strict=True))
    kind = Deconvolution(outputs, longer, stride, pad, dilation, bias=bias)
    blob = layer.add(kind, blob, arrays)
    return activated(layer, blob if any(pad) else cut(layer, blob, ends))


def cut(layer: Reading, blob: Blob, ends: Sequence[tuple[int, int]]) -> Blob:
    """The blob with numbers taken off both ends of its spatial axes.

    Raises: DescriptionError if nothing is left.
    """
    for axis, (before, after) in enumerate(ends, 2):
        if before or after:
            size = blob.shape[axis] - before - after
            if size < 1:
                raise layer.fields.error(f"takes off {before + after} of {blob.shape[axis]}")
            ending = f"_cut{axis - 1}" if len(ends) > 1 else "_cut"
            blob = layer.add(Narrow(axis, size, (before,)), blob, ending=ending)
    return blob


def read_pooling(layer: Reading) -> Blob:
    """MaxPooling1D, MaxPooling2D, AveragePooling1D, AveragePooling2D."""
    blob, fields = image(layer), layer.fields
    axes, method = blob.rank - 2, "max" if fields.type.startswith("Max") else "average"
    window = fields.integers("pool_size", axes, 2)
    stride = fields.integers("strides", axes, window)
    same = fields.choice("padding", ("valid", "same"), "valid") == "same"
    border = same_border(blob.shape[2:], window, stride) if same else ((0, 0),) * axes
    return layer.add(pooling_for(method, window, stride, border), blob)


def pooling_for(method: str, window: tuple[int, ...], stride: tuple[int, ...], border: Border) -> Layer:
    """The layer for a pooling with a border that no mean counts: the plain one where that says the same."""
    before, after = zip(*border, strict=True)
    plain = _symmetric(border) and (method == "max" or not any(before))
    if len(window) == 2 and plain:
        return Pooling("max" if method == "max" else "average", window, stride, before, rounding="floor")
    return SidedPooling("max" if method == "max" else "average", window, stride, before, after)


def read_global(layer: Reading) -> Blob:
    """GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalAveragePooling1D, GlobalAveragePooling2D."""
    blob, fields = image(layer), layer.fields
    method = "max" if "Max" in fields.type else "average"
    keep = fields.flag("keepdims", False)
    kind: Layer = Pooling("max" if method == "max" else "average", None, rounding="floor")
    if blob.rank == 3:
        kind = SidedPooling("max" if method == "max" else "average", blob.shape[2:])
    blob = layer.add(kind, blob)
    if keep:
        return blob
    flat = layer.add(Flatten(), blob, ending="_flat")
    return Blob(flat.name, flat.shape)


def sides(layer: Reading, name: str, axes: int) -> list[tuple[int, int]]:
    """Numbers for both ends of each axis: one for all, one per axis, or two per axis.

    Raises: DescriptionError for anything else.
    """
    value = layer.fields.get(name, 1)
    if isinstance(value, dict):  # Keras 1
        ends = [("top_pad", "bottom_pad"), ("left_pad", "right_pad")]
        value = [[value.get(first, 0), value.get(second, 0)] for first, second in ends]
    rows = value if isinstance(value, list) else [value] * axes
    if axes == 1 and len(rows) == 2 and not isinstance(rows[0], list):
        rows = [rows]
    if axes == 2 and len(rows) == 4:  # Keras 1: top, bottom, left, right
        rows = [rows[:2], rows[2:]]
    found = [tuple(row) if isinstance(row, list) else (row, row) for row in rows]
    fits = len(found) == axes and all(len(row) == 2 for row in found)
    if not fits or not all(type(number) is int and 0 <= number < 1 << 24 for row in found for number in row):
        raise layer.fields.error(f"{name} is {str(value)[:60]}, whole numbers for both ends are wanted")
    return [(row[0], row[1]) for row in found]


def read_padding(layer: Reading) -> Blob:
    """ZeroPadding1D, ZeroPadding2D."""
    axes, blob = axes_of(layer), image(layer)
    border = tuple(sides(layer, "padding", axes))
    before, after = zip(*border, strict=True)
    return layer.add(Pad((*before, *after)) if axes == 2 else ConstantPad(before, after), blob)


def read_cropping(layer: Reading) -> Blob:
    """Cropping1D, Cropping2D."""
    return cut(layer, image(layer), sides(layer, "cropping", axes_of(layer)))
