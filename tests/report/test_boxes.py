"""The picture of what was found: boxes in place, words within the image, scales beside it."""

import numpy as np
import pytest

from lenet.report.boxes import COLOURS, Marks, ScaleView, boxes
from lenet.report.style import DARK, LIGHT, WIDTH, png
from lenet.results import Box, Detections

from .drawn import words_on

FOUND = Detections(
    "street.png",
    60,
    100,
    (Box(10, 20, 30, 30, 1, 3.25), Box(-5, 92, 20, 20, 0, 0.5)),
    ("a very long name of a class", "face"),
)


def scales(number, height=20, width=30):
    return [
        ScaleView((height, width), np.eye(height, width)[None], np.zeros((2, 5, 7))) for _ in range(number)
    ]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("number", [0, 1, 12])
@pytest.mark.parametrize("shape", [(60, 100), (60, 100, 3)])
def test_boxes_lie_where_they_were_found(shape, number, theme):
    figure = boxes(np.full(shape, 128, np.uint8), FOUND, scales(number), theme=theme)
    axes = figure.axes[0]
    frames = [patch for patch in axes.patches if patch.get_linewidth() < 2]
    assert [frame.get_bbox().bounds for frame in frames] == [(91.5, -5.5, 20, 20), (19.5, 9.5, 30, 30)]
    words = [text.get_text() for text in axes.texts]
    assert words == ["a very long n… 0.50", "face 3.25"]
    assert axes.texts[0].get_ha() == "right"  # else it would reach out of the image
    assert figure.get_size_inches()[0] == WIDTH
    across, down = axes.get_position().size * figure.get_size_inches()
    assert across / down == pytest.approx(100 / 60)  # square pixels
    assert len(figure.axes) == 1 + 2 * min(number, 2)
    assert png(figure, 50).startswith(b"\x89PNG")


def test_nothing_found_is_said():
    empty = Detections("a.png", 4, 4, ())
    figure = boxes(np.zeros((4, 4), np.uint8), empty)
    assert words_on(figure)[0] == "Nothing in a.png"


def test_classes_differ_in_colour():
    assert len(set(COLOURS)) == len(COLOURS) >= 8


def test_many_boxes_lose_their_words():
    found = Detections("a.png", 90, 90, tuple(Box(i, i, 9, 9, 0, 1.0) for i in range(60)))
    assert not boxes(np.zeros((90, 90), np.uint8), found).axes[0].texts


def test_classes_have_eblearns_colours():
    assert COLOURS[:5] == ("#0000ff", "#455bff", "#00ffff", "#00ff00", "#ff0000")
    assert len(COLOURS) == 13


@pytest.mark.parametrize(
    ("marks", "expected"),
    [(Marks(), "face 3.25"), (Marks(confidences=False), "face"), (Marks(classes=False), "3.25")],
)
def test_what_is_written_at_a_box(marks, expected):
    texts = boxes(np.zeros((60, 100), np.uint8), FOUND, marks=marks).axes[0].texts
    assert texts[-1].get_text() == expected


def test_boxes_of_low_confidence_are_fainter():
    patches = boxes(np.zeros((60, 100), np.uint8), FOUND, marks=Marks(fading=0.5)).axes[0].patches
    assert [patch.get_alpha() for patch in patches[1::2]] == [0.75, 1.0]


def test_the_scale_of_the_surest_box_is_shown_with_its_window():
    found = Detections("a.png", 60, 100, (Box(0, 0, 9, 9, 1, 1.0, scale=3),), ("bg", "face"))
    window = Box(2, 3, 8, 8, 1, 1.0)
    views = [
        ScaleView((number, 30), np.eye(20, 30)[None], np.ones((2, 5, 7)), (window,) * (number == 3))
        for number in range(9)
    ]
    figure = boxes(np.zeros((60, 100), np.uint8), found, views)
    assert "30 x 3" in words_on(figure)
    (frame,) = [patch for axes in figure.axes[1:] for patch in axes.patches]
    assert frame.get_bbox().bounds == (2.5, 1.5, 8, 8)
    maps = [axes for axes in figure.axes[1:] if axes.texts]
    assert {text.get_text() for axes in maps for text in axes.texts} == {"bg", "face"}


def test_an_answer_map_of_one_position_is_not_black():
    """Alone it has no range of its own: that of all classes tells whether it is high or low."""
    maps = np.array([-1.0, 0.9, 1.0]).reshape(3, 1, 1)
    figure = boxes(np.zeros((9, 9), np.uint8), FOUND, [ScaleView((9, 9), np.eye(9)[None], maps)], label=1)
    tones = {image.get_array().max() for axes in figure.axes[2:] for image in axes.images}
    assert 0.95 in tones
    alone = boxes(np.zeros((9, 9), np.uint8), FOUND, [ScaleView((9, 9), np.eye(9)[None], maps[1:2])])
    assert 0 < alone.axes[2].images[0].get_array().max() < 1
