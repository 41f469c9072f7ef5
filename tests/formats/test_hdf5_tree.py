"""HDF5 as groups, arrays and attributes: what h5py wrote is read as h5py reads it, and damage is an error."""

import io
import random
import struct

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.errors import FileError, Where
from lenet.formats import hdf5_apart
from lenet.formats.hdf5_library import read_with_library, write_tree
from lenet.formats.hdf5_plain import PlainFile
from lenet.formats.hdf5_reading import read_tree, root_of
from lenet.formats.hdf5_tree import Tree
from lenet.formats.hdf5_types import NotPlain

COPIES = 2_000
HERE = Where("model.h5")
NONE = frozenset()


def assert_same(found, wanted):
    assert found.attributes.keys() == wanted.attributes.keys()
    for name, value in wanted.attributes.items():
        np.testing.assert_array_equal(np.asarray(found.attributes[name]), np.asarray(value))
    assert found.arrays.keys() == wanted.arrays.keys()
    for name, array in wanted.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, strict=True)
    assert found.groups.keys() == wanted.groups.keys()
    for name, group in wanted.groups.items():
        assert_same(found.groups[name], group)


def written(**options):
    """A file with one of each kind that Keras writes, and some more."""
    memory = io.BytesIO()
    with h5py.File(memory, "w", **options) as file:
        file.attrs["text"] = "Grüße"
        file.attrs["long"] = "word " * 50_000
        file.attrs["old names"] = np.array([b"conv", b"dense_1"])
        file.attrs["names"] = np.array(["conv", "", "dense"], dtype=h5py.string_dtype())
        file.attrs["none"] = []
        file.attrs["number"], file.attrs["yes"], file.attrs["halves"] = 3, True, np.float16([0.5, 1.5])
        for index in range(40):  # more than one node of a group's tree
            file.create_dataset(f"layers/layer_{index}/vars/0", data=np.arange(index * 3.0))
        file["float16"], file["big"] = np.ones((3, 4), np.float16), np.arange(3, dtype=">i4")
        file["scalar"], file["word"], file["empty"] = np.int64(4), "a text", np.zeros((0, 5), np.float32)
        file["optimizer/vars/0"] = np.ones(3)
    return memory.getvalue()


def test_plain_files_are_read_as_the_library_reads_them():
    data = written()
    assert_same(read_tree(data, HERE), read_with_library(data, HERE, NONE))
    assert "optimizer" not in read_tree(data, HERE, frozenset({"optimizer"})).groups
    attributes, members = root_of(data)
    assert {"text", "old names"} <= attributes
    assert {"layers", "big"} <= members


@pytest.mark.parametrize("options", [{"track_order": True}, {"libver": "latest"}])
def test_other_files_are_read_by_the_library_elsewhere(options):
    data = written(**options)
    file = PlainFile(data)
    groups = dict(file.links(file.messages(file.root)))
    with pytest.raises(NotPlain, match="heap"):
        list(file.links(file.messages(groups["layers"])))
    assert_same(read_tree(data, HERE), read_with_library(data, HERE, NONE))


def test_new_headers():
    memory = io.BytesIO()
    with h5py.File(memory, "w", libver="latest") as file:  # few links and attributes, so no heaps
        file.attrs["name"] = "new"
        file["group/array"] = np.arange(6.0).reshape(2, 3)
    data = memory.getvalue()
    assert root_of(data) == ({"name"}, {"group"})
    assert_same(read_tree(data, HERE), read_with_library(data, HERE, NONE))


words = st.text(st.characters(codec="utf-8", exclude_characters="\0/."), min_size=1, max_size=9)
shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)
numbers = st.builds(
    lambda shape, type: np.arange(np.prod(shape)).reshape(shape).astype(type),
    shapes,
    st.sampled_from(["f2", "f4", "f8", ">f4", "i1", "u1", "i4", "u8"]),
)
attributes = st.dictionaries(words, words | st.lists(words, min_size=1) | numbers, max_size=3)
trees = st.recursive(
    st.builds(Tree, attributes, st.dictionaries(words, numbers, max_size=3)),
    lambda inner: st.builds(
        lambda found, groups: Tree(found, {}, groups), attributes, st.dictionaries(words, inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_what_is_written_is_read_again(tree):
    assert_same(read_tree(write_tree(tree), HERE), tree)


def with_types():
    """Types beside the usual ones, which only the library knows."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        for number in range(3):  # texts that end with a zero, are filled up with zeros, or with spaces
            words = h5py.h5t.C_S1.copy()
            words.set_size(8)
            words.set_strpad(number)
            at = h5py.h5a.create(file.id, b"text%d" % number, words, h5py.h5s.create_simple((2,)))
            at.write(np.array([b"ab\0c", b"cdef  "], "S8"), mtype=words)
        biased = h5py.h5t.IEEE_F32LE.copy()
        biased.set_ebias(120)
        for name, type in {"biased": h5py.Datatype(biased), "right": np.float32}.items():
            file.create_dataset(name, data=np.float32([1, 2.5]), dtype=type)
        for names in ({"FALSE": 1, "TRUE": 0}, {"NOT_FALSE": 5, "TRUE": 1}, {"FALSE": 0, "TRUE": 1}):
            kind = h5py.enum_dtype(names, "i1")
            file.create_dataset(str(names), data=np.int8([0, 1]), dtype=kind)
    return memory.getvalue()


def test_unusual_types():
    data = with_types()
    assert_same(read_tree(data, HERE), read_with_library(data, HERE, NONE))


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_yes_and_no_are_plain(libver):
    memory = io.BytesIO()
    with h5py.File(memory, "w", libver=libver) as file:
        file["answers"] = np.array([True, False])
    file = PlainFile(memory.getvalue())
    ((_, address),) = file.links(file.messages(file.root))
    np.testing.assert_array_equal(file.array(file.messages(address)), [True, False], strict=True)


def test_attributes_too_large_for_a_header():
    memory = io.BytesIO()
    with h5py.File(memory, "w", libver="latest") as file:
        file.attrs["config"] = np.bytes_(b"word " * 20_000)
        file.attrs["names"] = np.array([f"layer{index:060}".encode() for index in range(1500)])
        file.attrs["numbers"] = np.zeros(100_000)
        file["array"] = np.arange(3.0)
    tree = read_tree(memory.getvalue(), HERE)
    assert tree.string("config") == "word " * 20_000
    assert tree.strings("names") == [f"layer{index:060}" for index in range(1500)]
    assert tree.attributes["numbers"] == ""  # nobody asks for them
    assert tree.arrays["array"].tolist() == [0, 1, 2]


def groups_again_and_again():
    """Each group is two of the one around it, so that 40 of them are 2^40."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        here = file
        for _ in range(40):
            here = here.create_group("one")
            here.parent["two"] = here
    return memory.getvalue()


def texts_again_and_again():
    """An attribute of 4,000 texts that are all the same five million letters."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        texts = np.array(["x" * 5_000_000] + ["y"] * 3_999, dtype=object)
        file.attrs.create("texts", texts, dtype=h5py.string_dtype())
    data = memory.getvalue()
    place = data.index(struct.pack("<I", 5_000_000))
    return data[:place] + data[place : place + 16] * 4_000 + data[place + 16 * 4_000 :]


def nothing_of_a_great_size():
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_dataset("nothing", (0, 1 << 39, 1 << 39), "f4")
    return memory.getvalue()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (groups_again_and_again, "more than 2000 groups and arrays"),
        (texts_again_and_again, "unpacks to more than such a file can hold"),
        (nothing_of_a_great_size, "array is too big"),
    ],
)
def test_files_made_to_harm(monkeypatch, make, words):
    monkeypatch.setattr("lenet.formats.hdf5_reading.MOST", 2_000)  # 200,000 take some seconds
    with pytest.raises(FileError, match=words):
        read_tree(make(), HERE)


def small_model():
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.attrs["model_config"] = '{"class_name": "Sequential"}' * 20
        file.attrs["layer_names"] = np.array([b"conv", b"dense"])
        for name in ("conv", "dense"):
            group = file.create_group(f"model_weights/{name}")
            paths = [f"{name}/kernel:0", f"{name}/bias:0"]
            group.attrs["weight_names"] = np.array(paths, dtype=h5py.string_dtype())
            group[paths[0]], group[paths[1]] = np.ones((3, 4), np.float32), np.ones(4, np.float32)
    return memory.getvalue()


def damaged(data, seed):
    """A copy that is cut off, or has one to four other bytes."""
    generator = random.Random(seed)
    copy = bytearray(data)
    if seed % 5 == 0:
        return bytes(copy[: generator.randrange(len(copy))])
    for _ in range(generator.randint(1, 4)):
        copy[generator.randrange(len(copy))] = generator.randrange(256)
    return bytes(copy)


def test_damage_is_told_from_a_plain_file(monkeypatch):
    """The process reads nothing itself but what is plain: h5py is not asked here."""
    monkeypatch.setattr("lenet.formats.hdf5_reading.read_apart", lambda *_: (_ for _ in ()).throw(Apart))
    data, apart = small_model(), 0
    for seed in range(COPIES):
        try:
            read_tree(damaged(data, seed), HERE)
        except Apart:
            apart += 1
    assert COPIES // 10 < apart < COPIES  # bytes of numbers and of free space tell nothing


class Apart(Exception):
    """The library is asked."""


@pytest.mark.parametrize("changes", [{857: 231, 2512: 158, 4720: 22}, {857: 93}])
def test_what_ends_the_library_is_an_error(changes):
    """The first of these ended h5py 3.16's library with a segmentation fault."""
    data = bytearray(small_model())
    for place, value in changes.items():
        data[place] = value
    with pytest.raises(FileError, match="no whole HDF5 file"):
        read_tree(bytes(data), HERE)


def test_what_never_ends_is_an_error(monkeypatch):
    monkeypatch.setattr(hdf5_apart, "SECONDS", 0.001)  # no process starts in that
    with pytest.raises(FileError, match="did not come to an end"):
        read_tree(written(track_order=True), HERE)


def test_a_process_that_says_nothing(monkeypatch):
    monkeypatch.setattr(hdf5_apart, "_SERVE", "import os; os.abort()")
    with pytest.raises(FileError, match="broke down"):
        read_tree(written(track_order=True), HERE)


@pytest.mark.parametrize("size", [0, 3, 8, 40, 95])
def test_truncated_at_the_start(size):
    with pytest.raises(FileError, match="no whole HDF5 file"):
        read_tree(small_model()[:size], HERE)
