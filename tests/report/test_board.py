"""What is put on a figure's board is drawn where it was put, in whole dots."""

import numpy as np
import pytest

from lenet.report.board import Frame, Tile, Words, board, inches, words_width
from lenet.report.style import LIGHT, pixels, place, sheet

DOTS = 100
SIZE = 12.0  # points


def drawn(*items, height=2.0, dots=DOTS):
    """The dots (H, W, 3) of a figure with nothing but these."""
    figure = sheet(height, LIGHT, "")
    board(figure).items[:] = items
    return pixels(figure, dots)


def inked(image):
    """The first and last row and column, past the end, of what is not white."""
    rows, columns = (np.flatnonzero((image < 128).any(axis=2).any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def test_a_tile_repeats_its_pixels():
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 8, 7]]], np.uint8)
    image = drawn(Tile(0.5, 0.25, 0.06, 0.04, colours))
    assert (image[25:29, 50:56] == colours.repeat(2, axis=0).repeat(3, axis=1)).all()
    image[25:29, 50:56] = 255
    assert (image == 255).all()


def test_a_tile_of_numbers_from_0_to_1():
    assert (drawn(Tile(1, 1, 0.1, 0.1, np.full((1, 1, 3), 0.5)))[100:110, 100:110] == 128).all()


def test_a_smooth_tile_is_averaged_where_it_is_made_smaller():
    stripes = np.tile([0.0, 1.0], (80, 40))[..., None].repeat(3, axis=2)
    smaller = drawn(Tile(1, 1, 0.2, 0.2, stripes, smooth=True))[102:118, 102:118]
    assert (abs(smaller.astype(int) - 128) < 20).all()


def test_a_frame_has_its_edges_only():
    image = drawn(Frame(0.5, 0.5, 0.4, 0.2, "#000000", thickness=72 * 2 / DOTS))
    assert inked(image) == (49, 71, 49, 91)
    assert (image[51:69, 51:89] == 255).all()


@pytest.mark.parametrize(("side", "part"), [("left", 0.0), ("center", 0.5), ("right", 1.0)])
def test_words_stand_beside_their_place(side, part):
    words = "HIH" * 3
    width = words_width(words, SIZE)
    _, _, start, end = inked(drawn(Words(3, 1, words, "#000000", SIZE, side=side)))
    assert abs(start - (3 - part * width) * DOTS) <= 3
    assert abs(end - (3 + (1 - part) * width) * DOTS) <= 3


@pytest.mark.parametrize("level", ["top", "bottom", "center", "baseline", "numbers"])
def test_words_stand_above_or_below_their_place(level):
    top, bottom, _, _ = inked(drawn(Words(3, 1, "8", "#000000", SIZE, level=level)))
    expected = {"top": top >= 100, "bottom": bottom <= 100, "baseline": abs(bottom - 100) <= 1}
    middle = abs((top + bottom) / 2 - 100)
    assert expected.get(level, middle <= (1 if level == "numbers" else 3))


def test_upright_words_are_the_same_turned():
    flat = drawn(Words(3, 1, "turn", "#000000", SIZE, side="center", level="center"))
    upright = drawn(Words(3, 1, "turn", "#000000", SIZE, side="center", level="center", upright=True))
    tops, ends = inked(flat), inked(upright)
    words = flat[tops[0] : tops[1], tops[2] : tops[3]]
    assert (np.rot90(words) == upright[ends[0] : ends[1], ends[2] : ends[3]]).all()


def test_nothing_of_a_high_or_deep_letter_is_cut_off():
    row = drawn(Words(1, 1, "Å", "#000000", SIZE, level="baseline"))
    beside = drawn(Words(1, 1, "Ål", "#000000", SIZE, level="baseline"))
    assert inked(row)[0] == inked(beside)[0]
    assert inked(row)[0] < inked(drawn(Words(1, 1, "l", "#000000", SIZE, level="baseline")))[0]
    assert inked(drawn(Words(1, 1, "g", "#000000", SIZE, level="baseline")))[1] > 100


def test_a_ground_covers_more_than_the_words():
    plain = inked(drawn(Words(1, 1, "dog", "#000000", SIZE)))
    image = drawn(Words(1, 1, "dog", "#ffffff", SIZE, ground="#0f4c81"))
    rows, columns = (np.flatnonzero((image < 250).any(axis=2).any(axis=axis)) for axis in (1, 0))
    assert rows[0] < plain[0] < plain[1] <= rows[-1] + 1
    assert columns[0] < plain[2] < plain[3] < columns[-1] + 1


def test_no_words_draw_nothing():
    assert (drawn(Words(1, 1, "", "#000000", SIZE)) == 255).all()


def test_dollars_are_no_mathematics():
    assert words_width("$x_1$", SIZE) > words_width("x_1", SIZE)


def test_as_large_at_any_number_of_dots():
    top, bottom, left, right = inked(drawn(Words(1, 1, "large", "#000000", SIZE), dots=200))
    other = inked(drawn(Words(1, 1, "large", "#000000", SIZE), dots=100))
    for fine, coarse in zip((top, bottom, left, right), other, strict=True):
        assert abs(fine / 2 - coarse) <= 2.5


def test_where_numbers_of_axes_are():
    figure = sheet(2.0, LIGHT, "")
    axes = place(figure, 1.0, 0.5, 4.0, 1.0, LIGHT)
    axes.set_xlim(0, 8)
    axes.set_ylim(0, 10)
    assert inches(figure, axes.transData, 2, 10) == pytest.approx((2.0, 0.5))
    assert inches(figure, axes.transData, 0, 0) == pytest.approx((1.0, 1.5))
