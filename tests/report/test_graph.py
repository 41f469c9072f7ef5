"""The picture of a network: where boxes lie, what is written, what is refused."""

import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenet.errors import UsageError
from lenet.layers.activation import ReLU
from lenet.layers.combine import Concat
from lenet.layers.convolution import Convolution
from lenet.layers.layer import Input
from lenet.layers.loss import SoftmaxLoss
from lenet.net import Net, Node, Rule
from lenet.report.graph import DIRECTIONS, Look, connected, draw
from lenet.report.graph_layout import Arrow, crossings, lay_out

NET = Net(
    "fork",
    (
        Node("data", Input(((1, 3, 8, 8), (1,))), (), ("data", "label")),
        Node("left", Convolution(4, (3,)), ("data",), ("left",)),
        Node("relu", ReLU(), ("left",), ("left",)),
        Node("right", Convolution(6, (3,)), ("data",), ("right",)),
        Node("both", Concat(), ("left", "right"), ("both",)),
        Node("loss", SoftmaxLoss(), ("both", "label"), ("loss",)),
    ),
)


def test_layers_in_place_stand_in_the_box_that_they_change():
    boxes, arrows = connected(NET)
    assert boxes == [[0], [1, 2], [3], [4], [5]]
    assert {(arrow.begin, arrow.end, arrow.blob) for arrow in arrows} == {
        (0, 1, "data"), (0, 2, "data"), (1, 3, "left"), (2, 3, "right"), (3, 4, "both"), (0, 4, "label"),
    }  # fmt: skip


def test_each_phase_brings_its_data():
    phases = tuple(
        Node(phase, Input(((1, 4),)), (), ("data",), include=(Rule(phase=phase),))
        for phase in ("train", "test")
    )
    _, arrows = connected(Net("phases", (*phases, Node("relu", ReLU(), ("data",), ("out",)))))
    assert arrows == [Arrow(0, 2, "data"), Arrow(1, 2, "data")]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_picture_names_layers_types_sizes_and_blobs(direction):
    look = Look(
        direction, {"left": "Convolution2"}, {(0, "label"): (1,), (2, "left"): (1, 4, 6, 6)}, rates=True
    )
    words = draw(NET, "svg", look).decode()
    for text in (
        "data",
        "left",
        "relu",
        "ReLU",
        "Convolution2",
        "4 outputs",
        "label",
        "1 x 4 x 6 x 6",
        "rate x 1",
    ):
        assert f"<!-- {text} -->" in words
    assert words.count("<!-- label -->") == 1


def test_a_picture_is_wide_or_tall_as_its_direction_says():
    chain = Net(
        "chain", (NET.nodes[0], *(Node(f"r{i}", ReLU(), (f"b{i}",), (f"b{i + 1}",)) for i in range(6)))
    )
    chain = Net("chain", (Node("data", Input(((1, 3),)), (), ("b0",)), *chain.nodes[1:]))
    wide, tall = (Image.open(io.BytesIO(draw(chain, "png", Look(way)))).size for way in ("LR", "TB"))
    assert wide[0] > 3 * wide[1]
    assert tall[1] > 3 * tall[0]


def test_names_are_no_mathematics_and_may_be_long():
    node = Node("$x_{1" + "y" * 200, Input(((1,),)), (), ("层",))
    assert draw(Net("odd", (node,)), "svg")
    assert draw(Net(), "png")[:4] == b"\x89PNG"


def test_a_long_network_fits_into_a_file():
    nodes = [Node(f"r{i}", ReLU(), (f"b{i}",), (f"b{i + 1}",)) for i in range(150)]
    data = draw(Net("long", (Node("data", Input(((1,),)), (), ("b0",)), *nodes)), "png", Look("LR"))
    assert Image.open(io.BytesIO(data)).size[0] <= 20_001


@pytest.mark.parametrize(("direction", "ending", "word"), [("UP", "svg", "rankdir"), ("LR", "gif", "gif")])
def test_what_cannot_be_drawn(direction, ending, word):
    with pytest.raises(UsageError, match=word):
        draw(NET, ending, Look(direction))


GRAPHS = st.integers(1, 9).flatmap(
    lambda boxes: st.tuples(
        st.lists(st.tuples(st.floats(0.2, 3), st.floats(0.2, 3)), min_size=boxes, max_size=boxes),
        st.sets(st.tuples(st.integers(0, boxes - 1), st.integers(0, boxes - 1)), max_size=16),
    )
)


@settings(max_examples=60, deadline=None)
@given(GRAPHS)
def test_boxes_lie_apart_and_arrows_lead_on(graph):
    """No two boxes overlap, each is inside the picture, each arrow goes forward from its box to the other."""
    sizes, pairs = graph
    arrows = [Arrow(a, b, str(a)) for a, b in sorted(pairs) if a < b]
    layout = lay_out(sizes, arrows, dict.fromkeys(arrows, 0.3))
    spans = [
        tuple((c - s / 2, c + s / 2) for c, s in zip(layout.centres[box], size, strict=True))
        for box, size in enumerate(sizes)
    ]
    for index, box in enumerate(spans):
        assert -1e-9 <= box[0][0] < box[0][1] <= layout.length + 1e-9
        assert -1e-9 <= box[1][0] < box[1][1] <= layout.breadth + 1e-9
        for other in spans[index + 1 :]:
            assert any(a[1] <= b[0] + 1e-6 or b[1] <= a[0] + 1e-6 for a, b in zip(box, other, strict=True))
    for arrow, line in layout.lines.items():
        along = [point[0] for point in line]
        assert all(second > first - 1e-9 for first, second in pairwise(along))
        assert along[0] == pytest.approx(spans[arrow.begin][0][1])
        assert along[-1] == pytest.approx(spans[arrow.end][0][0])


def test_lines_are_laid_without_needless_crossings():
    """0 and 1 feed 3 and 2: drawn in this order they would cross, so one pair is turned."""
    arrows = [Arrow(0, 3, "a"), Arrow(1, 2, "b")]
    layout = lay_out([(1.0, 1.0)] * 4, arrows, dict.fromkeys(arrows, 0.3))
    order = {box: centre[1] for box, centre in layout.centres.items()}
    assert (order[0] < order[1]) == (order[3] < order[2])
    assert crossings([[0, 1], [2, 3]], {0: [3], 1: [2]}) == 1


def test_a_chain_is_straight_beside_a_line_that_passes():
    arrows = [*(Arrow(i, i + 1, str(i)) for i in range(6)), Arrow(0, 6, "skip")]
    layout = lay_out([(1.0, 1.0)] * 7, arrows, dict.fromkeys(arrows, 0.3))
    middles = [layout.centres[box][1] for box in range(1, 6)]
    assert max(middles) - min(middles) < 1e-9
