"""Where in the image an output position looks: the geometry of windows that slide on windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lenet.errors import DescriptionError
from lenet.layers import (
    Concat,
    ContrastNormalization,
    Convolution,
    Dense,
    DivisiveNormalization,
    Eltwise,
    Fit,
    Flatten,
    GaussianPooling,
    Input,
    Interlace,
    LaplacianPyramid,
    Pad,
    Pooling,
    PowerPooling,
    Resize,
    Shifts,
    Subsampling,
    SubtractiveNormalization,
    TableConvolution,
    WindowMerge,
)
from lenet.layers.fit import Place
from lenet.layers.image_shapes import pair, sizes_of
from lenet.net import Net, Node, NodeShapes, type_name
from lenet.shapes import Shape

# What slides: (first pixel, pixels, step) of a layer's outputs on its input, per axis.
Slide = tuple[float, float, float]
_SAME: tuple[Slide, Slide] = (0, 1, 1), (0, 1, 1)


@dataclass(frozen=True)
class Reach:
    """Along one axis: output position p sees `size` pixels of the image from `start` + p `step` on.

    Zeros that a layer puts around the image count as pixels beyond its border.
    """

    start: float = 0.0
    size: float = 1.0
    step: float = 1.0

    def through(self, slide: Slide) -> Reach:
        """What the outputs of a layer see whose windows slide over these positions."""
        first, pixels, step = slide
        return Reach(self.start + first * self.step, self.size + (pixels - 1) * self.step, step * self.step)

    def moved(self, pixels: float) -> Reach:
        """The same counted from another pixel."""
        return Reach(self.start + pixels, self.size, self.step)

    def scaled(self, factor: float) -> Reach:
        """The same on an image that is `factor` times as large."""
        return Reach(self.start * factor, self.size * factor, self.step * factor)

    def joined(self, other: Reach) -> Reach:
        """What is seen where outputs of both are brought together."""
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Reach(start, end - start, max(self.step, other.step))


@dataclass(frozen=True)
class Field:
    """What an output position sees, on both axes."""

    rows: Reach = Reach()
    columns: Reach = Reach()

    @property
    def size(self) -> tuple[int, int]:
        """The pixels that one output position sees."""
        return round(self.rows.size), round(self.columns.size)

    @property
    def least(self) -> tuple[int, int]:
        """The same without zeros that layers put around the image, taken to be as many at its end."""
        rows, columns = (max(1, round(r.size + 2 * min(r.start, 0))) for r in (self.rows, self.columns))
        return rows, columns

    def within(self, place: Place, image: tuple[int, int]) -> Field:
        """What is seen of an image of (height, width) that was resized to lie at `place`."""
        return Field(
            self.rows.moved(-place.top).scaled(image[0] / place.height),
            self.columns.moved(-place.left).scaled(image[1] / place.width),
        )

    def joined(self, other: Field) -> Field:
        """What is seen where outputs of both are brought together."""
        return Field(self.rows.joined(other.rows), self.columns.joined(other.columns))


def receptive_field(net: Net, shapes: Sequence[NodeShapes], blob: str) -> Field:
    """What the positions of a blob see of the network's input.

    `shapes` are those of `net`, which has been made fully convolutional.

    Differs: EBLearn leaves out the strides of convolutions, so that its boxes are wrong where they are
    not 1; here they count.  It does not look back through its merging modules.

    Raises: DescriptionError, with the layer's name and place, where a layer has no positions.
    """
    fields: dict[str, Field] = {}
    for node, its in zip(net.nodes, shapes, strict=True):
        outputs = _fields(node, its, fields)
        fields.update(zip(node.outputs, outputs, strict=True))
    return fields[blob]


def _fields(node: Node, shapes: NodeShapes, known: Mapping[str, Field]) -> list[Field]:
    kind, count = node.kind, len(node.outputs)
    seen = [known[name] for name in node.inputs]
    if not seen:
        return [Field()] * count
    if isinstance(kind, Shifts):
        return _shifted(kind, seen[0])
    if isinstance(kind, WindowMerge):
        windows = zip(seen, kind.windows, kind.strides, strict=True)
        return [_joined([_slid(field, window, stride) for field, window, stride in windows])]
    if isinstance(kind, Concat | Eltwise):
        return [_joined(seen)]
    if isinstance(kind, Interlace):
        down, across = pair(kind.stride, "stride")
        field = _joined(seen)
        rows = Reach(field.rows.start, field.rows.size, field.rows.step / down)
        return [Field(rows, Reach(field.columns.start, field.columns.size, field.columns.step / across))]
    return [_one(node, shapes, seen[0])] * count


def _one(node: Node, shapes: NodeShapes, seen: Field) -> Field:
    """What a layer's positions see that has one input."""
    kind, shape = node.kind, shapes.inputs[0]
    if isinstance(kind, Resize):
        sizes = zip(sizes_of(shape), sizes_of(kind.shape([shape])[0]), strict=True)
        down, across = (old / new for old, new in sizes)
        return Field(seen.rows.through((0, down, down)), seen.columns.through((0, across, across)))
    slides = _slides(kind, shape)
    if slides == _SAME and any(made[2:] != shape[2:] for made in shapes.outputs):
        slides = None  # a layer that moves positions about, nobody told how
    if slides is None:
        message = f"layer '{node.name}' ({type_name(kind)}) has no positions in the image"
        raise DescriptionError(message, node.where, "only convolutional networks can be slid over images")
    return Field(seen.rows.through(slides[0]), seen.columns.through(slides[1]))


def _slides(kind: object, shape: Shape) -> tuple[Slide, Slide] | None:
    """How a layer's windows slide over its input; None if they do not, or it is no such layer."""
    if isinstance(kind, Pad):
        top, left, _, _ = kind.sides
        return (-top, 1, 1), (-left, 1, 1)
    if isinstance(kind, Convolution):
        window, dilation = pair(kind.window, "window"), pair(kind.dilation, "dilation")
        extents = tuple(step * (side - 1) + 1 for side, step in zip(window, dilation, strict=True))
        return _window(extents, kind.stride, kind.pad)
    if isinstance(kind, Pooling):
        return _window(kind.window or shape[2:], kind.stride, kind.pad)
    if isinstance(kind, TableConvolution | GaussianPooling | PowerPooling):
        return _window(kind.window, kind.stride)
    if isinstance(kind, Subsampling):
        return _window(kind.stride, kind.stride)
    if isinstance(kind, SubtractiveNormalization | DivisiveNormalization | ContrastNormalization):
        return _normalized(kind)
    if isinstance(kind, Dense | Fit | Flatten | Input | LaplacianPyramid):
        return None
    return _SAME  # number by number, or a neighbourhood that is not counted


def _normalized(
    kind: SubtractiveNormalization | DivisiveNormalization | ContrastNormalization,
) -> tuple[Slide, Slide]:
    """Neighbours are not counted as seen, except those that are lost at the border."""
    if kind.border != "none":
        return _SAME
    steps = 2 if isinstance(kind, ContrastNormalization) else 1
    down, across = (steps * (side - 1) + 1 for side in pair(kind.window, "window"))
    return (0, down, 1), (0, across, 1)


def _window(
    window: Sequence[int], stride: Sequence[int], around: Sequence[int] = (0,)
) -> tuple[Slide, Slide]:
    (height, width), (down, across) = pair(tuple(window), "window"), pair(tuple(stride), "stride")
    top, left = pair(tuple(around), "pad", least=0)
    return (-top, height, down), (-left, width, across)


def _slid(field: Field, window: tuple[int, int], stride: tuple[int, int]) -> Field:
    rows, columns = _window(window, stride)
    return Field(field.rows.through(rows), field.columns.through(columns))


def _shifted(kind: Shifts, seen: Field) -> list[Field]:
    (down, across), (below, right) = pair(kind.count, "count"), pair(kind.stride, "stride")
    return [
        Field(seen.rows.through((row * below, 1, 1)), seen.columns.through((column * right, 1, 1)))
        for row in range(down)
        for column in range(across)
    ]


def _joined(fields: Sequence[Field]) -> Field:
    result = fields[0]
    for field in fields[1:]:
        result = result.joined(field)
    return result
