"""ONNX's operators on single numbers, and sums and products, as layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lenet.dialects.onnx.reading import Op
from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.activation_gated import GELU, SELU, HardSigmoid, HardSwish, Mish, PlacePReLU, Softsign
from lenet.layers.activation_smooth import ELU, PReLU, Softplus
from lenet.layers.affine import Bias, Scale
from lenet.layers.answer import Softmax
from lenet.layers.arithmetic import Clip, Exponential, Logarithm, Power
from lenet.layers.combine import Eltwise
from lenet.layers.layer import Layer
from lenet.layers.rectification import Absolute, LowerBound
from lenet.shapes import Array, along_channels, count

_LARGEST = 3.4028234663852886e38
_ALIGNED = 7  # the opset since which constants are aligned with the last axes
_SELU_CHANGED = 6  # the opset since which Selu has all digits: by whether a file is older, its defaults
_SELU = {
    False: (("alpha", 1.6732631921768188), ("gamma", 1.0507010221481323)),
    True: (("alpha", 1.6732), ("gamma", 1.0507)),
}


def _layer(make: Callable[[Op], Layer]) -> Callable[[Op], None]:
    """An operator that is one layer without weights."""

    def read(op: Op) -> None:
        op.add(make(op))

    return read


def added(op: Op) -> None:
    """Add and Sub, of two blobs or of a blob and a constant."""
    import numpy as np

    minus = op.type == "Sub"
    if not (op.is_constant(0) or op.is_constant(1)):
        _two(op, Eltwise("sum", (1, -1) if minus else ()))
        return
    which = 0 if op.is_constant(0) else 1
    array = op.constant(which, "term").astype(np.float32)
    inputs = [op.inputs[1 - which]]
    if minus and which == 0:
        inputs = list(op.add(Power(scale=-1.0), inputs=inputs, last=False))
    _combined(op, inputs, -array if minus and which == 1 else array, is_factor=False)


def summed(op: Op) -> None:
    """Sum of any number of blobs, or of a blob and a constant."""
    if len(op.inputs) == 1:
        op.alias()
    elif len(op.inputs) == 2:
        added(op)
    else:
        _same_shapes(op, op.inputs)
        op.add(Eltwise("sum"), inputs=op.inputs)


def multiplied(op: Op) -> None:
    """Mul and Div, of two blobs or of a blob and a constant."""
    import numpy as np

    divides = op.type == "Div"
    if not (op.is_constant(0) or op.is_constant(1)):
        inputs = list(op.inputs[:2])
        if divides:
            inputs[1:] = op.add(Power(power=-1.0), inputs=inputs[1:], last=False)
        if op.inputs[0] == op.inputs[1] and not divides:
            op.add(Power(power=2.0))
        else:
            _two(op, Eltwise("product"), inputs)
        return
    which = 0 if op.is_constant(0) else 1
    array = op.constant(which, "factor").astype(np.float32)
    inputs = [op.inputs[1 - which]]
    if divides and which == 0:
        inputs = list(op.add(Power(power=-1.0), inputs=inputs, last=False))
    _combined(op, inputs, 1 / array if divides and which == 1 else array, is_factor=True)


def _two(op: Op, kind: Layer, inputs: list[str] | None = None) -> None:
    first, second = op.shape(0), op.shape(1)
    if first != second:
        raise op.error(f"combines inputs of different shapes, {first} and {second}")
    op.add(kind, inputs=inputs or op.inputs[:2])


def _combined(op: Op, inputs: list[str], array: Array, is_factor: bool) -> None:
    """A constant along the axes where it has more than one number."""
    import numpy as np

    shape = op.reading.shapes[inputs[0]]
    if array.ndim > len(shape):
        raise op.error("makes more axes than its input has")
    if array.size == 1:
        number = float(array.reshape(-1)[0])
        op.add(Power(scale=number) if is_factor else Power(shift=number), inputs=inputs)
        return
    array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    places = [axis for axis, size in enumerate(array.shape) if size > 1]
    start, end = places[0], places[-1] + 1
    if start == 0:
        raise op.error("combines each sample of a batch with another number")
    numbers = array.reshape(array.shape[start:end])
    if numbers.size != count(shape, start, end):
        if any(here not in (1, there) for here, there in zip(numbers.shape, shape[start:end], strict=True)):
            raise op.error(f"combines {shape} with a constant of {array.shape}")
        numbers = np.broadcast_to(numbers, shape[start:end])
    kind: Layer = Scale(start, axes=end - start) if is_factor else Bias(start, axes=end - start)
    op.add(kind, {"weight" if is_factor else "bias": numbers}, inputs)


def largest(op: Op) -> None:
    """Max of any number of blobs and numbers."""
    blobs, numbers = _blobs_and_numbers(op)
    if len(blobs) > 1:
        blobs = list(op.add(Eltwise("max"), inputs=blobs, last=not numbers))
    elif not numbers:
        op.alias()
    if numbers:
        op.add(LowerBound(max(numbers)), inputs=blobs)


def smallest(op: Op) -> None:
    """Min of a blob and any number of numbers."""
    blobs, numbers = _blobs_and_numbers(op)
    if len(blobs) > 1:
        raise op.error("takes the smallest of several blobs, only that of one and a number can be said")
    if numbers:
        op.add(Clip(-_LARGEST, min(numbers)), inputs=blobs)
    else:
        op.alias()


def _blobs_and_numbers(op: Op) -> tuple[list[str], list[float]]:
    """The inputs that the network computes, all of one shape, and those that are numbers."""
    places = range(len(op.inputs))
    blobs = [op.inputs[place] for place in places if not op.is_constant(place)]
    if not blobs:
        raise op.error("has nothing but constants as its inputs")
    _same_shapes(op, blobs)
    return blobs, [_number(op, place) for place in places if op.is_constant(place)]


def _same_shapes(op: Op, blobs: Sequence[str]) -> None:
    shapes = {op.shape(op.inputs.index(blob)) for blob in blobs}
    if len(shapes) != 1:
        raise op.error(f"combines inputs of different shapes, {' and '.join(map(str, sorted(shapes)))}")


def _number(op: Op, index: int) -> float:
    array = op.constant(index, "bound")
    ranks = [len(op.reading.shapes[name]) for name in op.inputs if name in op.reading.shapes]
    if array.size != 1:
        raise op.error("has more than one number as its bound")
    if array.ndim > max(ranks, default=0):
        raise op.error("makes more axes than its input has")
    return float(array.reshape(-1)[0])


def clip(op: Op) -> None:
    """Clip; without a bound there is none."""
    bounds = [op.get("min", -_LARGEST), op.get("max", _LARGEST)]
    for place in (1, 2):
        if op.given(place):
            bounds[place - 1] = _number(op, place)
    op.add(Clip(float(bounds[0]), float(bounds[1])))


def power(op: Op) -> None:
    """Pow with a number."""
    op.add(Power(_number(op, 1)))


def prelu(op: Op) -> None:
    """PRelu: a slope for all, for each channel, or for each place."""
    slopes, shape = op.constant(1, "slope"), op.shape()
    if op.reading.opset < _ALIGNED and slopes.shape == shape[1:2]:  # one for each channel, not the last axis
        slopes = slopes.reshape(along_channels(len(shape)))
    if slopes.ndim > len(shape):
        raise op.error(f"its slopes {slopes.shape} have more axes than its input")
    aligned = (1,) * (len(shape) - slopes.ndim) + slopes.shape  # ONNX counts axes from the last
    if slopes.size == 1:
        op.add(PReLU(shared=True), {"weight": slopes.reshape(())})
    elif aligned == (1, *shape[1:2], *(1,) * (len(shape) - 2)):
        op.add(PReLU(), {"weight": slopes.reshape(-1)})
    elif aligned == (1, *shape[1:]):
        op.add(PlacePReLU(), {"weight": slopes.reshape(shape[1:])})
    else:
        raise op.error(f"its slopes {slopes.shape} lie along other axes of {shape} than that of the channels")


def selu(op: Op) -> None:
    """Selu with the constants of its authors."""
    alpha, gamma = (float(op.get(name, usual)) for name, usual in _SELU[op.reading.opset < _SELU_CHANGED])
    if any(abs(found - usual) > 1e-6 for found, (_, usual) in zip((alpha, gamma), _SELU[False], strict=True)):
        raise op.error(f"has alpha {alpha:g} and gamma {gamma:g}, only 1.67326 and 1.0507 can be said")
    op.add(SELU())


def softmax(op: Op) -> None:
    """Softmax; before opset 13 it worked on all axes from its own on."""
    rank = len(op.shape())
    axis = int(op.get("axis", -1 if op.reading.opset >= 13 else 1)) % rank
    if op.reading.opset < 13 and axis != rank - 1 and count(op.shape(), axis + 1) != 1:
        raise op.error(f"takes all axes from {axis} on together, which cannot be said here")
    op.add(Softmax(axis))


NUMBER_OPERATORS: dict[str, Callable[[Op], None]] = {
    "Add": added,
    "Sub": added,
    "Mul": multiplied,
    "Div": multiplied,
    "Sum": summed,
    "Max": largest,
    "Min": smallest,
    "Clip": clip,
    "Pow": power,
    "PRelu": prelu,
    "Softmax": softmax,
    "Relu": _layer(lambda op: ReLU()),
    "LeakyRelu": _layer(lambda op: ReLU(float(op.get("alpha", 0.01)))),
    "Elu": _layer(lambda op: ELU(float(op.get("alpha", 1.0)))),
    "Selu": selu,
    "Gelu": _layer(lambda op: GELU(op.get("approximate", "none") == "tanh")),
    "Sigmoid": _layer(lambda op: Sigmoid()),
    "HardSigmoid": _layer(lambda op: HardSigmoid(float(op.get("alpha", 0.2)), float(op.get("beta", 0.5)))),
    "HardSwish": _layer(lambda op: HardSwish()),
    "Mish": _layer(lambda op: Mish()),
    "Tanh": _layer(lambda op: TanH()),
    "Softplus": _layer(lambda op: Softplus()),
    "Softsign": _layer(lambda op: Softsign()),
    "Abs": _layer(lambda op: Absolute()),
    "Neg": _layer(lambda op: Power(scale=-1.0)),
    "Exp": _layer(lambda op: Exponential()),
    "Log": _layer(lambda op: Logarithm()),
    "Sqrt": _layer(lambda op: Power(0.5)),
    "Reciprocal": _layer(lambda op: Power(-1.0)),
}
