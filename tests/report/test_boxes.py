"""The picture of what was found: boxes in place, words within the image, scales beside it."""

import numpy as np
import pytest

from lenet.report.boxes import COLOURS, ScaleView, boxes
from lenet.report.style import DARK, LIGHT, WIDTH, png
from lenet.results import Box, Detections

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
    assert figure.texts[0].get_text() == "Nothing in a.png"


def test_classes_differ_in_colour():
    assert len(set(COLOURS)) == len(COLOURS) >= 8


def test_many_boxes_lose_their_words():
    found = Detections("a.png", 90, 90, tuple(Box(i, i, 9, 9, 0, 1.0) for i in range(60)))
    assert not boxes(np.zeros((90, 90), np.uint8), found).axes[0].texts
