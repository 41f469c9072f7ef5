"""LevelDB: the real Caffe's database is read without a change to it; damage is refused."""

import random
import shutil
import sys
from pathlib import Path

import pytest

from lenet.errors import FileError, LenetError, MissingExtra
from lenet.formats.keyvalue import new_database
from lenet.formats.leveldb import LevelDbReader, LevelDbWriter
from lenet.formats.lmdb import LmdbReader

plyvel = pytest.importorskip("plyvel")

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe" / "formats"
CAFFE = ORACLE / "mnist20_leveldb"


def write(path, records, force=False):
    with new_database(path, LevelDbWriter, force) as database:
        for key, value in records:
            database.put(key, value)


def read(path):
    with LevelDbReader(path) as database:
        return list(database.records())


def content(folder):
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


@pytest.fixture
def tables(tmp_path):
    """A database whose records lie in tables (.ldb), not in the log."""
    random_number = random.Random(1)
    path = tmp_path / "tables"
    with plyvel.DB(str(path), create_if_missing=True) as database:
        for index in range(300):
            database.put(b"%08d" % index, random_number.randbytes(700))
        database.compact_range()
    assert list(path.glob("*.ldb"))
    return path


def test_caffes_leveldb_holds_what_its_lmdb_holds():
    with LmdbReader(ORACLE / "mnist20_lmdb") as database:
        expected = list(database.records())
    with LevelDbReader(CAFFE) as database:
        assert len(database) == 20
        assert list(database.records()) == expected
        assert list(database.records(7)) == expected[7:]
        assert list(database.records(20)) == []
        assert [database.record(index) for index in (19, 0, 5)] == [expected[index] for index in (19, 0, 5)]


def test_reading_changes_nothing_and_two_can_read(tables):
    for path in (CAFFE, tables):
        before = content(path)
        with LevelDbReader(path) as one, LevelDbReader(path) as other:
            assert list(one.records()) == list(other.records())
        assert content(path) == before


def test_written_is_read_by_leveldb_itself(tmp_path):
    records = [(b"%08d" % index, bytes([index % 256]) * (index % 900)) for index in range(2500)]
    write(tmp_path / "database", records)
    assert read(tmp_path / "database") == records
    with plyvel.DB(str(tmp_path / "database")) as database:
        assert list(database) == records


def test_truncated_log_is_refused(tmp_path):
    shutil.copytree(CAFFE, tmp_path / "database")
    log = tmp_path / "database" / "000003.log"
    whole = log.read_bytes()
    for size in [*range(1, 60), *range(60, len(whole), 97), len(whole) - 1]:
        log.write_bytes(whole[:size])
        with pytest.raises(FileError, match="truncated"):
            read(tmp_path / "database")


def test_log_of_several_blocks(tmp_path):
    """Records that go over the borders of the log's blocks, then cut off within each."""
    write(tmp_path / "database", [(b"%08d" % index, bytes(index)) for index in range(500)])
    log = next((tmp_path / "database").glob("*.log"))
    whole = log.read_bytes()
    assert len(whole) > 3 * 32768
    assert len(read(tmp_path / "database")) == 500
    for size in (10, 32767, 32768, 32769, 65536, 98304, 100000, len(whole) - 1):
        log.write_bytes(whole[:size])
        with pytest.raises(FileError, match="truncated"):
            read(tmp_path / "database")


def test_truncated_and_damaged_tables_are_refused(tables):
    table = max(tables.glob("*.ldb"), key=lambda path: path.stat().st_size)
    whole = table.read_bytes()
    for size in range(0, len(whole), len(whole) // 23):
        table.write_bytes(whole[:size])
        with pytest.raises(FileError) as caught:
            read(tables)
        assert str(tables) in str(caught.value)
    table.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    with pytest.raises(FileError):
        read(tables)
    table.unlink()
    with pytest.raises(FileError):
        read(tables)


@pytest.mark.parametrize("seed", range(30))
def test_damage_never_ends_the_process(tmp_path, tables, seed):
    random_number = random.Random(seed)
    source = tables if seed % 2 else CAFFE
    shutil.copytree(source, tmp_path / "database")
    victims = [path for path in (tmp_path / "database").iterdir() if path.stat().st_size]
    victim = random_number.choice(sorted(victims))
    damaged = bytearray(victim.read_bytes())
    for _ in range(random_number.randint(1, 8)):
        damaged[random_number.randrange(len(damaged))] = random_number.randrange(256)
    victim.write_bytes(damaged[: random_number.choice([len(damaged), len(damaged) // 2])])
    said = ""
    try:
        read(tmp_path / "database")
    except LenetError as error:
        said = str(error)
    assert "lenet-leveldb-" not in said  # the temporary directory of links


def test_what_is_no_database(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        read(tmp_path / "nothing")
    with pytest.raises(FileError, match="no CURRENT"):
        read(tmp_path)
    (tmp_path / "CURRENT").write_text("MANIFEST-000002\n")
    with pytest.raises(FileError, match="no MANIFEST"):
        read(tmp_path)
    with pytest.raises(FileError, match="should be a directory"):
        read(tmp_path / "CURRENT")


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "database"
    write(path, [(b"a", b"1")])

    def breaking():
        yield b"b", b"2"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(path, breaking(), force=True)
    assert read(path) == [(b"a", b"1")]
    assert [entry.name for entry in tmp_path.iterdir()] == ["database"]
    write(path, [(b"c", b"3")], force=True)
    assert read(path) == [(b"c", b"3")]


def test_without_plyvel_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "plyvel", None)
    with pytest.raises(MissingExtra, match="plyvel") as caught:
        LevelDbReader(CAFFE)
    assert "lenet[leveldb]" in str(caught.value)
