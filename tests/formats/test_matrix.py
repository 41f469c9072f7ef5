"""EBLearn's matrices: what the real program wrote, byte for byte, and whatever else may be in a file."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lenet.errors import DataError, FileError
from lenet.formats.idx import write_idx
from lenet.formats.matrices import MatrixFile, holds_several, write_matrices
from lenet.formats.matrix import (
    TYPES,
    is_matrix,
    matrix_bytes,
    read_array,
    read_matrix,
    read_matrix_header,
    write_matrix,
)

ORACLE = Path(__file__).parents[1] / "oracle" / "eblearn"
SHARED = Path(__file__).parents[2].parent / "shared"
FLOATS = bytes.fromhex("514c3d1e")
LONGS = bytes.fromhex("584c3d1e")


def written(path, data):
    path.write_bytes(data)
    return path


def numbers(*values):
    return struct.pack(f"<{len(values)}i", *values)


def read_all(path):
    with MatrixFile(path) as file:
        return list(file)


def test_reads_what_eblearn_wrote():
    assert read_matrix(ORACLE / "dig_a_labels.mat").tolist() == [1, 1, 0, 0]
    assert read_matrix(ORACLE / "dig_a_classes.mat").tobytes() == b"even\0odd\0\0"
    header = read_matrix_header(ORACLE / "dig_a_labels.mat")
    assert (header.type, header.shape, header.size, header.values) == ("int", (4,), 20, 16)


def test_reads_several_as_eblearn_wrote_them():
    assert holds_several(ORACLE / "dig_a_data.mat")
    assert not holds_several(ORACLE / "dig_a_labels.mat")
    with MatrixFile(ORACLE / "dig_a_data.mat") as file:
        assert (file.shape, len(file)) == ((4,), 4)
        assert file.header(3).shape == (1, 32, 32)
        assert all(element.dtype == np.float32 and abs(element).max() > 1 for element in file)


@pytest.mark.parametrize("name", ["dig_a_labels", "dig_a_classes", "dig_a_data"])
def test_writes_the_bytes_of_eblearn(tmp_path, name):
    assert_written_again(ORACLE / f"{name}.mat", tmp_path / "again.mat")


def test_writes_the_bytes_of_all_recorded_files(tmp_path):
    files = sorted(SHARED.rglob("*.mat"))
    if not files:
        pytest.skip("the recorded matrices are too large for the repository")
    for file in files:
        assert_written_again(file, tmp_path / "again.mat")


def assert_written_again(file, again):
    if holds_several(file):
        with MatrixFile(file) as matrices:
            write_matrices(again, list(matrices), matrices.shape)
    else:
        write_matrix(again, read_matrix(file), read_matrix_header(file).type)
    assert again.read_bytes() == file.read_bytes(), file


@pytest.mark.parametrize(
    ("array", "type", "expected"),
    [
        (np.array(2.0), "", "534c3d1e 00000000 010000000100000001000000 0000000000000040"),
        (np.array([1, -1], np.int16), "", "564c3d1e 01000000 020000000100000001000000 0100ffff"),
        (np.zeros((1, 1, 1, 2), np.int8), "", "574c3d1e 04000000 01000000010000000100000002000000 0000"),
        (np.array([3]), "", "584c3d1e 01000000 010000000100000001000000 0300000000000000"),
        (np.array([3]), "int64", "5b4c3d1e 01000000 010000000100000001000000 0300000000000000"),
        (np.array([3]), "int", "544c3d1e 01000000 010000000100000001000000 03000000"),
    ],
)
def test_layout(array, type, expected):
    assert matrix_bytes(array, type) == bytes.fromhex(expected)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), type=st.sampled_from(sorted(TYPES)))
def test_round_trip(tmp_path_factory, data, type):
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=4))
    array = data.draw(arrays.arrays(np.dtype(TYPES[type][1]).newbyteorder("="), shape))
    path = tmp_path_factory.mktemp("matrix") / "x.mat"
    write_matrix(path, array, type)
    again = read_matrix(path)
    assert is_matrix(path)
    assert (again.shape, again.dtype, again.tobytes()) == (array.shape, array.dtype, array.tobytes())
    assert read_matrix_header(path).type == type
    assert again.flags.writeable


def test_writes_views_and_big_endian_arrays(tmp_path):
    array = np.arange(12, dtype=">f4").reshape(3, 4).T
    write_matrix(tmp_path / "x.mat", array)
    np.testing.assert_array_equal(read_matrix(tmp_path / "x.mat"), array)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_several_round_trip_with_holes(tmp_path_factory, data):
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    one = arrays.arrays(st.sampled_from([np.float32, np.uint8]), arrays.array_shapes(max_dims=3, max_side=3))
    count = int(np.prod(shape))
    elements = data.draw(st.lists(st.none() | one, min_size=count, max_size=count))
    path = tmp_path_factory.mktemp("matrices") / "x.mat"
    write_matrices(path, elements, shape)
    with MatrixFile(path) as file:
        assert file.shape == shape
        for element, again in zip(elements, file, strict=True):
            assert (element is None) == (again is None)
            assert element is None or (element.tobytes(), element.shape) == (again.tobytes(), again.shape)


def test_array_reads_idx_files_too(tmp_path):
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    write_idx(tmp_path / "x-idx2", array)
    write_matrix(tmp_path / "x.mat", array)
    np.testing.assert_array_equal(read_array(tmp_path / "x-idx2"), array)
    np.testing.assert_array_equal(read_array(tmp_path / "x.mat"), array)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty|ends where a matrix should start"),
        (bytes.fromhex("1e3d4c51") + bytes(20), "byte-swapped"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "Matlab's"),
        (bytes.fromhex("524c3d1e") + bytes(20), "packed"),
        (b".MAT 2 3 4\n", "written as text"),
        (b"\x89PNG\r\n\x1a\n", "starts with 89 50 4e 47"),
        (FLOATS + numbers(-1, 1, 1, 1), "claims -1 axes"),
        (FLOATS + numbers(1000, 1, 1, 1), "claims 1000 axes"),
        (FLOATS + numbers(2, 3, -4, 1), "claims sizes 3 x -4"),
        (FLOATS + numbers(4, 2**31 - 1, 2**31 - 1, 2**31 - 1, 0), "claims sizes"),
        (FLOATS + numbers(2, 2**30, 2**28, 1), "bytes, the file has 0 for them"),
        (FLOATS + numbers(1, 2, 1, 1) + bytes(12), "followed by 4 more bytes"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, data, reason):
    path = written(tmp_path / "bad.mat", data)
    with pytest.raises(FileError, match=reason) as caught:
        read_matrix(path)
    assert caught.value.where.file == str(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            LONGS + numbers(1, 2, 1, 1) + struct.pack("<2q", 36, 40) + bytes(4),
            "matrix 1 of 2 should start at",
        ),
        (LONGS + numbers(1, 1, 1, 1) + struct.pack("<q", 4) + bytes(8), "should start at byte 4"),
        (LONGS + numbers(1, 1, 1, 1) + struct.pack("<q", 28) + bytes(8), "no matrix of EBLearn's at byte 28"),
        (FLOATS + numbers(1, 1, 1, 1) + bytes(8), "this is one matrix, 1 of float"),
    ],
)
def test_what_is_wrong_with_several_is_said(tmp_path, data, reason):
    path = written(tmp_path / "bad.mat", data)
    with pytest.raises(FileError, match=reason), MatrixFile(path) as file:
        list(file)


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "x.mat"
    whole = matrix_bytes(np.arange(3, dtype=np.float32))
    for size in range(len(whole)):
        with pytest.raises(FileError, match=r"truncated|ends where|there is no matrix"):
            read_matrix(written(path, whole[:size]))


def test_every_truncation_of_several_is_noticed(tmp_path):
    path = tmp_path / "x.mat"
    write_matrices(path, [np.zeros(2, np.uint8), None, np.ones((2, 2), np.int16)])
    whole = path.read_bytes()
    for size in range(len(whole)):
        with pytest.raises(FileError), MatrixFile(written(path, whole[:size])) as file:
            list(file)


@settings(max_examples=150, deadline=None)
@given(head=st.sampled_from([b"", FLOATS, LONGS]), rest=st.binary(max_size=60))
def test_garbage_is_an_error_or_a_matrix(tmp_path_factory, head, rest):
    path = written(tmp_path_factory.getbasetemp() / "garbage.mat", head + rest)
    for read in (read_matrix, holds_several, read_all):
        with suppress(FileError):  # any other error fails the test
            read(path)


@pytest.mark.parametrize("array", [np.array(["x"]), np.zeros(2, complex), np.zeros(2, np.float16)])
def test_refuses_to_write_what_the_format_cannot_hold(tmp_path, array):
    with pytest.raises(DataError, match="cannot hold values of type"):
        write_matrix(tmp_path / "x.mat", array)
    assert not list(tmp_path.iterdir())


def test_refuses_several_that_do_not_fill_their_shape(tmp_path):
    with pytest.raises(DataError, match="3 matrices do not fill 2 x 2"):
        write_matrices(tmp_path / "x.mat", [None] * 3, (2, 2))


def test_missing_files_are_said_to_be_missing(tmp_path):
    for read in (read_matrix, read_matrix_header, is_matrix, holds_several, MatrixFile, read_array):
        with pytest.raises(FileError, match="no such file"):
            read(tmp_path / "missing.mat")
