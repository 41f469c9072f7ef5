"""Which sample stands where: wrapping, shares of several processes, random orders by file and by pass."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.data.batches import Batches
from lenet.data.feed import Feed
from lenet.data.hdf5 import Hdf5
from lenet.data.labelled import Part
from lenet.data.mnist import Mnist
from lenet.data.order import Share, Shuffled, Stored
from lenet.data.transforms import Transform


@given(
    number=st.integers(1, 40),
    start=st.integers(0, 200),
    count=st.integers(0, 60),
    step=st.integers(1, 50),
    shuffled=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_places_by_their_definition(number, start, count, step, shuffled):
    places = range(start, start + count * step, step)
    order = Shuffled(number, 7) if shuffled else Stored(number)
    passes = {index: list(order.at(range(index * number, (index + 1) * number))) for index in range(60)}
    rows = {index: [sample for piece in pieces for sample in piece] for index, pieces in passes.items()}
    found = [sample for piece in order.at(places) for sample in piece]
    if places and places[-1] < 60 * number:
        assert found == [rows[place // number][place % number] for place in places]
    assert all(sorted(row) == list(range(number)) for row in rows.values())


def test_files_are_shuffled_and_the_rows_of_each():
    sizes = (5, 1, 7, 3)
    order = Shuffled(16, 1, sizes)
    files = [file for file, size in enumerate(sizes) for _ in range(size)]
    seen = set()
    for index in range(20):
        (row,) = order.at(range(index * 16, index * 16 + 16))
        assert sorted(row) == list(range(16))
        came = [files[sample] for sample in row]
        assert len([1 for a, b in pairwise(came) if a != b]) == 3, "files are mixed"
        seen.add(tuple(dict.fromkeys(came)))
    assert len(seen) > 5


@pytest.mark.parametrize("limit", [0, 1 << 30])
@pytest.mark.parametrize("shuffle", [False, True])
def test_shares_make_up_the_doubled_batch(shuffle, limit):
    """Processes 0 and 1 of two read what one reads with twice the batch, every other sample each."""

    def labels(batch, share=Share()):  # noqa: B008 it is frozen
        feed = Feed(Part(Mnist("test"), 37), batch, skip=9, shuffle=shuffle)
        batches = Batches(feed, training=True, seed=5, share=share, memory_limit=limit)
        found = [batches.next()[1] for _ in range(9)]
        assert batches.position == feed.batch * 9 * share.number + batches_skip(feed)
        batches.close()
        return found

    def batches_skip(feed):
        return Batches(feed, training=True, seed=5).position

    whole = labels(10)
    halves = [labels(5, Share(rank, 2)) for rank in range(2)]
    for both, first, second in zip(whole, *halves, strict=True):
        assert torch.equal(both[0::2], first)
        assert torch.equal(both[1::2], second)


def test_each_process_crops_for_itself():
    def images(rank):
        feed = Feed(Part(Mnist("test"), 1), 8, Transform(crop=20, mirror=True))
        return Batches(feed, training=True, seed=5, share=Share(rank, 2)).next()[0]

    assert not torch.equal(images(0), images(1))
    assert torch.equal(images(1), images(1))


def test_shuffled_rows_of_hdf5_files(tmp_path):
    h5py = pytest.importorskip("h5py")
    paths = []
    for file in range(3):
        paths.append(str(tmp_path / f"{file}.h5"))
        with h5py.File(paths[-1], "w") as made:
            made["data"] = torch.arange(file * 10, file * 10 + 10).float()[:, None].numpy()
    for limit in (0, 1 << 20):
        feed = Feed(Hdf5(tuple(paths), ("data",)), 15, shuffle=True, outputs=1)
        batches = Batches(feed, training=True, seed=3, memory_limit=limit)
        rows = [torch.cat([batches.next()[0] for _ in range(2)])[:, 0].long().tolist() for _ in range(3)]
        batches.close()
        assert all(sorted(row) == list(range(30)) for row in rows)
        assert all(len({value // 10 for value in row[:10]}) == 1 for row in rows)  # a file at a time
        assert len(set(map(tuple, rows))) == 3
