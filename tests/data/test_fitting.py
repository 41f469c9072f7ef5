"""Fitting images to networks: size, place, polarity, channels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.data.fitting import fit_digit, fit_whole

SIZE = (28, 28)


def bar(height, width, top, left, ink=255, ground=0, page=(200, 300)):
    image = np.full(page, ground, np.uint8)
    image[top : top + height, left : left + width] = ink
    return image


def test_an_image_of_the_right_size_stays_as_it_is():
    image = np.arange(28 * 28, dtype=np.uint16).reshape(28, 28).astype(np.uint8) % 100
    fitted = fit_digit(image, SIZE)
    np.testing.assert_array_equal(fitted.image, image[None])
    assert fitted.done == ()


def test_dark_on_light_is_inverted():
    light = np.zeros(SIZE, np.uint8)
    light[8:20, 12:16] = 200
    fitted = fit_digit(255 - light, SIZE)
    np.testing.assert_array_equal(fitted.image, light[None])
    assert fitted.done == ("inverted, because its border is light (255 of 255)",)


@given(
    st.integers(30, 150), st.integers(5, 200), st.integers(2, 40), st.integers(2, 90),
    st.sampled_from([(255, 0), (90, 20), (0, 255), (40, 210)]),
)  # fmt: skip
def test_a_digit_is_20_of_28_and_its_mass_in_the_middle(height, width, top, left, levels):
    fitted = fit_digit(bar(height, width, top, left, *levels), SIZE).image[0]
    assert fitted.shape == SIZE
    assert fitted.min() >= 0
    assert fitted.max() == pytest.approx(255)  # the strongest ink, whatever it was
    rows, columns = (np.flatnonzero((fitted > 51).any(axis=axis)) for axis in (1, 0))
    assert max(len(rows), len(columns)) == 20
    for axis, places in ((0, rows), (1, columns)):
        middle = (fitted.sum(axis=1 - axis) * np.arange(28)).sum() / fitted.sum()
        assert abs(middle - 13.5) <= 0.5 + 1e-4, places


def test_a_blank_image_is_said_to_be_blank():
    fitted = fit_digit(np.full((50, 60), 240, np.uint8), SIZE)
    assert not fitted.image.any()
    assert fitted.done[-1] == "blank"


def test_opacity_lies_on_white():
    image = np.zeros((28, 28, 4), np.uint8)
    image[10:18, 10:18, 3] = 255
    fitted = fit_digit(image, SIZE)
    assert fitted.image[0, 14, 14] == 255
    assert fitted.image[0, 0, 0] == 0
    assert fitted.done[0] == "laid on white"


@pytest.mark.parametrize("size", [(28, 28), (40, 60)])
@pytest.mark.parametrize("ink", [255, 140])
def test_light_ink_on_transparent_ground_lies_on_black(ink, size):
    image = np.zeros((*size, 4), np.uint8)  # the ground is black, as many programs write it
    image[10:18, 10:14] = (ink, ink, ink, 255)
    image[9, 10:14] = (ink, ink, ink, 90)  # a soft edge
    fitted = fit_digit(image, SIZE)
    assert fitted.done[0] == "laid on black, because all its ink is light"
    assert not any("inverted" in step for step in fitted.done)
    assert fitted.image[0, 14, 13] >= ink - 1
    assert fitted.image[0, 0, 0] == 0
    image[..., :3][image[..., 3] == 0] = 255  # nobody sees the ground's colour
    np.testing.assert_array_equal(fit_digit(image, SIZE).image, fitted.image)


@pytest.mark.parametrize("dark", [0, 100])
def test_light_and_dark_ink_lie_on_white(dark):
    image = np.zeros((28, 28, 4), np.uint8)
    image[10:18, 10:14] = (255, 255, 255, 255)
    image[20, 10:14] = (dark, dark, dark, 255)
    assert fit_digit(image, SIZE).done[0] == "laid on white"


@pytest.mark.parametrize("opacity", [0, 100, 254])
def test_a_wholly_veiled_image_lies_on_white(opacity):
    assert fit_whole(np.full((28, 28, 4), opacity, np.uint8), 1, SIZE).done[0] == "laid on white"


def test_colours_come_blue_first_and_from_the_middle():
    image = np.zeros((40, 100, 3), np.uint8)
    image[:, 30:70] = (10, 20, 30)
    fitted = fit_whole(image, 3, (40, 40))
    assert fitted.image.shape == (3, 40, 40)
    assert fitted.image[:, 20, 20].tolist() == [30, 20, 10]
    assert (fitted.image[0] == 30).all()
    assert fitted.done == ("made 100 x 40", "its middle 40 x 40 cut out")


def test_a_grey_image_for_a_colour_network():
    fitted = fit_whole(np.full((8, 8), 7, np.uint8), 3, (8, 8))
    assert fitted.image.shape == (3, 8, 8)
    assert (fitted.image == 7).all()


@given(
    st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])
)
def test_whole_images_of_any_size(height, width, wanted_height, wanted_width, channels):
    fitted = fit_whole(np.full((height, width, 3), 90, np.uint8), channels, (wanted_height, wanted_width))
    assert fitted.image.shape == (channels, wanted_height, wanted_width)
    np.testing.assert_allclose(fitted.image, 90, atol=1e-3)
    assert fitted.image.dtype == np.float32
