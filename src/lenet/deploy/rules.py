"""Rules by which one layer is said through others, a row of :data:`RULES` for each type of layer.

A rule takes the layer, its weights and its place, and gives a chain of layers with theirs that computes
the same numbers, an empty one for a layer that does nothing when testing, None where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, TypeAlias

from lenet.layers.activation import ReLU
from lenet.layers.affine import Bias, Scale
from lenet.layers.arithmetic import Clip, Power
from lenet.layers.arrange import Flatten, Split
from lenet.layers.batch_norm import BatchNorm
from lenet.layers.channel_dense import ChannelDense, TableDense
from lenet.layers.connection_table import Table, full_table, outputs_of
from lenet.layers.constant_pad import ConstantPad
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout
from lenet.layers.gaussian_window import gaussian_window
from lenet.layers.image_shapes import pair
from lenet.layers.noise import GaussianNoise, SpatialDropout
from lenet.layers.pad import Pad
from lenet.layers.plain_dropout import PlainDropout
from lenet.layers.pooling import Pooling
from lenet.layers.power_pooling import GaussianPooling
from lenet.layers.rectification import LowerBound
from lenet.layers.sided_pooling import SidedPooling
from lenet.layers.subsampling import Subsampling
from lenet.layers.table_convolution import TableConvolution
from lenet.net import Node
from lenet.shapes import Array, Shape, count

Arrays = Mapping[str, Array]
Setting: TypeAlias = Any  # the layer: each rule knows the type of its own

LARGEST = 3.4028234663852886e38  # the largest number of single precision


@dataclass(frozen=True)
class Part:
    """A layer with its weights."""

    kind: Any
    arrays: Arrays = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """What stands around a layer: the shapes that come in, and the nodes that read what goes out."""

    inputs: tuple[Shape, ...]
    readers: tuple[Node, ...] = ()


Rule = Callable[[Setting, Arrays, Place], tuple[Part, ...] | None]


def _nothing(kind: Setting, arrays: Arrays, place: Place) -> tuple[Part, ...]:
    return ()


def _matrix(table: Table, weight: Array, inputs: int) -> Array:
    """A weight per row of a table as a matrix (outputs, inputs, ...)."""
    import numpy as np

    matrix = np.zeros((outputs_of(table), inputs, *weight.shape[1:]), weight.dtype)
    for (source, target), row in zip(table, weight, strict=True):
        matrix[target, source] += row
    return matrix


def connected(kind: TableConvolution, arrays: Arrays, place: Place) -> Part:
    """A convolution from all channels to all, with zeros where the table connects none."""
    matrix = _matrix(kind.table, arrays["weight"], place.inputs[0][1])
    return Part(Convolution(len(matrix), kind.window, kind.stride, bias=False), {"weight": matrix})


def _connected(kind: TableConvolution, arrays: Arrays, place: Place) -> tuple[Part, ...]:
    return (connected(kind, arrays, place),)


def _by_table(kind: Convolution, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """A border, a convolution that a table lists, and a bias of its own."""
    if type(kind) is not Convolution or len(place.inputs) != 1 or len(place.inputs[0]) != 4 or kind.axis != 1:
        return None
    if set(kind.dilation) != {1}:
        return None
    each_in, each_out = place.inputs[0][1] // kind.groups, kind.outputs // kind.groups
    table = tuple(
        (target // each_out * each_in + source, target)
        for target in range(kind.outputs)
        for source in range(each_in)
    )
    window, stride = pair(kind.window, "window"), pair(kind.stride, "stride")
    rows = arrays["weight"].reshape(-1, *window)
    parts = (*_bordered(kind), Part(TableConvolution(table, window, stride), {"weight": rows}))
    return parts + _added(arrays)


def _bordered(kind: Convolution) -> tuple[Part, ...]:
    down, across = pair(kind.pad, "pad", least=0)
    return (Part(Pad((down, across, down, across))),) if down or across else ()


def _added(arrays: Arrays) -> tuple[Part, ...]:
    return (Part(Bias(), {"bias": arrays["bias"]}),) if "bias" in arrays else ()


def _each_place(kind: ChannelDense, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    weight = arrays["weight"]
    if len(place.inputs[0]) == 2:
        return (Part(Dense(kind.outputs, bias=False), {"weight": weight}),)
    if not 3 <= len(place.inputs[0]) <= 5:
        return None
    ones = (1,) * (len(place.inputs[0]) - 2)
    window = Convolution(kind.outputs, ones, bias=False)
    return (Part(window, {"weight": weight.reshape(*weight.shape, *ones)}),)


def _listed(kind: TableDense, arrays: Arrays, place: Place) -> tuple[Part, ...]:
    rows = list(range(len(kind.table)))
    if not kind.summed:
        rows = sorted({target: row for row, (_, target) in enumerate(kind.table)}.values())
    table = tuple(kind.table[row] for row in rows)
    matrix = _matrix(table, arrays["weight"][rows], place.inputs[0][1])
    return (Part(Dense(len(matrix), bias=False), {"weight": matrix}),)


def _straight(kind: Dense, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """A matrix that lies the other way round turned back."""
    if not kind.transposed:
        return None
    return (Part(replace(kind, transposed=False), {**arrays, "weight": arrays["weight"].T.copy()}),)


def _through_window(kind: Dense, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """A window as large as the image, or a sum at its only place; then a bias."""
    shape = place.inputs[0]
    if kind.axis not in (1, 1 - len(shape)) or kind.transposed or len(shape) not in (2, 4):
        return None
    weight = arrays["weight"]
    if count(shape, 2) == 1:
        return (Part(ChannelDense(kind.outputs), {"weight": weight}), *_added(arrays))
    table = full_table(shape[1], kind.outputs)
    rows = weight.reshape(-1, *shape[2:])
    return (Part(TableConvolution(table, shape[2:], (1, 1)), {"weight": rows}), *_added(arrays))


def _summed(kind: Subsampling, arrays: Arrays, place: Place) -> tuple[Part, ...]:
    """A window of equal weights per channel; a rest that fills no block is 0."""
    import numpy as np

    channels, *sizes = place.inputs[0][1:]
    block = pair(kind.stride, "stride")
    weight = np.broadcast_to(arrays["weight"][:, None, None, None], (channels, 1, *block)).copy()
    sums = Part(Convolution(channels, block, block, groups=channels, bias=False), {"weight": weight})
    below, right = (int(size % step > 0) for size, step in zip(sizes, block, strict=True))
    return (sums, Part(Pad((0, 0, below, right)))) if below or right else (sums,)


def _gaussian(kind: GaussianPooling, arrays: Arrays, place: Place) -> tuple[Part, ...]:
    import numpy as np

    channels, window = place.inputs[0][1], pair(kind.window, "window")
    weights = gaussian_window(window, kind.coefficient).astype(np.float32)
    repeated = np.broadcast_to(weights, (channels, 1, *window)).copy()
    sums = Convolution(channels, window, kind.stride, groups=channels, bias=False)
    return (Part(sums, {"weight": repeated}),)


def _rounded(kind: Pooling, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """The other rule of rounding where both give the same places, with a number for each axis."""
    window = place.inputs[0][2:] if kind.window is None else pair(kind.window, "window")
    plain = replace(
        kind,
        window=window,
        stride=pair(kind.stride, "stride"),
        pad=pair(kind.pad, "pad", least=0) if any(kind.pad) else (0,),
        rounding="floor" if kind.rounding == "ceil" else "ceil",
    )
    if plain.shape(place.inputs) != kind.shape(place.inputs):
        return None
    return (Part(plain),)


def _paired(kind: Pooling, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """The same with a number for each axis."""
    window = place.inputs[0][2:] if kind.window is None else pair(kind.window, "window")
    return (Part(replace(kind, window=window, stride=pair(kind.stride, "stride"))),)


def _averaged(kind: Pooling, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """A mean of whole windows as a sum with one factor."""
    import numpy as np

    if kind.method != "average" or any(kind.pad):
        return None
    shape = place.inputs[0]
    window = shape[2:] if kind.window is None else pair(kind.window, "window")
    stride = window if kind.window is None else pair(kind.stride, "stride")
    whole = Pooling("average", window, stride, rounding="floor")
    if whole.shape(place.inputs) != kind.shape(place.inputs):
        return None
    channels, share = shape[1], np.float32(1 / prod(window))
    if window == stride and all(size % side == 0 for size, side in zip(shape[2:], window, strict=True)):
        return (Part(Subsampling(window), {"weight": np.full(channels, share, np.float32)}),)
    weight = np.full((channels, 1, *window), share, np.float32)
    return (Part(Convolution(channels, window, stride, groups=channels, bias=False), {"weight": weight}),)


def _same_sides(kind: SidedPooling, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """The pooling that has one border for both sides, where they are the same or the rest is not reached."""
    if len(place.inputs[0]) != 4 or (kind.method == "average" and not kind.counted and any(kind.before)):
        return None
    window, stride = pair(kind.window, "window"), pair(kind.stride, "stride")
    pad = pair(kind.before, "before", least=0)
    plain = Pooling(kind.method, window, stride, pad if any(pad) else (0,), rounding="ceil")
    if plain.shape(place.inputs) != kind.shape(place.inputs):
        plain = replace(plain, rounding="floor")
    if plain.shape(place.inputs) != kind.shape(place.inputs):
        return None
    even = kind.before == kind.after or not any(pad)
    return (Part(plain),) if kind.method == "max" or (even and not kind.counted) else None


def _around_images(kind: ConstantPad, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """A border of zeros around images."""
    if (
        len(place.inputs[0]) != 4
        or kind.value
        or len(kind.before) < 2
        or any((*kind.before[:-2], *kind.after[:-2]))
    ):
        return None
    (top, left), (bottom, right) = kind.before[-2:], kind.after[-2:]
    return (Part(Pad((top, left, bottom, right))),)


def _bounded(kind: LowerBound, arrays: Arrays, place: Place) -> tuple[Part, ...]:
    return (Part(ReLU() if kind.bound == 0 else Clip(kind.bound, LARGEST)),)


def _cut(kind: ReLU, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    return (Part(LowerBound(0.0)),) if kind.slope == 0 else None


def _weakened(kind: PlainDropout, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """Where nothing is dropped all are multiplied by their chance of staying."""
    return None if kind.drops == "always" else (Part(Power(scale=1 - kind.ratio)),)


def _normalized(kind: BatchNorm, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """Gathered mean and variance are one factor and one number added per channel."""
    import numpy as np

    if kind.stored is False or len(place.inputs[0]) < 2:
        return None
    divisor = float(arrays["count"].reshape(-1)[0])
    factor = 1 / divisor if divisor else 0.0
    mean, variance = (arrays[name].astype(np.float64) * factor for name in ("mean", "variance"))
    weight = 1 / np.sqrt(variance + kind.eps)
    arrays = {"weight": weight.astype(np.float32), "bias": (-mean * weight).astype(np.float32)}
    return (Part(Scale(bias=True), arrays),)


def _split_bias(kind: Scale, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    if not kind.bias or len(place.inputs) != 1:
        return None
    scaled = Part(replace(kind, bias=False), {"weight": arrays["weight"]})
    return scaled, Part(Bias(kind.axis, axes=kind.axes), {"bias": arrays["bias"]})


def _scaled(kind: Power, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """A factor and a number added, the same for all features."""
    import numpy as np

    if kind.power != 1 or len(place.inputs[0]) < 2:
        return None
    channels = place.inputs[0][1]
    weight = {"weight": np.full(channels, kind.scale, np.float32)} if kind.scale != 1 else {}
    bias = {"bias": np.full(channels, kind.shift, np.float32)} if kind.shift else {}
    return ((Part(Scale(), weight),) if weight else ()) + ((Part(Bias(), bias),) if bias else ())


def _flat_already(kind: Flatten, arrays: Arrays, place: Place) -> tuple[Part, ...] | None:
    """Nothing, where there is one number per feature anyway or only dense layers follow."""
    if kind != Flatten():
        return None
    dense = all(isinstance(node.kind, Dense) and node.kind.axis in (1, -1) for node in place.readers)
    return () if count(place.inputs[0], 2) == 1 or (dense and place.readers) else None


#: for each type of layer the rules, the best first
RULES: Mapping[type, tuple[Rule, ...]] = {
    TableConvolution: (_connected,),
    Convolution: (_by_table,),
    ChannelDense: (_each_place,),
    TableDense: (_listed,),
    Dense: (_straight, _through_window),
    Subsampling: (_summed,),
    GaussianPooling: (_gaussian,),
    Pooling: (_paired, _rounded, _averaged),
    LowerBound: (_bounded,),
    ReLU: (_cut,),
    Dropout: (_nothing,),
    PlainDropout: (_weakened,),
    Split: (_nothing,),
    GaussianNoise: (_nothing,),
    SpatialDropout: (_nothing,),
    SidedPooling: (_same_sides,),
    ConstantPad: (_around_images,),
    BatchNorm: (_normalized,),
    Scale: (_split_bias,),
    Power: (_scaled,),
    Flatten: (_flat_already,),
}
