"""LMDB: our reader against LMDB itself and the real Caffe's database; damage of every kind is refused."""

import os
import random
import struct
from pathlib import Path

import lmdb
import numpy as np
import pytest

from lenet.errors import FileError, LenetError
from lenet.formats import lmdb as our_lmdb
from lenet.formats.idx import read_idx
from lenet.formats.keyvalue import backend_of, new_database
from lenet.formats.lmdb import LmdbReader, LmdbWriter

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe" / "formats"
CAFFE = ORACLE / "mnist20_lmdb"


def write(path, records, force=False):
    with new_database(path, LmdbWriter, force) as database:
        for key, value in records:
            database.put(key, value)


def read(path):
    with LmdbReader(path) as database:
        return list(database.records())


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_caffes_database_is_read():
    records = read(CAFFE)
    assert [key for key, _ in records] == [b"%08d" % index for index in range(20)]
    images = read_idx(ORACLE / "mnist20-images")
    assert all(value[9:793] == image.tobytes() for (_, value), image in zip(records, images, strict=True))


def test_the_file_itself_can_be_named():
    assert read(CAFFE / "data.mdb") == read(CAFFE)


@pytest.mark.parametrize("count", [0, 1, 2, 700, 5000])
def test_reader_agrees_with_lmdb(tmp_path, count):
    random_number = random.Random(count)
    records = {
        random_number.randbytes(random_number.randint(1, 400)): random_number.randbytes(
            random_number.choice([0, 1, 30, 800, 2030, 2040, 5000, 20000 if count < 1000 else 9])
        )
        for _ in range(count)
    }
    path = tmp_path / "database"
    write(path, records.items())
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        expected = list(transaction.cursor())
    with LmdbReader(path) as database:
        assert len(database) == count == len(expected)
        assert list(database.records()) == expected
        for index in {0, 1, count // 2, count - 1} & set(range(count)):
            assert database.record(index) == expected[index]
            assert list(database.records(index)) == expected[index:]
        assert list(database.records(count)) == []


@pytest.mark.parametrize("page_size_seed", range(3))
def test_a_database_that_was_changed_often(tmp_path, page_size_seed):
    """Freed pages, two meta pages with different transactions, overwritten and deleted records."""
    random_number = random.Random(page_size_seed)
    with lmdb.open(str(tmp_path / "database"), map_size=1 << 24) as environment:
        for _ in range(30):
            with environment.begin(write=True) as transaction:
                for _ in range(50):
                    key = b"%04d" % random_number.randrange(500)
                    if random_number.random() < 0.3:
                        transaction.delete(key)
                    else:
                        transaction.put(key, random_number.randbytes(random_number.randrange(6000)))
        with environment.begin() as transaction:
            expected = list(transaction.cursor())
    assert read(tmp_path / "database") == expected


def test_two_readers_at_once_and_nothing_is_written(tmp_path):
    write(tmp_path / "database", [(b"a", b"1")])
    before = names(tmp_path / "database")
    with LmdbReader(tmp_path / "database") as one, LmdbReader(tmp_path / "database") as other:
        assert one.record(0) == other.record(0) == (b"a", b"1")
    assert names(tmp_path / "database") == before


def test_every_truncation_is_refused(tmp_path):
    whole = (CAFFE / "data.mdb").read_bytes()
    for size in [*range(0, 300), *range(300, len(whole), 127), len(whole) - 1]:
        (tmp_path / "data.mdb").write_bytes(whole[:size])
        with pytest.raises(FileError) as caught:
            read(tmp_path)
        assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("seed", range(200))
def test_damage_never_ends_the_process(tmp_path, seed):
    """LMDB itself dies of some of these: of wrong page numbers, flags, offsets."""
    random_number = random.Random(seed)
    content = bytearray((CAFFE / "data.mdb").read_bytes())
    start = random_number.choice([0, 4096, 2 * 4096])
    if seed % 2:
        page = random_number.randrange(len(content) // 4096) * 4096
        content[page : page + 64] = random_number.randbytes(64)
    for _ in range(random_number.randint(1, 20)):
        content[random_number.randrange(start, len(content))] = random_number.randrange(256)
    (tmp_path / "data.mdb").write_bytes(content)
    try:
        with LmdbReader(tmp_path) as database:
            list(database.records())
            for index in range(min(len(database), 100)):
                database.record(index)
    except LenetError:
        pass


def test_a_tree_that_leads_to_itself_is_refused(tmp_path):
    content = bytearray((CAFFE / "data.mdb").read_bytes())
    meta = 4096  # the newer one of the two: transaction 1
    (root,) = struct.unpack_from("<Q", content, meta + 128)
    struct.pack_into("<H", content, meta + 94, 30)  # a depth of 30
    lower = struct.unpack_from("<H", content, root * 4096 + 12)[0]
    for slot in range((lower - 16) // 2):
        (offset,) = struct.unpack_from("<H", content, root * 4096 + 16 + 2 * slot)
        struct.pack_into("<HHH", content, root * 4096 + offset, root, 0, 0)
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(FileError, match="damaged: more than"):
        read(tmp_path)


def test_what_is_no_database(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        read(tmp_path / "nothing")
    with pytest.raises(FileError, match=r"holds no data\.mdb"):
        read(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"")
    with pytest.raises(FileError, match="empty"):
        read(tmp_path)
    (tmp_path / "data.mdb").write_bytes(random.Random(0).randbytes(20000))
    with pytest.raises(FileError, match="no LMDB database"):
        read(tmp_path)
    content = bytearray((CAFFE / "data.mdb").read_bytes())
    content[20] = content[4116] = 2
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(FileError, match="version 2"):
        read(tmp_path)


def test_trees_that_caffe_never_writes_are_refused(tmp_path):
    with lmdb.open(str(tmp_path / "named"), max_dbs=2) as environment:
        tree = environment.open_db(b"tree")
        with environment.begin(write=True, db=tree) as transaction:
            transaction.put(b"a", b"1")
    with pytest.raises(FileError, match="inside a database"):
        read(tmp_path / "named")
    content = bytearray((CAFFE / "data.mdb").read_bytes())
    content[4096 + 92] |= 4  # the flag of sorted duplicates
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(FileError, match="several values"):
        read(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    write(tmp_path / "database", [(b"a", b"1")])
    (tmp_path / "database" / "data.mdb").chmod(0)
    with pytest.raises(FileError, match="permission"):
        read(tmp_path / "database")


def test_the_map_grows(tmp_path, monkeypatch):
    monkeypatch.setattr(our_lmdb, "_FIRST_MAP", 1 << 16)
    records = [(b"%08d" % index, bytes(3000)) for index in range(2500)]
    write(tmp_path / "database", records)
    assert read(tmp_path / "database") == records


def test_a_key_that_is_written_twice_has_the_later_value(tmp_path):
    write(tmp_path / "database", [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
    assert read(tmp_path / "database") == [(b"a", b"3"), (b"b", b"2")]


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "database"
    write(path, [(b"a", b"1")])

    def breaking():
        yield b"b", b"2"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, breaking(), force=True)
    with pytest.raises(FileError, match="LMDB cannot write"):
        write(path, [(bytes(600), b"")], force=True)
    assert read(path) == [(b"a", b"1")]
    assert names(tmp_path) == ["database"]


def test_only_a_database_is_replaced_and_only_by_force(tmp_path):
    path = tmp_path / "database"
    write(path, [(b"a", b"1")])
    with pytest.raises(FileError, match="exists already"):
        write(path, [])
    write(path, [(b"a", b"2")], force=True)
    assert read(path) == [(b"a", b"2")]
    (path / "thesis.tex").write_text("precious")
    with pytest.raises(FileError, match="not replaced"):
        write(path, [], force=True)
    assert read(path) == [(b"a", b"2")]
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(FileError, match="not replaced"):
        write(file, [], force=True)
    assert file.read_text() == "precious"


def test_no_directory_to_write_to(tmp_path):
    with pytest.raises(FileError, match="no such file or directory"):
        write(tmp_path / "nothing" / "database", [])


def test_backend_is_told_by_the_files(tmp_path):
    assert backend_of(CAFFE) == "lmdb"
    assert backend_of(ORACLE / "mnist20_leveldb") == "leveldb"
    assert backend_of(tmp_path) is None
    assert backend_of(tmp_path / "nothing") is None


def test_values_are_plain_bytes():
    with LmdbReader(CAFFE) as database:
        assert all(type(part) is bytes for part in database.record(3))
        assert np.frombuffer(database.record(3)[1], np.uint8).size == 795
