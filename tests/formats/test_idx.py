"""idx files: what is written is read, in every type and packing; nothing else is."""

import gzip
import lzma
import os
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lenet.errors import DataError, FileError
from lenet.formats.idx import is_idx, read_idx, read_idx_header, write_idx

TYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]
PACKINGS = {"plain": lambda data: data, "gzip": gzip.compress, "xz": lzma.compress}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    array=st.sampled_from(TYPES).flatmap(
        lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
    ),
    packing=st.sampled_from(sorted(PACKINGS)),
)
def test_written_is_read(tmp_path, array, packing):
    path = tmp_path / "array.idx"
    write_idx(path, array)
    path.write_bytes(PACKINGS[packing](path.read_bytes()))
    read = read_idx(path)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)
    assert read_idx_header(path).shape == array.shape
    assert is_idx(path)


def test_bytes_are_those_of_the_format(tmp_path):
    path = tmp_path / "array.idx"
    write_idx(path, np.array([[1, -2, 300]], ">i2"))
    assert path.read_bytes() == bytes.fromhex("00000b02 00000001 00000003 0001 fffe 012c")


def test_read_values_can_be_written_to(tmp_path):
    path = tmp_path / "array.idx"
    write_idx(path, np.zeros(3, "u1"))
    read_idx(path)[0] = 1


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_truncation_is_refused(tmp_path, packing):
    path = tmp_path / "array.idx"
    write_idx(path, np.arange(24, dtype="i2").reshape(2, 3, 4))
    whole = PACKINGS[packing](path.read_bytes())
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(FileError):
            read_idx(path)


def test_longer_than_its_sizes_is_refused(tmp_path):
    path = tmp_path / "array.idx"
    write_idx(path, np.zeros((2, 2), "u1"))
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FileError, match="longer"):
        read_idx(path)


@pytest.mark.parametrize("packing", PACKINGS)
def test_sizes_that_cannot_be_take_no_memory(tmp_path, packing):
    path = tmp_path / "array.idx"
    path.write_bytes(PACKINGS[packing](b"\0\0\x0e\x03" + struct.pack(">3I", *[2**32 - 1] * 3) + b"\0" * 100))
    with pytest.raises(FileError, match="truncated"):
        read_idx(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"hello world",
        b"\0\0\x07\x01\0\0\0\0",
        b"\0\0\x08\xff" + bytes(2000),
        b".\xf6\x89xx",
    ],
)
def test_other_content_is_refused(tmp_path, content):
    path = tmp_path / "array.idx"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(FileError, match="directory"):
        read_idx(tmp_path)
    with pytest.raises(FileError, match="no such file"):
        is_idx(tmp_path / "nothing")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    path = tmp_path / "array.idx"
    write_idx(path, np.zeros(1, "u1"))
    path.chmod(0)
    with pytest.raises(FileError, match="permission"):
        read_idx(path)


def test_types_that_idx_lacks_are_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "array.idx"
    write_idx(path, np.ones(2, "u1"))
    for kind in ("i8", "c8", "f2", "U1"):
        with pytest.raises(DataError):
            write_idx(path, np.zeros(2, kind))
    np.testing.assert_array_equal(read_idx(path), [1, 1])
    assert [entry.name for entry in tmp_path.iterdir()] == ["array.idx"]


def test_a_packed_file_that_is_no_idx_file(tmp_path):
    path = tmp_path / "array.gz"
    path.write_bytes(gzip.compress(b"text"))
    assert not is_idx(path)
    path.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x01\xff")[:14])
    assert not is_idx(path)
