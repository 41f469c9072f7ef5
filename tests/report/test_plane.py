"""Points of a plane by class."""

import numpy as np
from matplotlib.colors import to_hex

from lenet.report.plane import COLOURS, plane


def test_every_class_has_its_colour_and_its_name_in_its_middle():
    points = np.array([[0, 0], [2, 0], [1, 6], [5, 5], [np.nan, 1], [7, 5]])
    labels = np.array([0, 0, 0, 2, 0, 2])
    axes = plane(points, labels, ["cat", "none", "$dog_"], "Where they lie").axes[0]
    clouds = {to_hex(each.get_facecolor()[0]): each.get_offsets().tolist() for each in axes.collections}
    assert clouds == {COLOURS[0]: [[0, 0], [2, 0], [1, 6]], COLOURS[2]: [[5, 5], [7, 5]]}
    assert {text.get_text(): text.xy for text in axes.texts} == {"cat": (1, 0), "$dog_": (6, 5)}
