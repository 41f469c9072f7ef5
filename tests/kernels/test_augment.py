"""The compiled augmentation against torch's operations, and as a call that takes batches out of memory."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lenet.data.augment import Augmentation
from lenet.kernels.augment import augment, augmented_samples_call
from lenet.kernels.calls import Calls
from lenet.kernels.samples import STORED, Held

pytestmark = pytest.mark.usefixtures("target")
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DIGITS = Augmentation(shift=2, rotation=10, scale=0.1, shear=0.1, elastic=1)
SETTINGS = st.builds(
    Augmentation,
    shift=st.sampled_from([0, 2, 60]),
    rotation=st.sampled_from([0, 10, 180]),
    scale=st.sampled_from([0, 0.1, 0.9]),
    shear=st.sampled_from([0, 0.3]),
    elastic=st.sampled_from([0, 1, 5]),
    smoothness=st.sampled_from([1.5, 4.0]),
)


def images_of(shape, stored="uint8", seed=0):
    drawn = torch.randint(256, shape, generator=torch.Generator().manual_seed(seed))
    return drawn.to(getattr(torch, stored))


def by_kernel(augmentation, images, drawn):
    return augment(images, drawn.maps, augmentation.bending(drawn.noise, *images.shape[2:]))


@QUICK
@given(
    SETTINGS,
    st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from(STORED),
    st.integers(0, 999),
)
def test_it_gives_what_torch_gives(augmentation, shape, stored, seed):
    """Places differ by some roundings of numbers up to 100 pixels, between which values differ by 255."""
    images = images_of(shape, stored, seed)
    drawn = augmentation.drawn(shape[0], *shape[2:], torch.Generator().manual_seed(seed))
    found = by_kernel(augmentation, images, drawn)
    if shape[0]:
        assert torch.allclose(found, augmentation._by_torch(images, drawn), rtol=0, atol=0.1)
    assert found.shape == shape


def test_every_pixel_of_a_digit_is_torchs_but_for_rounding():
    images = images_of((64, 1, 28, 28))
    drawn = DIGITS.drawn(64, 28, 28, torch.Generator().manual_seed(1))
    found, wanted = by_kernel(DIGITS, images, drawn), DIGITS._by_torch(images, drawn)
    assert float((found - wanted).abs().max()) < 2e-3  # 3e-6 pixels times 255, from either side
    assert float((found - wanted).abs().mean()) < 2e-4


@QUICK
@given(st.sampled_from(STORED), st.booleans(), st.booleans(), st.integers(1, 20), st.integers(1, 3))
def test_a_batch_out_of_memory_is_that_of_its_rows(stored, bent, with_mean, batch, turns):
    augmentation = Augmentation(shift=2, rotation=10, elastic=1.5 if bent else 0)
    samples, labels = images_of((9, 2, 12, 10), stored), torch.arange(9)
    generator = torch.Generator().manual_seed(batch)
    rows = torch.randint(9, (turns, batch), generator=generator)
    mean = 100 * torch.rand(2, 12, 10, generator=generator) if with_mean else None
    drawn = [augmentation.drawn(batch, 12, 10, generator) for _ in range(turns)]
    noise = torch.stack([each.noise for each in drawn]) if bent else None
    maps = torch.stack([each.maps for each in drawn])
    images, its_labels = torch.full((batch, 2, 12, 10), torch.nan), torch.full((batch,), -1)
    held = Held(samples, labels, mean, 1 / 256)
    call = augmented_samples_call(held, rows, maps, augmentation.bending(noise, 12, 10), images, its_labels)
    assert Calls((call,)).turns(turns, threads=2) == (turns, 0)
    wanted = by_kernel(augmentation, samples[rows[-1]], drawn[-1])
    assert torch.equal(images, (wanted if mean is None else wanted - mean) * (1 / 256))
    assert torch.equal(its_labels, labels[rows[-1]])


def test_places_that_are_no_numbers_or_far_away_show_nothing():
    maps = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30, -1e30]).repeat(6, 1)
    assert augment(images_of((5, 1, 6, 7)), maps, None).abs().max() == 0
