"""Databases of Datums and idx files as sources: what is read, what is refused and how it is named."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenet.data.database import Database, convert_idx, write_database
from lenet.data.feed import Feed
from lenet.data.idx import Idx
from lenet.data.transforms import Transform
from lenet.errors import DataError, FileError
from lenet.formats.datum import write_datum
from lenet.formats.idx import read_idx, write_idx
from lenet.formats.keyvalue import new_database
from lenet.formats.leveldb import LevelDbReader
from lenet.formats.lmdb import LmdbReader, LmdbWriter

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe" / "formats"
READERS = {"lmdb": LmdbReader, "leveldb": LevelDbReader}


def put(path, *values):
    with new_database(path, LmdbWriter) as database:
        for index, value in enumerate(values):
            database.put(b"%08d" % index, value)
    return Database(str(path), "lmdb")


@pytest.mark.parametrize("backend", READERS)
def test_converted_records_are_those_of_caffe(tmp_path, backend):
    """Byte for byte: keys, fields and their order, as convert_mnist_data wrote them."""
    if backend == "leveldb":
        pytest.importorskip("plyvel")
    path = str(tmp_path / "database")
    number = convert_idx(str(ORACLE / "mnist20-images"), str(ORACLE / "mnist20-labels"), path, backend)
    assert number == 20
    with READERS[backend](path) as ours, READERS[backend](ORACLE / f"mnist20_{backend}") as caffes:
        assert list(ours.records()) == list(caffes.records())


def test_keys_and_single_records():
    reader = Database(str(ORACLE / "mnist20_lmdb"), "lmdb").open()
    assert [reader.key(index) for index in (0, 19)] == ["00000000", "00000019"]
    images = read_idx(ORACLE / "mnist20-images")
    image, label = reader.read(19)
    np.testing.assert_array_equal(image[0], images[19])
    assert (int(label), len(reader)) == (4, 20)
    np.testing.assert_array_equal(reader.read_many([3, 1])[0][:, 0], images[[3, 1]])
    reader.close()


def test_colour_and_float_images(tmp_path):
    random_number = np.random.default_rng(0)
    for kind in ("u1", "f4"):
        images = random_number.integers(0, 256, (5, 3, 2, 4)).astype(kind)
        path = str(tmp_path / kind)
        assert write_database(path, "lmdb", zip(images, range(5), strict=True)) == 5
        reader = Database(path, "lmdb").open()
        found, labels = reader.read_all()
        np.testing.assert_array_equal(found, images)
        assert (found.dtype, labels.tolist()) == (kind, [0, 1, 2, 3, 4])


def test_encoded_images_have_the_channels_asked_for(tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (5, 4), (1, 2, 3)).save(file, "PNG")
    data = file.getvalue()
    record = b"\x22" + bytes([len(data)]) + data + b"\x28\x03\x38\x01"
    source = put(tmp_path / "database", record, record)
    for channels, shape in ((None, (3, 4, 5)), (1, (1, 4, 5)), (3, (3, 4, 5))):
        feed = Feed(source, 2, Transform(channels=channels))
        assert feed.shape([]) == ((2, *shape), (2,))
        images, labels = source.open(channels).read_all()
        assert images.shape == (2, *shape)
        assert labels.tolist() == [3, 3]


def test_a_damaged_record_is_named(tmp_path):
    good = write_datum(np.zeros((1, 2, 2), "u1"), 1)
    path = tmp_path / "database"
    reader = put(path, good, good, good[:-3]).open()
    with pytest.raises(DataError, match="record '00000002': ") as caught:
        reader.read_all()
    assert str(path) in str(caught.value)
    np.testing.assert_array_equal(reader.read(1)[1], 1)


@pytest.mark.parametrize("odd", [np.zeros((1, 2, 3), "u1"), np.zeros((1, 2, 2), "f4")])
def test_a_record_of_another_shape_is_named(tmp_path, odd):
    good = write_datum(np.zeros((1, 2, 2), "u1"), 1)
    records = [good] * 1002 + [write_datum(odd, 1)]  # in another piece than the first one
    with pytest.raises(DataError, match="record '00001002' is 1 x 2 x"):
        put(tmp_path / "a", *records).open().read_all()
    with pytest.raises(DataError, match="record '00001002' is 1 x 2 x"):
        put(tmp_path / "b", *records).open().read(1002)


def test_no_records_and_no_datums(tmp_path):
    with pytest.raises(DataError, match="no records"):
        put(tmp_path / "empty").open()
    with pytest.raises(DataError, match="record '00000000'"):
        put(tmp_path / "text", b"hello").open()


def test_the_wrong_kind_of_database_is_told():
    for path, backend in (("mnist20_leveldb", "lmdb"), ("mnist20_lmdb", "leveldb")):
        with pytest.raises(FileError, match="this is a database of kind") as caught:
            Database(str(ORACLE / path), backend).open()
        assert "backend: " in str(caught.value)


def test_idx_files_as_a_source(tmp_path):
    source = Idx(str(ORACLE / "mnist20-images"), str(ORACLE / "mnist20-labels"))
    images, labels = source.open().read_all()
    assert (images.shape, labels.dtype) == ((20, 1, 28, 28), np.int64)
    assert Idx(source.images).open().shapes == ((1, 28, 28),)
    with pytest.raises(DataError, match="wrong order"):
        Idx(source.labels, source.images).open()
    with pytest.raises(DataError, match="wrong order"):
        Idx(source.images, source.images).open()
    write_idx(tmp_path / "labels", np.zeros(19, "u1"))
    with pytest.raises(DataError, match="19 labels for 20 images"):
        Idx(source.images, str(tmp_path / "labels")).open()


def test_an_existing_database_is_refused_before_the_files_are_read(tmp_path):
    put(tmp_path / "database", b"")
    with pytest.raises(FileError, match="exists already"):
        convert_idx("nothing", "nothing", str(tmp_path / "database"), "lmdb")
