"""Connection tables: what they connect, what is refused, their files and names."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.data.tables import (
    check_table,
    fan_in,
    from_text,
    full,
    grouped,
    one_to_one,
    random,
    random_by_density,
    read_table,
    table_name,
    write_table,
)
from lenet.errors import DataError, FileError, Notes, Where
from lenet.formats.matrix import read_matrix_header, write_matrix

SHARED = Path(__file__).parents[2].parent / "shared"


def test_full_tables_go_by_output_then_input():
    assert full(2, 3).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]
    assert fan_in(full(16, 120)).tolist() == [16] * 120


def test_groups_begin_where_the_last_one_ends():
    colours = grouped([([0], 2), ([1], 0), ([2], 0), ([0, 1, 2], 3), ([1, 2], 0)])
    assert colours.tolist() == [[0, 0], [0, 1], [0, 2], [1, 2], [2, 2]]


@pytest.mark.parametrize("groups", [[([0], 2), ([1], 2)], [([], 1)], [([0], -1)]])
def test_empty_groups_are_refused(groups):
    with pytest.raises(DataError, match="a table from"):
        grouped(groups)


@settings(deadline=None)
@given(st.data())
def test_random_tables_use_all_inputs_alike(data):
    inputs, outputs = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 40))
    fan_ins = data.draw(st.lists(st.integers(1, inputs), min_size=1, max_size=3))
    table = random(inputs, outputs, fan_ins, data.draw(st.integers(0, 9)))
    notes = Notes()
    check_table(table, notes)
    assert not any("twice" in note.message for note in notes)
    assert sorted(fan_in(table)) == sorted(
        fan_ins[index * len(fan_ins) // outputs] for index in range(outputs)
    )
    uses = np.bincount(table[:, 0], minlength=inputs)
    assert uses.max() - uses.min() <= 2  # one pack begun and, of the one before, cards kept back
    assert (np.diff(table[:, 1]) >= 0).all()


def test_random_tables_depend_on_the_seed_only():
    tables = [random(16, 512, [2, 3, 4, 5], seed) for seed in (1, 1, 2)]
    assert (tables[0] == tables[1]).all()
    assert not (tables[0] == tables[2]).all()
    assert np.bincount(tables[0][:, 0]).tolist() == [112] * 16  # as in the table that EBLearn ships


@pytest.mark.parametrize(
    ("inputs", "outputs", "fan_ins"), [(3, 4, [4]), (3, 4, []), (3, 4, [0]), (0, 4, [1]), (3, 0, [1])]
)
def test_random_tables_that_cannot_be_are_refused(inputs, outputs, fan_ins):
    with pytest.raises(DataError, match="a random table from"):
        random(inputs, outputs, fan_ins, 0)


def test_density_is_rounded_down():
    assert set(fan_in(random_by_density(32, 8, 0.55, 0))) == {17}
    with pytest.raises(DataError, match="fan-in 0"):
        random_by_density(32, 8, 0.01, 0)


@pytest.mark.parametrize("text", ["0,0; 0,1; 1,2", " 0 , 0;\n0,1\n;1,2;\n", "0,0;0,1;1,2"])
def test_tables_are_read_from_text(text):
    assert from_text(text).tolist() == [[0, 0], [0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("text", "line"), [("0,0;\n\n1 2;", 3), ("0,0;-1,2", 1), ("3,1, 4,2; 1,5", 1), ("a", 1)]
)
def test_text_that_is_no_table_is_refused_with_its_line(text, line):
    with pytest.raises(DataError, match="is no pair of whole numbers") as caught:
        from_text(text, Where("t.txt"))
    assert caught.value.where == Where("t.txt", line)


@pytest.mark.parametrize(
    ("table", "kind", "sizes", "fan_ins", "name"),
    [
        (full(1, 6), "full", (1, 6), [1], "table_1_6_connect_6_fanin_1_density_1_full.mat"),
        (one_to_one(3), "one2one", (3, 3), [1], "table_3_3_connect_3_fanin_1_density_0.33_one2one.mat"),
        (
            grouped([([0], 8), (range(3), 16)]),
            "yuv_y8_u0_v0_yuv16_uv0",
            (3, 16),
            [],
            "table_3_16_connect_32_fanin_density_0.67_yuv_y8_u0_v0_yuv16_uv0.mat",
        ),
        (
            random(16, 512, [2, 3, 4, 5], 0),
            "random",
            (16, 512),
            [2, 3, 4, 5],
            "table_16_512_connect_1792_fanin_2_3_4_5_density_0.22_random.mat",
        ),
    ],
)
def test_names_are_those_of_maketable(table, kind, sizes, fan_ins, name):
    assert table_name(table, kind, *sizes, fan_ins) == name


def test_files_hold_32_bit_integers(tmp_path):
    write_table(tmp_path / "t.mat", full(2, 2))
    assert read_matrix_header(tmp_path / "t.mat").type == "int"
    assert (tmp_path / "t.mat").stat().st_size == 20 + 4 * 2 * 4
    assert read_table(tmp_path / "t.mat").tolist() == full(2, 2).tolist()


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, np.float64])
def test_tables_of_other_types_are_read(tmp_path, dtype):
    write_matrix(tmp_path / "t.mat", full(2, 3).astype(dtype))
    assert read_table(tmp_path / "t.mat").dtype == np.int64


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(4, np.int32), "a connection table is N x 2, this is 4"),
        (np.zeros((2, 3), np.int32), "this is 2 x 3"),
        (np.zeros((0, 2), np.int32), "this is 0 x 2"),
        (np.array([[0, -1]]), "counts maps from 0, this holds -1"),
        (np.array([[0, 2**30]]), "this is no connection table"),
        (np.array([[0, 0.5]]), "holds whole numbers"),
        (np.array([[0, np.nan]]), "holds whole numbers"),
        (np.array([[0, 1e300]]), "holds whole numbers"),
    ],
)
def test_files_that_hold_no_table_are_refused(tmp_path, array, reason):
    write_matrix(tmp_path / "t.mat", array)
    with pytest.raises(DataError, match=reason) as caught:
        read_table(tmp_path / "t.mat")
    assert caught.value.where.file == str(tmp_path / "t.mat")


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        read_table(tmp_path / "t.mat")


def test_a_table_for_more_maps_than_come_is_refused():
    with pytest.raises(DataError, match="the table is for 6 input maps, 3 come in"):
        check_table(full(6, 16), Notes(), Where("t.mat"), inputs=3)


@pytest.mark.parametrize(
    ("table", "inputs", "note"),
    [
        (full(2, 2), 3, "for 2 input maps, 3 come in"),
        (np.array([[0, 0], [0, 0]]), 1, "holds a connection twice"),
        (np.array([[0, 0], [0, 2]]), 1, "the output map 1 sees no input map"),
    ],
)
def test_what_is_odd_about_a_table_is_noted(table, inputs, note):
    notes = Notes()
    check_table(table, notes, inputs=inputs)
    assert [note in each.message for each in notes] == [True]


def test_the_tables_that_eblearn_ships_are_read(tmp_path):
    paths = sorted(SHARED.joinpath("models", "eblearn").rglob("table_*.mat"))
    if not paths:
        pytest.skip("EBLearn's tables are not part of the repository")
    for path in paths:
        table, notes = read_table(path), Notes()
        check_table(table, notes, inputs=int(path.name.split("_")[1]))
        assert not list(notes)
        assert len(table) == int(path.name.removesuffix(".mat").split("_")[4])
        if read_matrix_header(path).type == "int":
            write_table(tmp_path / "again.mat", table)
            assert (tmp_path / "again.mat").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "make", [lambda: full(100_000, 100_000), lambda: one_to_one(10**9), lambda: random(9, 10**9, [3], 0)]
)
def test_a_table_that_cannot_be_held_is_refused_before_it_is_made(make):
    with pytest.raises(DataError, match=r"a table of [\d,]+ connections"):
        make()
