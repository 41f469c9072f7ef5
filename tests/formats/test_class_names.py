"""Names of classes: EBLearn's file byte for byte, other names, and files that hold none."""

from pathlib import Path

import numpy as np
import pytest

from lenet.errors import DataError, FileError
from lenet.formats.class_names import read_class_names, read_names, write_class_names
from lenet.formats.matrix import write_matrix

ORACLE = Path(__file__).parents[1] / "oracle" / "eblearn" / "dig_a_classes.mat"


def test_reads_and_writes_as_eblearn_does(tmp_path):
    assert read_class_names(ORACLE) == ("even", "odd")
    write_class_names(tmp_path / "again.mat", ("even", "odd"))
    assert (tmp_path / "again.mat").read_bytes() == ORACLE.read_bytes()


@pytest.mark.parametrize("names", [("0", "1"), ("",), ("bg", "Gesicht", "café"), ("a b",)])
def test_names_are_read_as_written(tmp_path, names):
    write_class_names(tmp_path / "x.mat", names)
    assert read_class_names(tmp_path / "x.mat") == names


def test_rows_without_a_zero_and_latin_1_are_read(tmp_path):
    write_matrix(tmp_path / "x.mat", np.frombuffer(b"caf\xe9full", np.uint8).reshape(2, 4))
    assert read_class_names(tmp_path / "x.mat") == ("café", "full")


@pytest.mark.parametrize(
    "array", [np.zeros(3, np.uint8), np.zeros((2, 2), np.int32), np.zeros((0, 4), np.uint8)]
)
def test_other_matrices_are_refused(tmp_path, array):
    write_matrix(tmp_path / "x.mat", array)
    with pytest.raises(FileError, match="names of classes are a matrix of bytes"):
        read_class_names(tmp_path / "x.mat")


@pytest.mark.parametrize("names", [(), ("a\0b",)])
def test_names_that_cannot_be_held_are_refused(tmp_path, names):
    with pytest.raises(DataError, match="names of classes are needed"):
        write_class_names(tmp_path / "x.mat", names)


def test_names_from_a_text_or_a_matrix(tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes(b"\xef\xbb\xbfzero\r\n one \n\ncaf\xc3\xa9\n")
    assert read_names(path) == ("zero", "one", "café")
    assert read_names(ORACLE) == ("even", "odd")
    path.write_bytes(b"caf\xe9\n")
    with pytest.raises(FileError, match="no UTF-8 text"):
        read_names(path)
