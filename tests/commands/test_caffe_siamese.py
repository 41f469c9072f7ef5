"""`lenet caffe convert_mnist_siamese_data`: pairs of images, and whether they are of one class."""

import numpy as np
import pytest

from lenet.data.database import DatabaseReader, open_database
from lenet.formats.idx import read_idx


def records(path, backend="leveldb"):
    reader = DatabaseReader(open_database(str(path), backend))
    try:
        return [reader.key(index) for index in range(len(reader))], *reader.read_all()
    finally:
        reader.close()


@pytest.mark.parametrize("backend", ["leveldb", "lmdb"])
def test_pairs_are_two_images_of_the_files(lenet, idx_files, tmp_path, backend):
    if backend == "leveldb":
        pytest.importorskip("plyvel")
    words = [
        "caffe",
        "convert_mnist_siamese_data",
        idx_files["images"],
        idx_files["labels"],
        tmp_path / "pairs",
    ]
    result = lenet(*words, f"--backend={backend}", "--seed=3")
    assert result.code == 0
    assert "A total of 20 items.\n" in result.err
    assert "Rows: 28 Cols: 28\n" in result.err
    images, labels = read_idx(idx_files["images"]), read_idx(idx_files["labels"])
    drawn = np.random.RandomState(3).randint(0, 2**32, size=(20, 2), dtype=np.uint32) % 20
    keys, pairs, same = records(tmp_path / "pairs", backend)
    assert keys == [f"{index:08d}" for index in range(20)]
    np.testing.assert_array_equal(pairs, images[drawn])
    np.testing.assert_array_equal(same, labels[drawn[:, 0]] == labels[drawn[:, 1]])
    assert set(same) == {0, 1}


def test_a_seed_repeats_the_pairs_and_none_does_not(lenet, idx_files, tmp_path):
    pytest.importorskip("plyvel")

    def made(name, *more):
        words = ["caffe", "convert_mnist_siamese_data.bin", idx_files["images"], idx_files["labels"]]
        assert lenet(*words, tmp_path / name, *more).code == 0
        return records(tmp_path / name)[1]

    first, again = made("first", "-seed", "5"), made("again", "-seed", "5")
    np.testing.assert_array_equal(first, again)
    assert (made("new") != made("newer")).any()  # alike once in 20^40


def test_what_cannot_be(lenet, idx_files, tmp_path):
    pytest.importorskip("plyvel")
    words = [
        "caffe",
        "convert_mnist_siamese_data",
        idx_files["images"],
        idx_files["labels"],
        tmp_path / "pairs",
    ]
    assert lenet(*words).code == 0
    assert "exists" in lenet(*words).err
    assert lenet(*words, "-force").code == 0
    wrong = lenet(*words[:3], idx_files["images"], tmp_path / "others")
    assert wrong.code in (3, 6)
    assert "lenet: error: " in wrong.err
    assert not (tmp_path / "others").exists()
    assert lenet(*words[:4]).code == 1
