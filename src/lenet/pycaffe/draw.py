"""Drawings of networks: boxes in rows, arrows with the blobs' names; no program but Python is needed."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenet.dialects.caffe.layers import spelling_for
from lenet.dialects.caffe.net import net_from_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.upgrade import upgrade_net
from lenet.errors import Notes, UsageError
from lenet.formats.protobuf import read_binary
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.layer import Layer
from lenet.layers.pooling import Pooling
from lenet.net import Net, Node, State, type_name
from lenet.pycaffe.modes import TEST

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Message = Any  # a protobuf message; its class is made at run time
Place = tuple[float, float]
Stop = int | tuple[int, str, int]  # a layer, or a blob (from a layer, by name) that passes a row

WIDTH, HEIGHT = 2.6, 1.1  # inches that a box with its surroundings takes
COLOURS = {Convolution: "#f8c9c4", Pooling: "#fbe3b5", Dense: "#d9d2f0"}
DATA, ANSWER, OTHER = "#cfe3f5", "#d5edd0", "#eeeeee"


@dataclass(frozen=True)
class Arrow:
    """A blob on its way from one layer to another, by their numbers."""

    begin: int
    end: int
    blob: str


def draw_net_to_file(
    caffe_net: Message, filename: str | Path, rankdir: str = "LR", phase: int | None = None
) -> None:
    """Draw a NetParameter into a file: .png, .svg or .pdf.

    `rankdir` is where inputs lie and which way it goes: LR, RL, TB or BT; `phase` leaves out the layers of
    the other one.

    Raises: UsageError for another direction or ending.
    """
    path = Path(filename)
    data = draw_net(caffe_net, rankdir, path.suffix.lstrip(".") or "png", phase)
    from lenet.formats.files import whole_file

    with whole_file(path) as file:
        file.write(data)


def draw_net(caffe_net: Message, rankdir: str, ext: str = "png", phase: int | None = None) -> bytes:
    """The drawing of a NetParameter as the bytes of a file, as :func:`draw_net_to_file` writes it."""
    if rankdir not in ("LR", "RL", "TB", "BT"):
        raise UsageError(f"rankdir is '{rankdir}'", hint="LR, RL, TB or BT")
    if ext not in ("png", "svg", "pdf"):
        raise UsageError(f"a drawing cannot be a .{ext}", hint="png, svg or pdf")
    memory = io.BytesIO()
    _figure(_description(caffe_net, phase), rankdir).savefig(memory, format=ext, dpi=100)
    return memory.getvalue()


def get_pydot_graph(*_: object, **__: object) -> None:
    """Refused: graphs of the library pydot need the program Graphviz.

    Raises: UsageError.
    """
    raise UsageError("graphs for Graphviz are not made here", hint="draw_net and draw_net_to_file draw it")


def _description(caffe_net: Message, phase: int | None) -> Net:
    data = caffe_net.SerializePartialToString()
    notes = Notes()
    net = net_from_message(upgrade_net(read_binary(data, "", schema(), "NetParameter"), notes), notes)
    return net if phase is None else net.select(State("test" if phase == TEST else "train"))


def arrows(net: Net) -> list[Arrow]:
    """What connects the layers; where phases bring a blob in several ways, each of them."""
    made: defaultdict[str, list[int]] = defaultdict(list)
    result = []
    for index, node in enumerate(net.nodes):
        result += [Arrow(begin, index, blob) for blob in node.inputs for begin in made[blob]]
        for blob in node.outputs:
            made[blob] = (
                [index]
                if blob in node.inputs or not _other_phase(net, made[blob], node)
                else [
                    *made[blob],
                    index,
                ]
            )
    return result


def _other_phase(net: Net, makers: list[int], node: Node) -> bool:
    """Whether a node only runs when those that made the same blob before do not."""
    return bool(makers) and bool(node.include) and all(net.nodes[index].include for index in makers)


def rows(net: Net, connections: list[Arrow]) -> list[list[Stop]]:
    """What stands in each row: layers behind all that they depend on, and blobs that pass on."""
    depth = [0] * len(net.nodes)
    for arrow in connections:  # layers come in the order in which they depend on each other
        depth[arrow.end] = max(depth[arrow.end], depth[arrow.begin] + 1)
    result: list[list[Stop]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for index, row in enumerate(depth):
        result[row].append(index)
    for arrow in connections:
        for row in range(depth[arrow.begin] + 1, depth[arrow.end]):
            passing = (arrow.begin, arrow.blob, row)
            if passing not in result[row]:
                result[row].append(passing)
    return result


def _figure(net: Net, rankdir: str) -> Figure:
    from matplotlib.figure import Figure

    connections = arrows(net)
    grid = rows(net, connections)
    along, across = max(1, len(grid)), max(map(len, grid), default=1)
    sideways = rankdir in ("LR", "RL")
    columns, lines = (along, across) if sideways else (across, along)
    figure = Figure(figsize=(columns * WIDTH + 0.4, lines * HEIGHT + 0.4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, columns), ylim=(0, lines))
    axes.axis("off")
    places: dict[Stop, Place] = {}
    for row, members in enumerate(grid):
        for order, stop in enumerate(members):
            beside = (order + 0.5) * across / len(members)
            forward = row + 0.5 if rankdir in ("LR", "BT") else along - row - 0.5
            places[stop] = (forward, across - beside) if sideways else (beside, forward)
    boxes = [_draw_box(axes, node, places[index]) for index, node in enumerate(net.nodes)]
    for arrow in connections:
        passing = [(arrow.begin, arrow.blob, row) for row in range(len(grid))]
        stops = [places[stop] for stop in passing if stop in places and _before(grid, stop[2], arrow.end)]
        path = [places[arrow.begin], *stops, places[arrow.end]]
        _draw_arrow(axes, path, (boxes[arrow.begin], boxes[arrow.end]), arrow.blob)
    return figure


def _before(grid: list[list[Stop]], row: int, layer: int) -> bool:
    return all(layer not in members for members in grid[: row + 1])


def _draw_arrow(axes: Axes, path: list[Place], boxes: tuple[Text, Text], blob: str) -> None:
    """A line from box to box through places where nothing stands, named on its first part."""
    # above the boxes: a box knows its size only once it is drawn
    style = {"color": "#555555", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
    last = len(path) - 2
    for part, (begin, end) in enumerate(pairwise(path)):
        first_box = boxes[0].get_bbox_patch() if part == 0 else None
        last_box = boxes[1].get_bbox_patch() if part == last else None
        head = "-|>" if part == last else "-"
        ends = {"patchA": first_box, "patchB": last_box, "arrowstyle": head}
        axes.annotate("", end, begin, arrowprops={**style, **ends}, zorder=3)
    (left, low), (right, high) = path[:2]
    where = ((left + right) / 2, (low + high) / 2)
    axes.text(*where, blob, fontsize=6, color="#333333", ha="center", va="bottom", zorder=4)


def _draw_box(axes: Axes, node: Node, place: Place) -> Text:
    box = {"boxstyle": "round,pad=0.4", "facecolor": _colour(node), "edgecolor": "#777777"}
    words = "\n".join(_lines(node))
    return axes.text(*place, words, fontsize=8, ha="center", va="center", bbox=box, zorder=2)


def _colour(node: Node) -> str:
    if not node.inputs:
        return DATA
    if isinstance(node.kind, Layer) and (node.kind.is_loss or node.kind.is_answer):
        return ANSWER
    return COLOURS.get(type(node.kind), OTHER)


def _lines(node: Node) -> list[str]:
    """The words in a layer's box."""
    spelling = spelling_for(node.kind)
    lines = [node.name, spelling.word if spelling else type_name(node.kind)]
    if isinstance(node.kind, Convolution | Pooling):
        window = "x".join(map(str, node.kind.window or ())) or "all"
        lines.append(f"window {window}, stride {'x'.join(map(str, node.kind.stride))}")
    if isinstance(node.kind, Convolution | Dense):
        lines.append(f"{node.kind.outputs} outputs")
    return lines
