"""Batches that a thread makes in advance: the numbers, the states and the errors of those made when taken."""

import threading

import numpy as np
import pytest
import torch

from lenet.data.ahead import Ahead
from lenet.data.arrays import ArrayReader
from lenet.data.augment import Augmentation
from lenet.data.batches import Batches
from lenet.data.feed import Feed
from lenet.data.mnist import Mnist
from lenet.data.order import Share
from lenet.data.source import Source
from lenet.data.transforms import Transform
from lenet.errors import DataError

EVERYTHING = Augmentation(shift=2, rotation=10, scale=0.1, shear=0.1, elastic=1)
LIMITS = {"held": 1 << 30, "streamed": 0}


class Damaged(Source):
    """Twelve samples; the tenth cannot be read."""

    def open(self, channels=None):
        return DamagedReader(np.ones((12, 1, 6, 6), np.uint8), np.arange(12))


class DamagedReader(ArrayReader):
    def read_many(self, indices):
        if 9 in indices:
            raise DataError("record 9 is damaged")
        return super().read_many(indices)


def batches_of(source, *, ahead=True, seed=3, batch=4, limit="streamed", crop=0, share=None, shuffle=False):
    transform = Transform(scale=1 / 256, augmentation=EVERYTHING, crop=crop, mirror=bool(crop))
    feed = Feed(source, batch, transform, shuffle=shuffle)
    made = Batches(feed, training=True, seed=seed, memory_limit=LIMITS[limit], share=share or Share())
    if not ahead:
        made._ahead.close()
        made._ahead = None
    return made


def same(one, other):
    return all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def threads():
    return [each for each in threading.enumerate() if each.name.startswith("lenet-read-ahead")]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("share", [Share(), Share(1, 2)])
def test_the_same_numbers_and_states_as_one_by_one(limit, share):
    settings = {"limit": limit, "share": share, "crop": 24, "shuffle": True}
    ahead = batches_of(Mnist("test"), **settings)
    plain = batches_of(Mnist("test"), ahead=False, **settings)
    for _ in range(6):
        assert (ahead.position, ahead.generator_state) == (plain.position, plain.generator_state)
        assert same(ahead.next(), plain.next())
    ahead.close()
    plain.close()
    assert not threads()


def test_whoever_resumes_goes_on_with_the_same_batches():
    first = batches_of(Mnist("test"))
    for _ in range(3):
        first.next()
    position, state = first.position, first.generator_state
    expected = [first.next() for _ in range(3)]
    for again in (batches_of(Mnist("test"), seed=8), first):  # another one, and one that goes back
        again.next()
        again.position, again.generator_state = position, state
        assert (again.position, again.generator_state) == (position, state)
        assert all(same(again.next(), wanted) for wanted in expected)
        again.close()


def test_a_batch_elsewhere_draws_as_if_none_had_been_begun():
    ahead, plain = batches_of(Mnist("test")), batches_of(Mnist("test"), ahead=False)
    for batches in (ahead, plain):
        batches.next()
        batches.position += 100
    assert same(ahead.next(), plain.next())
    assert ahead.generator_state == plain.generator_state
    ahead.close()
    plain.close()


def test_an_error_comes_when_its_batch_is_due_and_again():
    batches = batches_of(Damaged())
    assert [batches.next()[1].tolist() for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    position, state = batches.position, batches.generator_state
    for _ in range(2):
        with pytest.raises(DataError, match=r"^record 9 is damaged$"):
            batches.next()
        assert (batches.position, batches.generator_state) == (position, state)
    batches.position = 12
    assert batches.next()[1].tolist() == [0, 1, 2, 3]
    batches.close()
    assert not threads()


def test_one_batch_is_made_in_advance_by_another_thread():
    made = []
    begun = threading.Semaphore(0)

    def make(places):
        made.append((places.start, threading.current_thread()))
        begun.release()
        return (torch.rand(1, generator=generator),)

    generator = torch.Generator().manual_seed(1)
    ahead = Ahead(make, generator)
    ahead.take(range(1), range(1, 2))
    for _ in range(2):  # that which was taken, and the next one without being asked for
        assert begun.acquire(timeout=30)
    ahead.close()
    assert [start for start, _ in made] == [0, 1]
    assert threading.current_thread() not in {thread for _, thread in made}


def test_an_interruption_leaves_all_as_it_was(monkeypatch):
    """Ctrl-C comes while the main thread waits for the batch."""
    batches = batches_of(Mnist("test"))
    batches.next()
    position, state = batches.position, batches.generator_state

    def interrupted(self, timeout=None):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("concurrent.futures.Future.result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            batches.next()
    assert (batches.position, batches.generator_state) == (position, state)
    plain = batches_of(Mnist("test"), ahead=False)
    plain.next()
    assert same(batches.next(), plain.next())
    batches.close()
    plain.close()


@pytest.mark.parametrize(("augmentation", "training"), [(Augmentation(), True), (EVERYTHING, False)])
def test_where_nothing_is_augmented_there_is_no_thread(augmentation, training):
    feed = Feed(Mnist("test"), 4, Transform(augmentation=augmentation))
    batches = Batches(feed, training=training, seed=1)
    batches.next()
    assert not threads()
    batches.close()


def test_indices_tell_what_comes_and_go_nowhere():
    batches = Batches(Feed(Mnist("test"), 4), training=True, seed=1)
    assert batches.indices(2).tolist() == batches.indices(2).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    batches.pass_over(1)
    assert batches.position == 4
    assert batches.indices(1).tolist() == [[4, 5, 6, 7]]
    batches.close()
