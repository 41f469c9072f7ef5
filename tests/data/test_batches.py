"""Batches: order, wrapping, position and randomness, held in memory and read ahead alike."""

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.data.arrays import ArrayReader
from lenet.data.batches import Batches
from lenet.data.database import Database
from lenet.data.feed import Feed
from lenet.data.hdf5 import Hdf5
from lenet.data.mnist import Mnist
from lenet.data.source import Source
from lenet.data.transforms import Transform
from lenet.errors import DataError, FileError, TrainingError
from lenet.shapes import ShapeError

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe"
PLAIN = Transform()
LIMITS = {"held": 1 << 20, "streamed": 0}


@dataclass(frozen=True)
class Numbers(Source):
    """Sample i is an image of the value i with label i; sample `broken` cannot be read."""

    count: int
    broken: int = -1
    size: tuple[int, ...] = (1, 6, 6)

    def open(self, channels=None):
        values = np.arange(self.count, dtype=np.uint8)
        images = np.broadcast_to(values.reshape(-1, *(1 for _ in self.size)), (self.count, *self.size)).copy()
        return BreakingReader(self.broken, images, values.astype(np.int64))


class BreakingReader(ArrayReader):
    def __init__(self, broken, *arrays):
        super().__init__(*arrays)
        self.broken = broken
        self.is_open = True

    def read_many(self, indices):
        if self.broken in indices:
            raise DataError(f"record {self.broken} is damaged")
        return super().read_many(indices)

    def close(self):
        self.is_open = False


@pytest.fixture(params=LIMITS)
def make(request):
    made, before = [], set(threading.enumerate())  # other tests' may wait to be collected

    def build(source, batch=4, transform=PLAIN, *, training=True, seed=0, **settings):
        feed = Feed(source, batch, transform, **settings)
        made.append(Batches(feed, training=training, seed=seed, memory_limit=LIMITS[request.param]))
        return made[-1]

    yield build
    for batches in made:
        batches.close()
    begun = set(threading.enumerate()) - before
    assert not [thread for thread in begun if thread.name.startswith("lenet-read-ahead")]


@pytest.mark.parametrize("batch", [1, 4, 7, 10, 23])
def test_order_and_wrapping_within_a_batch(make, batch):
    batches = make(Numbers(10), batch)
    taken = [batches.next() for _ in range(8)]
    labels = torch.cat([label for _, label in taken])
    assert labels.tolist() == [index % 10 for index in range(8 * batch)]
    for images, label in taken:
        assert (images.dtype, label.dtype) == (torch.float32, torch.int64)
        assert images.shape == (batch, 1, 6, 6)
        assert (images == label[:, None, None, None]).all()
    assert batches.position == 8 * batch


def test_position_can_be_set(make):
    batches = make(Numbers(10))
    batches.next()
    batches.position = 38
    assert batches.next()[1].tolist() == [8, 9, 0, 1]
    assert batches.next()[1].tolist() == [2, 3, 4, 5]
    assert batches.position == 46
    with pytest.raises(DataError, match="negative"):
        batches.position = -1


def test_state_resumes_crops_and_mirrors(make):
    source, transform = Mnist("test"), Transform(crop=20, mirror=True, scale=1 / 256)
    batches = make(source, 8, transform, seed=None)
    for _ in range(3):
        batches.next()
    position, state = batches.position, batches.generator_state
    expected = [batches.next() for _ in range(3)]
    again = make(source, 8, transform, seed=5)
    again.position, again.generator_state = position, state
    for wanted in expected:
        assert all(map(torch.equal, again.next(), wanted))
    with pytest.raises(DataError, match="random generator"):
        again.generator_state = b"short"


def test_seeds(make):
    transform = Transform(crop=3, mirror=True)
    ramp = ORACLE / "formats" / "mnist20_lmdb"
    same, again, other, any_one = (
        make(Database(str(ramp), "lmdb"), 20, transform, seed=seed).next()[0] for seed in (1, 1, 2, None)
    )
    assert torch.equal(same, again)
    assert not torch.equal(same, other)
    assert not torch.equal(same, any_one)


def test_testing_crops_the_middle_and_draws_nothing(make):
    batches = make(Mnist("test"), 3, Transform(crop=25), training=False)
    state = batches.generator_state
    whole = make(Mnist("test"), 3, training=False).next()[0]
    assert torch.equal(batches.next()[0], whole[:, :, 1:26, 1:26])
    assert batches.generator_state == state


def test_what_is_given_can_be_written_to(make):
    batches = make(Numbers(4))
    first = [tensor.clone() for tensor in batches.next()]
    for _ in range(2):
        for tensor, wanted in zip(batches.next(), first, strict=True):
            assert torch.equal(tensor, wanted)
            tensor.zero_()


def test_skip_starts_somewhere_before_it(make):
    starts = {make(Numbers(10), skip=3, seed=seed).position for seed in range(20)}
    assert starts == {0, 1, 2}


def test_outputs_that_are_not_used_are_left_out(make):
    (images,) = make(Numbers(4), outputs=1).next()
    assert images.shape == (4, 1, 6, 6)


def test_errors_come_when_the_record_is_due_and_again(make):
    batches = make(Numbers(10, broken=9))
    held = not hasattr(batches._samples, "_threads")
    if not held:
        assert [batches.next()[1].tolist() for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    position = batches.position
    for _ in range(2):
        with pytest.raises(DataError, match="record 9 is damaged"):
            batches.next()
        assert batches.position == position
    if not held:
        batches.position = 10
        assert batches.next()[1].tolist() == [0, 1, 2, 3]


def test_closing_while_reading_ahead():
    batches = Batches(Feed(Numbers(100), 2), training=True, memory_limit=0)
    batches.next()
    reader = batches._samples._reader
    batches.close()
    assert not reader.is_open
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lenet-read-ahead")]


def test_a_source_that_does_not_fit_is_closed(monkeypatch):
    opened = []
    monkeypatch.setattr(Numbers, "open", _remembering(Numbers.open, opened))
    with pytest.raises(ShapeError, match="crop"):
        Batches(Feed(Numbers(4), 2, Transform(crop=7)), training=True)
    with pytest.raises(DataError, match="mean values"):
        Batches(Feed(Numbers(4), 2, Transform(mean_values=(1.0, 2.0))), training=True)
    assert [reader.is_open for reader in opened] == [False, False]


def _remembering(method, opened):
    def open_and_remember(self, channels=None):
        opened.append(method(self, channels))
        return opened[-1]

    return open_and_remember


def test_caffes_databases(make):
    """The same records from both kinds, as the idx files have them, over the end of the database."""
    for path, backend in (("mnist20_lmdb", "lmdb"), ("mnist20_leveldb", "leveldb")):
        if backend == "leveldb":
            pytest.importorskip("plyvel")
        batches = make(Database(str(ORACLE / "formats" / path), backend), 16, Transform(scale=0.00390625))
        stored, labels = Mnist("test").open().read_many(range(20))  # these 20 are MNIST's first
        for start in (0, 16, 32):
            indices = [index % 20 for index in range(start, start + 16)]
            images, found = batches.next()
            np.testing.assert_array_equal(images, stored[indices] * np.float32(0.00390625))
            assert found.tolist() == labels[indices].tolist()


def test_hdf5_wraps_within_a_batch_as_caffe_does(make):
    """HDF5Data, batch 8 of 28 rows, 5 batches.  Tolerance of the sums: 72 float32 numbers of size 1."""
    pytest.importorskip("h5py")
    batches = make(Hdf5((str(ORACLE / "solver" / "tiny.h5"),), ("data", "label")), 8)
    with np.load(ORACLE / "formats" / "hdf5data_batches.npz") as recorded:
        for index in range(5):
            data, label = batches.next()
            assert label.dtype == torch.float32  # as stored: a number to be learned, for all we know
            np.testing.assert_array_equal(label, recorded[f"label{index}"])
            sums = data.numpy().reshape(8, -1).sum(axis=1)
            np.testing.assert_allclose(sums, recorded[f"data{index}_sum"], atol=1e-4)


def test_hdf5_labels_in_whole_numbers_and_several_files(make, tmp_path):
    h5py = pytest.importorskip("h5py")
    for name, rows in (("a", range(3)), ("b", range(3, 8)), ("c", range(8, 9))):
        with h5py.File(tmp_path / name, "w") as file:
            file["x"] = np.array(rows, "f8")[:, None] * np.ones(2)
            file["y"] = np.array(rows, "i2")
    files = tuple(str(tmp_path / name) for name in "abc")
    batches = make(Hdf5(files, ("x", "y")), 5)
    taken = [batches.next() for _ in range(4)]
    assert torch.cat([label for _, label in taken]).tolist() == [index % 9 for index in range(20)]
    assert torch.cat([row for row, _ in taken])[:, 1].tolist() == [index % 9 for index in range(20)]
    assert (taken[0][0].dtype, taken[0][1].dtype) == (torch.float32, torch.int64)
    reader = Hdf5(files, ("y",)).open()
    assert reader.read_many([8, 0, 4])[0].tolist() == [8, 0, 4]
    reader.close()


def test_hdf5_files_that_do_not_fit(tmp_path):
    h5py = pytest.importorskip("h5py")
    for name, arrays in {
        "good": {"x": np.zeros((3, 2)), "y": np.zeros(3)},
        "rows": {"x": np.zeros((3, 2)), "y": np.zeros(4)},
        "shape": {"x": np.zeros((3, 5)), "y": np.zeros(3)},
        "empty": {"x": np.zeros((0, 2)), "y": np.zeros(0)},
        "single": {"x": 3, "y": 4},
    }.items():
        with h5py.File(tmp_path / name, "w") as file:
            file.update(arrays)
    for name in ("rows", "shape", "empty", "single"):
        with pytest.raises(DataError):
            Hdf5((str(tmp_path / "good"), str(tmp_path / name)), ("x", "y")).open()
    with pytest.raises(FileError, match="no array 'z'"):
        Hdf5((str(tmp_path / "good"),), ("z",)).open()


def test_the_shape_of_a_feed_is_that_of_its_batches(make):
    feed = Feed(Mnist("test"), 7, Transform(crop=24))
    batches = make(feed.source, feed.batch, feed.transform)
    assert feed.shape([]) == tuple(tuple(tensor.shape) for tensor in batches.next())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("limit", LIMITS.values())
def test_on_a_gpu_the_same_numbers(limit):
    transform = Transform(crop=20, mirror=True, scale=1 / 256, mean_values=(3.0,))
    taken = []
    for device in ("cpu", "cuda"):
        batches = Batches(
            Feed(Mnist("test"), 64, transform), training=True, seed=1, memory_limit=limit, device=device
        )
        taken.append([tensor for _ in range(3) for tensor in batches.next()])
        batches.close()
    assert all(tensor.is_cuda for tensor in taken[1])
    assert all(torch.equal(one, other.cpu()) for one, other in zip(*taken, strict=True))


@pytest.mark.parametrize(("batch", "fits"), [(10, True), (11, False)])
def test_a_batch_has_to_fit_into_memory(make, monkeypatch, batch, fits):
    monkeypatch.setattr("lenet.data.memory.machine_memory", lambda: 10 * (64 + 4 * (36 + 1)))
    if fits:
        assert len(make(Numbers(5), batch).next()[0]) == batch
    else:
        with pytest.raises(TrainingError, match="a batch of 11 samples, each 1 x 6 x 6"):
            make(Numbers(5), batch)


def test_where_the_memory_is_not_known_any_batch_may_be_tried(make, monkeypatch):
    monkeypatch.setattr("lenet.data.memory.machine_memory", lambda: None)
    assert len(make(Numbers(5), 6).next()[0]) == 6
