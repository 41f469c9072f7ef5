"""The picture of a network: a box for each layer, arrows for the blobs; drawn by Matplotlib alone."""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lenet.errors import UsageError
from lenet.net import Net, Node, is_unnamed, type_name
from lenet.report.graph_layout import Arrow, Layout, Point, lay_out
from lenet.report.style import LIGHT, SCREEN, shorten
from lenet.shapes import Shape, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIRECTIONS = ("LR", "RL", "TB", "BT")
ENDINGS = ("svg", "png", "pdf")

_NAME, _SMALL, _BLOB = 8.5, 7.0, 6.5  # points
_LINE, _PAD, _EDGE = 0.15, 0.09, 0.15  # inches: a line of words, around them, around the picture
_HEAD = 0.3  # inches between two ranks without words
_LETTERS = 40  # of a name; the rest is an ellipsis
_MOST_PIXELS = 20_000  # on a side of a PNG
_SOURCE, _ANSWER, _OTHER = "#cfe3f5", "#d5edd0", "#eeeeee"
_WINDOWS, _POOLING, _DENSE = "#f8c9c4", "#fbe3b5", "#d9d2f0"
_BORDER, _ARROW = "#777777", "#555555"


@dataclass(frozen=True)
class Look:
    """What is drawn: the `direction` of the arrows, the words of types, the shapes of blobs, the rates.

    `words` names the types of layers as their system does, by the layers' names; `shapes` are those of
    blobs that are known; `rates` shows the multipliers of the learning rate.
    """

    direction: str = "LR"
    words: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[tuple[int, str], Shape] = field(default_factory=dict)
    rates: bool = False


def draw(net: Net, ending: str, look: Look | None = None) -> bytes:
    """The picture of a network as the bytes of a .svg, .png or .pdf file.

    Layers that work in place are drawn on the layer whose output they change.

    Raises: UsageError for another direction or ending.
    """
    look = look or Look()
    check(look.direction, ending)
    figure = graph(net, look)
    memory = io.BytesIO()
    dots = min(SCREEN * 1.5, _MOST_PIXELS / max(figure.get_size_inches()))
    told: dict[str, str | None] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending, {})  # type: ignore[assignment]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure.savefig(memory, format=ending, dpi=dots, metadata=told)
    return memory.getvalue()


def check(direction: str, ending: str) -> None:
    """Refuse what cannot be drawn.

    Raises: UsageError.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"rankdir is '{direction}'", hint="LR, RL, TB or BT")
    if ending not in ENDINGS:
        raise UsageError(f"a drawing cannot be a .{ending}", hint="svg, png or pdf")


def graph(net: Net, look: Look) -> Figure:
    """The picture as a figure that is as large as the network needs it."""
    from matplotlib.figure import Figure

    boxes, arrows = connected(net)
    drawn = [_Box(net, members, look) for members in boxes]
    words = {arrow: _words(net, boxes, arrow, look) for arrow in arrows}
    sideways = look.direction in ("LR", "RL")
    sizes = [(box.width, box.height) if sideways else (box.height, box.width) for box in drawn]
    layout = lay_out(sizes, arrows, {arrow: _gap(words[arrow], sideways) for arrow in arrows})
    spread = (layout.length, layout.breadth) if sideways else (layout.breadth, layout.length)
    width, height = (max(size, 0.5) + 2 * _EDGE for size in spread)
    figure = Figure(figsize=(width, height), facecolor=LIGHT.background)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-_EDGE, width - _EDGE), ylim=(-_EDGE, height - _EDGE))
    axes.set_axis_off()
    place = _Turned(look.direction, layout.length, layout.breadth)
    for number, box in enumerate(drawn):
        box.draw(axes, place(layout.centres[number]))
    _draw_arrows(axes, layout, words, place)
    return figure


def connected(net: Net) -> tuple[list[list[int]], list[Arrow]]:
    """The layers of each box, by their numbers, and the arrows between boxes.

    Where phases bring a blob in several ways, each of them has its arrow.
    """
    boxes: list[list[int]] = []
    arrows: dict[Arrow, None] = {}
    makers: defaultdict[str, list[int]] = defaultdict(list)
    read: set[tuple[int, str]] = set()
    for index, node in enumerate(net.nodes):
        (own, *others) = makers[node.inputs[0]] if node.inputs and makers[node.inputs[0]] else [-1]
        alone = own >= 0 and not others and node.inputs == node.outputs and len(node.inputs) == 1
        if alone and (own, node.inputs[0]) not in read:
            boxes[own].append(index)
            continue
        boxes.append([index])
        number = len(boxes) - 1
        for blob in node.inputs:
            arrows.update(dict.fromkeys(Arrow(maker, number, blob) for maker in makers[blob]))
            read |= {(maker, blob) for maker in makers[blob]}
        for blob in node.outputs:
            beside = _other_phase(net, [boxes[maker][0] for maker in makers[blob]], node)
            makers[blob] = [*makers[blob], number] if beside and blob not in node.inputs else [number]
    return boxes, list(arrows)


def _other_phase(net: Net, makers: Sequence[int], node: Node) -> bool:
    """Whether a node only runs when those that made the same blob before do not."""
    return bool(makers) and bool(node.include) and all(net.nodes[index].include for index in makers)


def _words(net: Net, boxes: Sequence[Sequence[int]], arrow: Arrow, look: Look) -> list[str]:
    """What stands at an arrow: the blob's name, unless a layer in its box has it, and its shape."""
    nodes = [net.nodes[index] for index in boxes[arrow.begin]]
    lines = [arrow.blob] if all(arrow.blob != node.name for node in nodes) else []
    shape = look.shapes.get((boxes[arrow.begin][-1], arrow.blob))
    return [shorten(line, _LETTERS) for line in [*lines, *([text(shape)] if shape else [])]]


def _gap(words: Sequence[str], sideways: bool) -> float:
    if sideways:
        return _HEAD + max((_wide(line, _BLOB) + 0.1 for line in words), default=0.0)
    return _HEAD + 0.12 * len(words) + 0.06 * bool(words)


def _wide(words: str, size: float, bold: bool = False) -> float:
    """The inches that words take."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        width, _, _ = text_to_path.get_text_width_height_descent(words, font, False)
    return float(width) / 72


class _Box:
    """The box of a layer and of those that work in place on its output."""

    def __init__(self, net: Net, members: Sequence[int], look: Look) -> None:
        first, *others = (net.nodes[index] for index in members)
        self.colour = _colour(first)
        self.name = shorten(first.name, _LETTERS)
        self.lines = [_type(first, look), *_settings(first, look.rates)]
        self.strips = [(shorten(node.name, _LETTERS), _type(node, look)) for node in others]
        wide = [_wide(self.name, _NAME, bold=True), *(_wide(line, _SMALL) for line in self.lines)]
        wide += [_wide(f"{name}    {kind}", _SMALL) for name, kind in self.strips]
        self.width = max([0.7, *wide]) + 2 * _PAD
        self.height = _LINE * (1 + len(self.lines) + len(self.strips)) + 2 * _PAD
        self.height += _PAD * bool(self.strips)

    def draw(self, axes: Axes, centre: Point) -> None:
        """Put the box on a picture."""
        from matplotlib.patches import FancyBboxPatch

        left, top = centre[0] - self.width / 2, centre[1] + self.height / 2
        corner, style = (left, top - self.height), "round,pad=0,rounding_size=0.06"
        settings: dict[str, Any] = {
            "facecolor": self.colour,
            "edgecolor": _BORDER,
            "linewidth": 0.8,
            "zorder": 2,
        }
        axes.add_patch(FancyBboxPatch(corner, self.width, self.height, style, **settings))
        look: dict[str, Any] = {"va": "center", "parse_math": False, "zorder": 3}
        at = top - _PAD - _LINE / 2
        axes.text(centre[0], at, self.name, size=_NAME, weight="bold", ha="center", color=LIGHT.ink, **look)
        for line in self.lines:
            at -= _LINE
            axes.text(centre[0], at, line, size=_SMALL, ha="center", color=LIGHT.ink, **look)
        if self.strips:
            at -= _LINE / 2 + _PAD / 2
            axes.plot([left, left + self.width], [at, at], color=_BORDER, linewidth=0.5, zorder=3)
            at += _LINE / 2 - _PAD / 2
        for name, kind in self.strips:
            at -= _LINE
            axes.text(left + _PAD, at, name, size=_SMALL, ha="left", color=LIGHT.ink, **look)
            axes.text(left + self.width - _PAD, at, kind, size=_SMALL, ha="right", color=LIGHT.muted, **look)


def _type(node: Node, look: Look) -> str:
    """The type of a layer, with the phase if it is there in one only."""
    phases = {rule.phase for rule in node.include if rule.phase}
    only = f" ({phases.pop()} only)" if len(phases) == 1 else ""
    return shorten(look.words.get(node.name, type_name(node.kind)), _LETTERS) + only


def _colour(node: Node) -> str:
    kind = node.kind
    if not node.inputs:
        return _SOURCE
    if getattr(kind, "is_loss", False) or getattr(kind, "is_answer", False):
        return _ANSWER
    name = type_name(kind)
    families = (
        ("Convolution", _WINDOWS),
        ("Pooling", _POOLING),
        ("Subsampling", _POOLING),
        ("Dense", _DENSE),
    )
    return next((colour for family, colour in families if family in name), _OTHER)


def _settings(node: Node, rates: bool) -> list[str]:
    """The settings of a layer that tell most: windows, outputs, rates."""
    kind, lines = node.kind, []
    if node.inputs and hasattr(kind, "window") and hasattr(kind, "stride"):
        window = "x".join(map(str, kind.window or ())) or "all"
        lines.append(f"window {window}, stride {'x'.join(map(str, kind.stride))}")
    if node.inputs and isinstance(getattr(kind, "outputs", None), int):
        lines.append(f"{kind.outputs} outputs")  # type: ignore[attr-defined]
        if rates:
            given = [1.0 if use.rate is None else use.rate for use in node.uses] or [1.0]
            lines.append("rate " + ", ".join(f"x {rate:g}" for rate in given))
    return lines


@dataclass(frozen=True)
class _Turned:
    """From (along, across) to a picture's (right, up), by the direction of its arrows."""

    direction: str
    length: float
    breadth: float

    def __call__(self, point: Point) -> Point:
        along = point[0] if self.direction in ("LR", "BT") else self.length - point[0]
        if self.direction in ("LR", "RL"):
            return along, self.breadth - point[1]
        return point[1], along


def _draw_arrows(axes: Axes, layout: Layout, words: Mapping[Arrow, Sequence[str]], place: _Turned) -> None:
    """Smooth lines, each named once, where its blob leaves the box."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    named: set[tuple[int, str]] = set()
    for arrow, line in layout.lines.items():
        points, codes = [line[0]], [Path.MOVETO]
        for begin, end in pairwise(line):
            if abs(begin[0] - end[0]) + abs(begin[1] - end[1]) < 1e-6:  # no direction for an arrowhead
                continue
            middle = (begin[0] + end[0]) / 2
            points += [(middle, begin[1]), (middle, end[1]), end]
            codes += [Path.CURVE4] * 3
        path = Path([place(point) for point in points], codes)
        settings: dict[str, Any] = {"color": _ARROW, "linewidth": 0.8, "zorder": 1, "mutation_scale": 8}
        axes.add_patch(FancyArrowPatch(path=path, arrowstyle="-|>", shrinkA=0, shrinkB=0, **settings))
        if words[arrow] and (arrow.begin, arrow.blob) not in named and not is_unnamed(arrow.blob):
            named.add((arrow.begin, arrow.blob))
            between = ((line[1][0] + line[2][0]) / 2, (line[1][1] + line[2][1]) / 2)  # between the ranks
            _name(axes, place(between), words[arrow])


def _name(axes: Axes, centre: Point, lines: Sequence[str]) -> None:
    box = {"facecolor": LIGHT.background, "edgecolor": "none", "pad": 1.0}
    look: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "parse_math": False,
        "zorder": 4,
        "bbox": box,
        "linespacing": 1.1,
    }
    axes.text(*centre, "\n".join(lines), size=_BLOB, color=LIGHT.muted, **look)
