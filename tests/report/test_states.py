"""The inside of a network as a picture: every array there, on one scale, in square pixels."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from lenet.report.board import Words, words_width
from lenet.report.mosaic import as_tiles, mosaic
from lenet.report.states import states
from lenet.report.style import DARK, MARGIN, PRINT, WIDTH, png
from lenet.results import LayerState

from .drawn import placed, tiles_on, words_on

RANDOM = np.random.default_rng(0)
LAYERS = (
    LayerState("conv0", (RANDOM.normal(size=(1, 32, 32)),), {"weight": RANDOM.normal(size=(6, 5, 5))}),
    LayerState("addc0", (RANDOM.normal(size=(6, 28, 28)),), {"bias": np.zeros(6)}),
    LayerState("merge", (np.zeros((3, 2, 2)), np.zeros((1, 1, 1))), {}),
    LayerState("full", (np.zeros(500),), {"weight": np.zeros((500, 800)), "bias": np.zeros(500)}),
    LayerState("many", (np.zeros((64, 7, 9)),), {"weight": np.zeros((50, 20, 5, 5))}),
    LayerState("wide", (np.zeros((3, 300, 400)),), {"weight": np.zeros((2, 3000))}),
    LayerState("a long name of a layer in a network of many pipes", (np.zeros(()), np.zeros(0)), {}),
)


def test_every_array_has_its_caption():
    shown = words_on(states((("now", LAYERS),), "x"))
    for caption in (
        "conv0 in: 1x32x32", "kernels: 6x5x5", "addc0 in: 6x28x28", "bias: 6", "merge in: 3x2x2",
        "and: 1x1x1", "full in: 500", "weights: 500x800", "many in: 64x7x9",
        "wide in: 3x300x400, the first 3",
    ):  # fmt: skip
        assert caption in shown or caption.removesuffix(", the first 3") in shown, caption
    assert any(caption.startswith("kernels: 1000x5x5, the first ") for caption in shown)
    assert "0 to 0" in shown


@dataclass(frozen=True)
class Rectangle:
    left: float
    top: float
    across: float
    down: float

    @property
    def right(self):
        return self.left + self.across

    @property
    def bottom(self):
        return self.top + self.down


def rectangle_of(words):
    """Where the letters of a line are that begins at its left and upper end, accents left out."""
    assert (words.side, words.level) == ("left", "top")
    return Rectangle(words.left, words.top, words_width(words.words, words.size), 0.9 * words.size / 72)


def each_apart(rectangles):
    for index, one in enumerate(rectangles):
        for other in rectangles[:index]:
            beside = one.right <= other.left or one.left >= other.right
            assert beside or one.bottom <= other.top or one.top >= other.bottom, (one, other)


@pytest.mark.parametrize("stacks", [1, 2, 3])
@pytest.mark.parametrize("columns", [1, 2])
def test_nothing_overlaps_or_leaves_the_figure(columns, stacks):
    figure = states([("now", LAYERS)] * columns, "x", stacks=stacks, theme=DARK)
    assert figure.get_size_inches()[0] == pytest.approx(WIDTH * stacks)
    across, down = figure.get_size_inches()
    tiles = [Rectangle(tile.left, tile.top, tile.across, tile.down) for tile in tiles_on(figure)]
    assert len(tiles) == 14 * columns
    for tile in tiles:
        assert MARGIN - 0.01 <= tile.left < tile.right <= across
        assert 0 < tile.top < tile.bottom < down
    each_apart(tiles)
    each_apart([rectangle_of(words) for words in placed(figure, Words)])


def test_pixels_are_squares_of_whole_dots():
    layer = (LayerState("x", (np.eye(5)[None],), {}),)
    figure = states((("now", layer),), "x")
    image = np.asarray(Image.open(io.BytesIO(png(figure, PRINT))).convert("L"))
    (shown,) = tiles_on(figure)
    left, top, width, height = (
        round(value * PRINT) for value in (shown.left, shown.top, shown.across, shown.down)
    )
    tile = image[top + 1 : top + height - 1, left + 1 : left + width - 1]
    side = len(tile) // 5
    assert (np.asarray(tile) == np.eye(5).repeat(side, 0).repeat(side, 1) * 255).all()


def grey(figure, index):
    """The grey levels of the middle of an array's first row of tiles."""
    image = tiles_on(figure)[index].colours
    return [int(image[8, x, 0]) for x in range(8, image.shape[1], 16)]


def test_both_columns_share_a_scale():
    before = (LayerState("x", (np.array([0.0, 1.0]),), {"bias": np.array([-1.0, 0.0])}),)
    after = (LayerState("x", (np.array([2.0, 4.0]),), {"bias": np.array([0.0, 2.0])}),)
    figure = states((("before", before), ("after", after)), "x")
    assert [grey(figure, index) for index in range(4)] == [[0, 64], [64, 128], [128, 255], [128, 255]]


def test_a_limit_holds_for_all():
    layers = (LayerState("x", (np.array([-5.0, 0.0]), np.array([0.01, 1.0])), {}),)
    figure = states((("now", layers),), "x", limit=0.01)
    assert [grey(figure, 0), grey(figure, 1)] == [[0, 128], [255, 255]]
    assert "0.01 or more" in words_on(figure)[1]


def test_what_is_not_a_number_is_drawn():
    layers = (LayerState("x", (np.full((2, 3, 3), np.nan), np.array([np.inf, 1.0])), {}),)
    assert "not a number" in words_on(states((("now", layers),), "x"))
    assert png(states((("now", layers),), "x"), 40)
    assert png(states((("now", ()),), "x"), 40)


@pytest.mark.parametrize("shape", [(), (1,), (1000,), (5000,), (4, 9), (900, 2), (16, 5, 5), (3, 2, 7, 400)])
@pytest.mark.parametrize("room", [1.0, 3.3, 6.8])
def test_mosaics_keep_to_their_room_and_shape(shape, room):
    tiles = as_tiles(np.zeros(shape))
    where = mosaic(len(tiles), tiles.shape[1], tiles.shape[2], room)
    assert where.across <= room + 1e-9
    assert 0 < where.shown <= len(tiles)
    image = where.compose(tiles, 0, 1)
    if where.dots:
        assert image.shape == (round(where.down * PRINT), round(where.across * PRINT))
