"""Data layers: which database, list or bundled set a path means."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from lenet.data.database import Database
from lenet.data.hdf5 import Hdf5
from lenet.data.mnist import Mnist
from lenet.dialects.caffe.net import read_net
from lenet.errors import DescriptionError, FileError, Notes


def data_layer(source, extra=""):
    return (
        f'layer {{ name: "d" type: "Data" top: "x" top: "y" data_param {{ batch_size: 2 '
        f'source: "{source}" {extra} }} }}'
    )


def feed_of(tmp_path, text):
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    notes = Notes()
    return read_net(path, notes).nodes[0].kind, [note.message for note in notes]


def database(path, backend):
    path.mkdir(parents=True)
    for name in ["data.mdb"] if backend == "lmdb" else ["CURRENT", "MANIFEST-000002"]:
        (path / name).touch()


@pytest.mark.parametrize("there", ["lmdb", "leveldb"])
@pytest.mark.parametrize("written", ["", "backend: LMDB", "backend: LEVELDB"])
def test_a_database_is_what_its_folder_looks_like(tmp_path, there, written):
    database(tmp_path / "db", there)
    feed, notes = feed_of(tmp_path, data_layer(tmp_path / "db", written))
    assert feed.source == Database(str(tmp_path / "db"), there)
    fits = (written or "backend: LEVELDB") == f"backend: {there.upper()}"
    assert len(notes) == (0 if fits else 1)
    assert fits or f"{there.upper()} lies at" in notes[0]


def test_a_path_counts_from_where_people_have_it(tmp_path, monkeypatch):
    """From the working directory, as in Caffe; else from the prototxt's folder, and those above."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "caffe" / "examples"
    folder.mkdir(parents=True)
    database(tmp_path / "caffe" / "examples" / "one_lmdb", "lmdb")
    for source in ("examples/one_lmdb", "one_lmdb", "far/away/one_lmdb"):
        feed, notes = feed_of(folder, data_layer(source, "backend: LMDB"))
        assert feed.source.path == str(Path("caffe", "examples", "one_lmdb"))
        assert notes == [f"'{source}' does not exist, '{feed.source.path}' is used"]
    database(tmp_path / "one_lmdb", "lmdb")
    feed, notes = feed_of(folder, data_layer("one_lmdb", "backend: LMDB"))
    assert feed.source.path == "one_lmdb"
    assert notes == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("examples/mnist/mnist_train_lmdb", Mnist("train", "examples/mnist/mnist_train_lmdb")),
        ("mnist-test-leveldb", Mnist("test", "mnist-test-leveldb")),
        ("mnist_val", Mnist("test", "mnist_val")),
        ("mnist/fashion_mnist_train", Database("mnist/fashion_mnist_train", "leveldb")),
        ("mnist/faces", Database("mnist/faces", "leveldb")),
    ],
)
def test_mnist_stands_in_for_its_missing_database(tmp_path, name, source):
    feed, notes = feed_of(tmp_path, data_layer(name))
    assert feed.source == source
    assert bool(notes) == isinstance(source, Mnist)
    with pytest.raises(FileError) if isinstance(source, Database) else nullcontext():
        feed.source.open().close()


def test_hdf5_files_are_listed_in_a_file(tmp_path):
    (tmp_path / "list.txt").write_text("a.h5\n\nb.h5\n")
    (tmp_path / "a.h5").touch()
    text = 'layer { type: "HDF5Data" top: "x" top: "y" hdf5_data_param { source: "%s" batch_size: 3 } }'
    feed, _ = feed_of(tmp_path, text % "list.txt")
    assert feed.source == Hdf5((str(tmp_path / "a.h5"), "b.h5"), ("x", "y"))
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(DescriptionError, match="lists no HDF5 files"):
        feed_of(tmp_path, text % "list.txt")
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DescriptionError, match="should be a list"):
        feed_of(tmp_path, text % "list.txt")
