"""ONNX's operators that slide windows, and products with matrices, as layers."""

from __future__ import annotations

from lenet.dialects.onnx.reading import Op
from lenet.layers.affine import Scale
from lenet.layers.batch_norm import BatchNorm
from lenet.layers.constant_pad import ConstantPad
from lenet.layers.convolution import Convolution
from lenet.layers.deconvolution import Deconvolution
from lenet.layers.dense import Dense
from lenet.layers.layer import Layer
from lenet.layers.normalization import LRN
from lenet.layers.pad import Pad
from lenet.layers.pooling import Pooling
from lenet.layers.sided_pooling import SidedPooling
from lenet.shapes import Shape

Sides = tuple[tuple[int, ...], tuple[int, ...]]


def _sides(op: Op, window: Shape, stride: Shape, dilation: Shape) -> Sides:
    """The border before and after each spatial axis."""
    automatic = op.get("auto_pad", "NOTSET")
    axes, sizes = len(window), op.shape()[2:]
    if automatic in ("NOTSET", ""):
        pads = tuple(op.get("pads", (0,) * 2 * axes))
        return pads[:axes], pads[axes:]
    if automatic == "VALID":
        return (0,) * axes, (0,) * axes
    before, after = [], []
    for size, wide, step, spread in zip(sizes, window, stride, dilation, strict=True):
        extent = spread * (wide - 1) + 1
        both = max(0, (-(-size // step) - 1) * step + extent - size)
        less, more = both // 2, both - both // 2
        before.append(less if automatic == "SAME_UPPER" else more)
        after.append(more if automatic == "SAME_UPPER" else less)
    return tuple(before), tuple(after)


def _per_axis(op: Op, name: str, axes: int) -> Shape:
    return tuple(op.get(name, (1,) * axes))


def convolution(op: Op) -> None:
    """Conv; borders that differ from side to side become a layer of their own."""
    weight = op.constant(1, "weight")
    axes = weight.ndim - 2
    window = tuple(weight.shape[2:])
    stride, dilation = _per_axis(op, "strides", axes), _per_axis(op, "dilations", axes)
    before, after = _sides(op, window, stride, dilation)
    inputs = [op.inputs[0]]
    if before != after:
        border: Layer = (
            Pad((before[0], before[1], after[0], after[1])) if axes == 2 else ConstantPad(before, after)
        )
        inputs, before = list(op.add(border, last=False)), (0,) * axes
    arrays = {"weight": weight}
    if op.given(2):
        arrays["bias"] = op.constant(2, "bias")
    kind = Convolution(
        len(weight), window, stride, before, dilation, int(op.get("group", 1)), bias=op.given(2)
    )
    op.add(kind, arrays, inputs)


def deconvolution(op: Op) -> None:
    """ConvTranspose."""
    weight = op.constant(1, "weight")
    axes = weight.ndim - 2
    groups = int(op.get("group", 1))
    if op.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or op.get("output_shape", None):
        raise op.error("takes its border from the size of its output, which cannot be said here")
    pads = tuple(op.get("pads", (0,) * 2 * axes))
    if any(op.get("output_padding", ())) or pads[:axes] != pads[axes:]:
        raise op.error("has borders that differ from side to side")
    arrays = {"weight": weight}
    if op.given(2):
        arrays["bias"] = op.constant(2, "bias")
    kind = Deconvolution(
        weight.shape[1] * groups,
        tuple(weight.shape[2:]),
        _per_axis(op, "strides", axes),
        pads[:axes],
        _per_axis(op, "dilations", axes),
        groups,
        bias=op.given(2),
    )
    op.add(kind, arrays)


def pooling(op: Op) -> None:
    """MaxPool and AveragePool."""
    window = tuple(op.attributes["kernel_shape"])
    axes = len(window)
    stride = _per_axis(op, "strides", axes)
    if set(_per_axis(op, "dilations", axes)) != {1}:
        raise op.error("has a window with gaps")
    before, after = _sides(op, window, stride, (1,) * axes)
    method = "max" if op.type == "MaxPool" else "average"
    if op.get("ceil_mode", 0):
        after = _rounded_up(op, window, stride, before, after)
    counted = bool(op.get("count_include_pad", 0))
    inside = not any((*before, *after))
    if axes == 2 and before == after and (method == "max" or counted or inside):
        op.add(Pooling(method, window, stride, before, rounding="floor"))  # type: ignore[arg-type]
    else:
        op.add(SidedPooling(method, window, stride, before, after, counted and not inside))  # type: ignore[arg-type]


def _rounded_up(op: Op, window: Shape, stride: Shape, before: Shape, after: Shape) -> Shape:
    """The border after each axis with which whole windows give as many places as rounding up does."""
    found = []
    for size, wide, step, first, last in zip(op.shape()[2:], window, stride, before, after, strict=True):
        rest = (size + first + last - wide) % step
        more = (step - rest) % step
        reached = size + first + last + more - wide  # where the last window begins
        found.append(last + more if reached < size + first else last)
    if op.type != "MaxPool" and tuple(found) != after and op.get("count_include_pad", 0):
        raise op.error("rounds up and counts its border: runtimes do not agree about that")
    return tuple(found)


def global_pooling(op: Op) -> None:
    """GlobalMaxPool and GlobalAveragePool."""
    method = "max" if op.type == "GlobalMaxPool" else "average"
    sizes = op.shape()[2:]
    if len(sizes) == 2:
        op.add(Pooling(method, None, rounding="floor"))  # type: ignore[arg-type]
    else:
        op.add(SidedPooling(method, sizes))  # type: ignore[arg-type]


def gemm(op: Op) -> None:
    """A product with a matrix and a bias."""
    if op.get("transA", 0) or op.get("alpha", 1.0) != 1 or (op.given(2) and op.get("beta", 1.0) != 1):
        raise op.error("turns its input round or multiplies by alpha or beta")
    weight = op.constant(1, "matrix")
    transposed = not op.get("transB", 0)
    outputs = weight.shape[1] if transposed else weight.shape[0]
    arrays = {"weight": weight}
    if op.given(2):
        import numpy as np

        arrays["bias"] = np.broadcast_to(op.constant(2, "bias").reshape(-1), (outputs,))
    op.add(Dense(outputs, bias=op.given(2), transposed=transposed), arrays)


def product(op: Op) -> None:
    """MatMul with a constant matrix."""
    weight = op.constant(1, "matrix")
    if weight.ndim != 2:
        raise op.error(f"multiplies with {weight.ndim} axes, 2 are wanted")
    axis = 1 if len(op.shape()) == 2 else -1
    op.add(Dense(weight.shape[1], bias=False, axis=axis, transposed=True), {"weight": weight})


def batch_norm(op: Op) -> None:
    """BatchNormalization as it is used: mean and variance that were gathered, factor and bias."""
    import numpy as np

    if op.get("training_mode", 0):
        raise op.error("is for training")
    scale, bias, mean, variance = (op.constant(place, "parameter") for place in (1, 2, 3, 4))
    kind = BatchNorm(stored=None, eps=float(op.get("epsilon", 1e-5)))
    arrays = {"mean": mean, "variance": variance, "count": np.ones(1, np.float32)}
    if np.all(scale == 1) and not np.any(bias):
        op.add(kind, arrays)
        return
    name = op.add(kind, arrays, last=False)
    op.add(Scale(bias=True), {"weight": scale, "bias": bias}, name)


def lrn(op: Op) -> None:
    """LRN."""
    alpha, beta, base = (float(op.get(*each)) for each in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    op.add(LRN(int(op.attributes["size"]), alpha, beta, base, "across"))


WINDOW_OPERATORS = {
    "Conv": convolution,
    "ConvTranspose": deconvolution,
    "MaxPool": pooling,
    "AveragePool": pooling,
    "GlobalMaxPool": global_pooling,
    "GlobalAveragePool": global_pooling,
    "Gemm": gemm,
    "MatMul": product,
    "BatchNormalization": batch_norm,
    "LRN": lrn,
}
