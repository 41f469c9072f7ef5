"""Pictures that are decoded by all cores: order and numbers as by one, memory and threads bounded."""

import threading

import numpy as np
import pytest

from lenet.data import samples, source
from lenet.data.batches import Batches
from lenet.data.database import Database
from lenet.data.feed import Feed
from lenet.data.image_list import ImageList, ListedImages, read_list
from lenet.data.image_records import Storing, write_images
from lenet.data.samples import HeldSamples, StreamedSamples
from lenet.errors import FileError
from lenet.formats.image import decode_image, encode_image

NUMBER = 53


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of JPEG files, their list, and an LMDB of the files as they are."""
    folder = tmp_path_factory.mktemp("pictures")
    numbers = np.random.default_rng(1)
    names = [f"{index}.jpg {index}" for index in range(NUMBER)]
    for index in range(NUMBER):
        picture = numbers.integers(0, 256, (3, 4, 3)).repeat(5, 0).repeat(4, 1).astype(np.uint8)
        (folder / f"{index}.jpg").write_bytes(encode_image(picture, "jpg", 90))
    (folder / "list.txt").write_text("\n".join(names))
    entries = read_list(str(folder / "list.txt"))
    write_images(str(folder / "lmdb"), "lmdb", entries, Storing(f"{folder}/", encoded=True))
    return folder


@pytest.fixture(params=["files", "lmdb"])
def given(request, pictures):
    if request.param == "files":
        return ImageList(str(pictures / "list.txt"), f"{pictures}/")
    return Database(str(pictures / "lmdb"), "lmdb")


def read(given, number=9, **settings):
    feed = Feed(given, 20, shuffle=settings.pop("shuffle", False))
    batches = Batches(feed, training=True, seed=4, **settings)
    found = [tuple(output.numpy() for output in batches.next()) for _ in range(number)]
    kind = type(batches._samples)
    batches.close()
    return found, kind


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_same_numbers_by_any_number_of_threads(given, pictures, monkeypatch, shuffle):
    monkeypatch.setattr(samples, "_PIECE", 3)
    found = []
    for threads in (1, 2, 7):
        monkeypatch.setattr(samples, "cores", lambda threads=threads: threads)
        batches, kind = read(given, memory_limit=0, shuffle=shuffle)
        assert kind is StreamedSamples
        found.append(batches)
    held, kind = read(given, shuffle=shuffle)
    assert kind is HeldSamples
    for other in (*found[1:], held):
        for (images, labels), (wanted, true) in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(labels, true)
            np.testing.assert_array_equal(images, wanted)
    for images, labels in found[0][:3]:
        for image, label in zip(images, labels, strict=True):
            pixels = decode_image((pictures / f"{label}.jpg").read_bytes())
            np.testing.assert_array_equal(image, pixels[:, :, ::-1].transpose(2, 0, 1))


def test_all_cores_decode(given, monkeypatch):
    """The pieces of a batch wait for each other: one thread alone would not get further."""
    together = threading.Barrier(3, timeout=30)
    plain = StreamedSamples._read

    def waiting(self, piece):
        if piece[0] < 9:
            together.wait()
        return plain(self, piece)

    monkeypatch.setattr(samples, "cores", lambda: 3)
    monkeypatch.setattr(samples, "_PIECE", 3)
    monkeypatch.setattr(StreamedSamples, "_read", waiting)
    found, _ = read(given, number=1, memory_limit=0)
    assert found[0][1].tolist() == list(range(20))


def test_few_batches_are_read_ahead(given, monkeypatch):
    decoded = []
    plain = StreamedSamples._read
    monkeypatch.setattr(
        StreamedSamples, "_read", lambda self, piece: decoded.extend(piece) or plain(self, piece)
    )
    feed = Feed(given, 2)
    batches = Batches(feed, training=True, memory_limit=0)
    for _ in range(3):
        batches.next()
    batches.close()  # what has begun is finished
    assert len(decoded) <= 2 * (3 + 4)


def test_what_is_held_is_decoded_by_all_cores_once(given, monkeypatch):
    monkeypatch.setattr(source, "_PIECE", 4)
    reader = given.open()
    images, labels = reader.read_all()
    assert labels.tolist() == list(range(NUMBER))
    np.testing.assert_array_equal(images, reader.read_many(range(NUMBER))[0])
    reader.close()


def test_a_damaged_picture_is_named_when_it_is_due(pictures, tmp_path):
    for index in range(30):
        content = (pictures / f"{index}.jpg").read_bytes()
        (tmp_path / f"{index}.jpg").write_bytes(content[:300] if index == 25 else content)
    (tmp_path / "list.txt").write_text("\n".join(f"{index}.jpg {index}" for index in range(30)))
    feed = Feed(ImageList(str(tmp_path / "list.txt"), f"{tmp_path}/"), 10)
    batches = Batches(feed, training=True, memory_limit=0)
    assert [batches.next()[1][0].item() for _ in range(2)] == [0, 10]
    for _ in range(2):
        with pytest.raises(FileError, match=r"25\.jpg"):
            batches.next()
    batches.close()


def test_plain_records_are_read_by_one_thread(tmp_path, pictures):
    entries = read_list(str(pictures / "list.txt"))
    write_images(str(tmp_path / "plain"), "lmdb", entries, Storing(f"{pictures}/"))
    reader = Database(str(tmp_path / "plain"), "lmdb").open()
    assert not reader.decodes
    reader.close()
    assert ListedImages.decodes


def test_a_large_batch_is_read_in_few_pieces(given, monkeypatch):
    monkeypatch.setattr(samples, "_PIECE", 1)
    monkeypatch.setattr(samples, "_PIECES", 4)
    batches = Batches(Feed(given, 20), training=True, seed=4, memory_limit=0)
    batches.next()
    assert {len(pieces) for _, pieces in batches._samples._coming} <= {4, 5, 6}  # more where a pass ends
    batches.close()
