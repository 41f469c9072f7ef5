"""ONNX's operators that join, cut and rearrange, as layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
from typing import Any

from lenet.dialects.onnx.reading import Op
from lenet.layers.arrange import Flatten
from lenet.layers.combine import Concat
from lenet.layers.constant_pad import ConstantPad
from lenet.layers.pad import Pad
from lenet.layers.pooling import Pooling
from lenet.layers.reduction import ArgMax, Reduction
from lenet.layers.reshape import Reshape, Slice
from lenet.layers.selection import Narrow, Select
from lenet.layers.transpose import Transpose
from lenet.layers.upsample import Upsample
from lenet.shapes import Shape

_FLOAT = 1  # TensorProto.FLOAT
_FAR = 2**31 - 1  # an end beyond this means that of the axis
_REDUCTIONS: dict[str, Any] = {
    "ReduceSum": "sum",
    "ReduceMean": "mean",
    "ReduceL1": "absolute",
    "ReduceSumSquare": "squares",
}


def same(op: Op) -> None:
    """Identity, and Dropout when it is used."""
    if len([name for name in op.outputs if name]) > 1:
        raise op.error("gives what it dropped as a second output")
    op.alias()


def cast(op: Op) -> None:
    """A cast to the type that all numbers have here anyway."""
    if op.get("to", 0) != _FLOAT:
        raise op.error("makes other numbers than float32 of what it gets")
    op.alias()


def concat(op: Op) -> None:
    """Concat."""
    op.add(Concat(int(op.attributes["axis"])), inputs=op.inputs)


def split(op: Op) -> None:
    """Split, in equal parts or in given ones."""
    sizes = op.get("split", None)
    if op.given(1):
        sizes = op.constant(1, "sizes").tolist()
    points = tuple(accumulate(sizes))[:-1] if sizes else ()
    op.add(Slice(len(op.outputs), points, int(op.get("axis", 0))))


def flatten(op: Op) -> None:
    """Flatten to two axes."""
    rank = len(op.shape())
    axis = int(op.get("axis", 1))
    axis += rank if axis < 0 else 0
    if axis in (0, rank):
        raise op.error(f"flattens {rank} axes at axis {axis}, which joins the samples of a batch")
    if axis == 1:
        op.add(Flatten())
        return
    op.add(Reshape((-1, prod(op.shape()[axis:]))))


def reshape(op: Op) -> None:
    """Reshape to sizes that are known."""
    sizes = tuple(int(size) for size in op.constant(1, "shape").reshape(-1))
    if op.get("allowzero", 0) and 0 in sizes:
        raise op.error("makes an empty blob")
    if len(sizes) == 2 and sizes[0] in (0, -1) and sizes[1] in (-1, prod(op.shape()[1:])):
        op.add(Flatten())
    else:
        op.add(Reshape(sizes))


def resqueezed(op: Op) -> None:
    """Squeeze and Unsqueeze: axes of size 1 taken out or put in."""
    axes = op.get("axes", None)
    if op.given(1):
        axes = op.constant(1, "axes").reshape(-1).tolist()
    shape = list(op.shape())
    if op.type == "Squeeze":
        rank = len(shape)
        gone = {axis % rank for axis in axes} if axes else {at for at, size in enumerate(shape) if size == 1}
        kept = [size for axis, size in enumerate(shape) if axis not in gone]
    else:
        gone, kept = {axis % (len(shape) + len(axes)) for axis in axes}, list(shape)
        for axis in sorted(gone):
            kept.insert(axis, 1)
    if 0 in gone or not kept:
        raise op.error("changes the batch axis")
    op.add(Reshape((0, *kept[1:])))


def transpose(op: Op) -> None:
    """Transpose; by default the axes the other way round."""
    order = tuple(op.get("perm", tuple(reversed(range(len(op.shape()))))))
    if order == tuple(range(len(order))):
        op.alias()
    else:
        op.add(Transpose(order))


def pad(op: Op) -> None:
    """Pad with a number."""
    if op.get("mode", "constant") != "constant":
        raise op.error(f"mirrors its input ('{op.get('mode', '')}'), only numbers can be put around it")
    pads = op.constant(1, "border").tolist() if op.given(1) else list(op.get("pads", ()))
    value = float(op.constant(2, "number").reshape(-1)[0]) if op.given(2) else float(op.get("value", 0.0))
    half = len(pads) // 2
    before, after = tuple(pads[:half]), tuple(pads[half:])
    if op.given(3) or half != len(op.shape()):
        raise op.error("names the axes of its border")
    if half == 4 and not value and not any((*before[:2], *after[:2])) and min(pads) >= 0:
        op.add(Pad((*before[2:], *after[2:])))
    else:
        op.add(ConstantPad(before, after, value))


def reduced(op: Op) -> None:
    """A sum or mean over the last axes, or over the places of images."""
    rank = len(op.shape())
    axes = op.get("axes", None)
    if op.given(1):
        axes = op.constant(1, "axes").reshape(-1).tolist()
    if not axes and op.get("noop_with_empty_axes", 0):
        if op.type not in ("ReduceSum", "ReduceMean"):
            raise op.error("works along no axis")
        op.alias()
        return
    places = sorted(axis % rank for axis in axes) if axes else list(range(rank))
    keeps = bool(op.get("keepdims", 1))
    if keeps and op.type == "ReduceMean" and rank == 4 and places == [2, 3]:
        op.add(Pooling("average", None, rounding="floor"))
        return
    if places != list(range(places[0], rank)):
        raise op.error(f"works along the axes {places}, only the last ones can be said")
    kind = Reduction(_REDUCTIONS[op.type], places[0])
    if not keeps:
        op.add(kind)
        return
    name = op.add(kind, last=False)
    shape: Shape = op.shape()
    op.add(Reshape((*(0 for _ in shape[: places[0]]), *(1 for _ in places))), inputs=name)


def argmax(op: Op) -> None:
    """ArgMax; of equal numbers ours takes the last."""
    axis, rank = int(op.get("axis", 0)), len(op.shape())
    if not op.get("select_last_index", 0):
        op.reading.notes.inform(
            f"node '{op.name}' (ArgMax): of equal numbers the last is taken, not the first", op.reading.where
        )
    if op.get("keepdims", 1):
        op.add(ArgMax(axis=axis))
        return
    name = op.add(ArgMax(axis=axis), last=False)
    kept = [size for at, size in enumerate(op.shape()) if at != axis % rank]
    op.add(Reshape((0, *kept[1:])), inputs=name)


def cut(op: Op) -> None:
    """Slice without steps, one stretch after the other."""
    rank = len(op.shape())
    if op.given(1):
        starts, ends = (op.constant(place, "place").tolist() for place in (1, 2))
        axes = op.constant(3, "axes").tolist() if op.given(3) else list(range(len(starts)))
        steps = op.constant(4, "steps").tolist() if op.given(4) else [1] * len(starts)
    else:
        starts, ends = list(op.attributes["starts"]), list(op.attributes["ends"])
        axes, steps = list(op.get("axes", range(len(starts)))), [1] * len(starts)
    if set(steps) != {1}:
        raise op.error(f"takes steps of {steps}, only 1 can be said")
    names: Sequence[str] = [op.inputs[0]]
    for place, (start, end, axis) in enumerate(zip(starts, ends, axes, strict=True)):
        size = op.shape()[axis % rank]
        first = min(start + size if start < 0 else start, size)
        last = min(end + size if end < 0 else end, size) if end < _FAR else size
        kind = Narrow(axis % rank, last - first, (first,))
        names = op.add(kind, inputs=names, last=place == len(axes) - 1)


def gather(op: Op) -> None:
    """Gather of features by constant numbers."""
    numbers = op.constant(1, "numbers")
    if int(op.get("axis", 0)) % len(op.shape()) != 1 or numbers.ndim != 1:
        raise op.error("picks along another axis than that of the features")
    size = op.shape()[1]
    op.add(Select(tuple(int(number) % size for number in numbers)))


def resize(op: Op) -> None:
    """Resize and Upsample by whole factors that are known."""
    place = 1 if op.type == "Upsample" else 2
    if not op.given(place):
        raise op.error("tells the size instead of a factor")
    factors = op.constant(place, "factors").tolist()
    mode = str(op.get("mode", "nearest"))
    old = op.type == "Upsample"  # which takes what lies at the left
    places = op.get("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    rounding = op.get("nearest_mode", "floor" if old else "round_prefer_floor")
    plain = _repeats(places, rounding, factors) if mode == "nearest" else mode == "linear" and _middle(places)
    whole = all(factor == round(factor) >= 1 for factor in factors) and factors[:2] == [1, 1]
    if not whole or not plain or list(op.get("axes", range(len(factors)))) != list(range(len(factors))):
        ways = ", ".join(f"'{way}'" for way in (mode, places, rounding)[: 3 if mode == "nearest" else 2])
        raise op.error(f"resizes by {factors} with {ways}, which cannot be said here")
    method: Any = "nearest" if mode == "nearest" else "bilinear"
    op.add(Upsample(tuple(int(factor) for factor in factors[2:]), method))


def _middle(places: str) -> bool:
    return places == "half_pixel"


def _repeats(places: str, rounding: str, factors: Sequence[float]) -> bool:
    """Whether each number is repeated as often as its factor says.

    Place i of a factor f is i / f, or (i + 0.5) / f - 0.5, which is less than 0.5 from the number that is
    repeated; to round the first is the same only where half of a number is the most that is left over.
    """
    if places == "asymmetric":
        return rounding == "floor" or (rounding == "round_prefer_floor" and max(factors) <= 2)
    return _middle(places) and rounding.startswith("round_prefer")


ARRANGE_OPERATORS: dict[str, Callable[[Op], None]] = {
    "Identity": same,
    "Dropout": same,
    "Cast": cast,
    "Concat": concat,
    "Split": split,
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": resqueezed,
    "Unsqueeze": resqueezed,
    "Transpose": transpose,
    "Pad": pad,
    "ReduceSum": reduced,
    "ReduceMean": reduced,
    "ReduceL1": reduced,
    "ReduceSumSquare": reduced,
    "ArgMax": argmax,
    "Slice": cut,
    "Gather": gather,
    "Resize": resize,
    "Upsample": resize,
}
