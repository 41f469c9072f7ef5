"""Samples in a new random order each time that all were shown."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.data.batches import Batches
from lenet.data.feed import Feed
from lenet.data.labelled import Part
from lenet.data.mnist import Mnist, mnist_arrays


def feed(number, batch):
    return Feed(Part(Mnist("test"), number), batch, shuffle=True)


def shown(batches, number):
    """The images of the next batches as bytes, and their labels."""
    images, labels = zip(*(batches.next() for _ in range(number)), strict=True)
    pixels = np.concatenate([image.numpy() for image in images]).astype(np.uint8)
    return [image.tobytes() for image in pixels], np.concatenate(labels)


@given(number=st.integers(1, 30), batch=st.integers(1, 70), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=30, deadline=None)
def test_every_pass_shows_every_sample_once(number, batch, seed):
    batches = Batches(feed(number, batch), training=True, seed=seed)
    found, labels = shown(batches, -(-3 * number // batch))
    stored, true = mnist_arrays("test")
    known = {image.tobytes(): label for image, label in zip(stored[:number], true, strict=False)}
    for start in (0, number, 2 * number):
        assert sorted(found[start : start + number]) == sorted(known)
    assert [known[image] for image in found] == labels.tolist()


def test_orders_differ_from_pass_to_pass_and_repeat_with_the_seed():
    first, again, other = (shown(Batches(feed(30, 30), training=True, seed=seed), 2)[0] for seed in (1, 1, 2))
    assert first == again
    assert len({tuple(order) for order in (first[:30], first[30:], other[:30], sorted(first[:30]))}) == 4


def test_a_place_in_the_data_tells_the_order():
    batches = Batches(feed(30, 7), training=True, seed=3)
    shown(batches, 6)
    later = Batches(feed(30, 7), training=True, seed=3)
    later.position = batches.position
    assert shown(batches, 3)[0] == shown(later, 3)[0]


def test_without_it_samples_come_as_they_are():
    plain = replace(feed(30, 30), shuffle=False)
    found, _ = shown(Batches(plain, training=True, seed=1), 1)
    assert found == [image.tobytes() for image in mnist_arrays("test")[0][:30]]
