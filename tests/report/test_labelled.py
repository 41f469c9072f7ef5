"""Samples with their classes in a grid, connection tables in characters."""

import numpy as np
import pytest

from lenet.report.connections import connections
from lenet.report.labelled import labelled

from .drawn import tiles_on, words_on


def test_each_sample_has_its_tile_and_its_name():
    images = [np.full((1, 4, 4), value) for value in (0.0, 0.5, 1.0)]
    figure = labelled(images, ["a", "b", "a"], "three", columns=2)
    assert words_on(figure) == ["three", "a", "b", "a"]
    assert [float(tile.colours.mean()) for tile in tiles_on(figure)] == [0, 0.5, 1]


def test_smaller_ones_lie_in_the_middle():
    figure = labelled([np.ones((1, 2, 2)), np.zeros((1, 4, 4))], ["", ""], "two")
    small = tiles_on(figure)[0].colours[..., 0]
    assert small.tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert words_on(figure) == ["two"]


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_channels_become_grey_or_colours(channels):
    image = np.arange(channels * 4.0).reshape(channels, 2, 2)
    shown = tiles_on(labelled([image], ["x"], "one"))[0].colours
    assert shown.shape == (2, 2, 3)
    grey = (shown == shown[..., :1]).all()
    assert bool(grey) == (channels != 3)


def test_limits():
    shown = tiles_on(labelled([np.array([[[-3.0, -1, 0, 1]]])], ["x"], "one", limits=(-1, 1)))[0]
    assert shown.colours[0, :, 0].tolist() == [0, 0, 0.5, 1]


def test_a_connection_that_is_there_twice():
    assert connections(np.array([[0, 0], [0, 0], [1, 1]])) == "   0 1\n0  2 .\n1  . X"


def test_limits_may_be_whole_numbers():
    shown = tiles_on(labelled([np.array([[[0.0, 0.5, 1]]])], ["x"], "one", limits=(0, 1)))[0].colours
    assert shown[0, :, 0].tolist() == [0, 0.5, 1]
