"""Augmentation: the affine map for known draws, the elastic distortion by its statistics."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lenet.data import augment
from lenet.data.arrays import ArrayReader
from lenet.data.augment import Augmentation
from lenet.data.batches import Batches
from lenet.data.feed import Feed
from lenet.data.mnist import Mnist
from lenet.data.transforms import Transform
from lenet.errors import DataError
from lenet.shapes import ShapeError

ALL = Augmentation(shift=2, rotation=15, scale=0.1, shear=0.1, elastic=1)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(number=3, channels=2, height=9, width=9):
    return torch.randint(256, (number, channels, height, width), generator=seeded(), dtype=torch.uint8)


@pytest.fixture
def drawn(monkeypatch):
    """Makes every even draw the largest in its direction."""
    monkeypatch.setattr(torch, "rand", lambda *shape, generator: torch.ones(shape))


@pytest.mark.usefixtures("drawn")
def test_a_shift_of_whole_pixels_moves_the_image():
    given_ = images()
    found = Augmentation(shift=2).apply(given_)
    assert torch.allclose(found[..., :-2, :-2], given_[..., 2:, 2:].float(), atol=1e-3)
    assert found[..., -1, :].abs().max() == 0  # what comes in from outside


@pytest.mark.usefixtures("drawn")
def test_a_quarter_turn():
    found = Augmentation(rotation=90).apply(images())
    assert torch.allclose(found, torch.rot90(images().float(), 1, (2, 3)), atol=1e-2)


@pytest.mark.usefixtures("drawn")
def test_growing_leaves_the_middle_where_it_is_and_moves_the_rest_outwards():
    """With a scale of a half, 1.5 times as large: what was 2 pixels from the middle is 3 away."""
    given_ = images(1, 1)
    found = Augmentation(scale=0.5).apply(given_)
    for place in (-2, 0, 2):
        assert found[0, 0, 4, 4 + 3 * place // 2] == pytest.approx(
            float(given_[0, 0, 4, 4 + place]), abs=1e-2
        )


@pytest.mark.usefixtures("drawn")
def test_a_shear_moves_rows_by_their_height():
    given_ = images(1, 1)
    found = Augmentation(shear=0.5).apply(given_)
    assert torch.allclose(found[0, 0, 4], given_[0, 0, 4].float(), atol=1e-3)
    assert torch.allclose(found[0, 0, 6, :-1], given_[0, 0, 6, 1:].float(), atol=1e-3)
    assert torch.allclose(found[0, 0, 2, 1:], given_[0, 0, 2, :-1].float(), atol=1e-3)


@pytest.mark.parametrize("sigma", [3.0, 4.0])
def test_displacements_are_as_large_and_as_smooth_as_they_are_said_to_be(sigma):
    """Smoothed by a Gaussian, noise d apart correlates by exp(-d^2 / (4 sigma^2)); 4,000 fields are drawn."""
    augmentation = Augmentation(elastic=1.5, smoothness=sigma)
    bend = augmentation._bend(augmentation.drawn(4000, 16, 12, seeded()).noise, 16, 12)
    assert bend.shape == (4000, 16, 12, 2)
    deviation = bend.std(0)  # within 6 of its own deviations, 1.5 / sqrt(8000)
    assert float((deviation - 1.5).abs().max()) < 0.1
    together = (bend[:, 4] * bend[:, 8]).mean() / bend.square().mean()
    assert float(together) == pytest.approx(torch.exp(torch.tensor(-16 / (4 * sigma**2))).item(), abs=0.05)


def test_every_image_is_changed_in_its_own_way_by_the_seed_alone():
    same = images(1).expand(2, -1, -1, -1)
    found, again, other = (ALL.apply(same, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(found, again)
    assert not torch.equal(found, other)
    assert not torch.equal(found[0], found[1])


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 12), st.integers(1, 12))
def test_any_size(number, channels, height, width):
    given_ = images(number, channels, height, width)
    found = ALL.apply(given_, seeded())
    assert found.shape == given_.shape
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    # between the least and the largest of an image and the 0 beyond it, but for rounding
    assert float(found.min()) >= -1e-3
    assert float(found.max()) <= float(given_.max()) + 1e-3


def test_tests_see_the_images_as_they_are():
    feed = Feed(Mnist("train"), 4, Transform(scale=0.5, augmentation=ALL))
    untouched = Feed(Mnist("train"), 4, Transform(scale=0.5))
    kinds = (feed, False), (feed, True), (untouched, False)
    readers = [Batches(each, training=training, seed=1) for each, training in kinds]
    tested, trained, plain = (reader.next()[0] for reader in readers)
    for reader in readers:
        reader.close()
    assert torch.equal(tested, plain)
    assert not torch.equal(trained, plain)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"shift": -1}, "shift is -1"),
        ({"rotation": float("nan")}, "rotation is nan"),
        ({"scale": 1}, "scale is 1"),
        ({"elastic": 1, "smoothness": 0.5}, "smoothness is 0.5"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, reason):
    with pytest.raises(DataError, match=reason):
        Augmentation(**settings).check()


def test_what_is_no_image_is_refused():
    with pytest.raises(ShapeError, match="augmentation is for images, the sample is 5"):
        Transform(augmentation=ALL).shape((5,))


def test_without_settings_nothing_is_random():
    assert not Augmentation(smoothness=7).random
    assert all(Augmentation(**{each.name: 0.5}).random for each in fields(Augmentation)[:-1])


def test_reader_is_left_alone():
    """What is held in memory is not written to."""
    stored = images().numpy()
    before = stored.copy()
    ALL.apply(torch.from_numpy(ArrayReader(stored, stored[:, 0, 0, 0]).read_all()[0]), seeded())
    assert (stored == before).all()


def test_images_of_many_sizes_leave_little_behind():
    bend = Augmentation(elastic=1, smoothness=2)
    for side in range(8, 60):
        bend.apply(images(height=side, width=side + 1), seeded())
    assert augment._smoothing.cache_info().currsize <= 16
