"""Aligned tables of plain text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.report.table import Table, is_numeric, printable, text_width

CELLS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


def test_numbers_stand_right_and_words_left():
    table = Table(
        ("name", "count"), (("conv1", "520"), ("ip1", "400,500")), (("total", "401,020"),), note="done"
    )
    assert table.text() == (
        "name     count\n-----  -------\nconv1      520\nip1    400,500\n-----  -------\ntotal  401,020\ndone"
    )


def test_a_cell_of_several_lines_makes_several_lines():
    table = Table(("layer", "output", "n"), (("data", "64 x 1\n64", "1"), ("ip", "64 x 10", "22")))
    assert table.text().splitlines()[2:] == ["data   64 x 1    1", "       64", "ip     64 x 10  22"]


def test_alignment_can_be_given():
    assert Table(("class", "n"), (("0", "1"),), align="lr").text().splitlines()[-1] == "0      1"


def test_a_table_without_rows_is_its_header():
    assert Table(("layer", "type"), ()).text() == "layer  type"


def test_wide_letters_take_two_columns():
    lines = Table(("名前", "b"), (("ab", "x"), ("層", "y"))).text().splitlines()
    assert [text_width(line) for line in lines] == [7, 7, 7, 7]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (["1", "2.5"], True),
        (["nan", "-1e-5"], True),
        (["?", "-", ""], False),
        (["1", "x"], False),
        ([], False),
    ],
)
def test_columns_of_numbers_are_recognized(column, expected):
    assert is_numeric(column) is expected


def test_control_characters_do_not_reach_the_terminal():
    text = Table(("name",), (("a\x1b[31mb\r\tc",),)).text()
    assert not set(text) & set("\x1b\r\t")


@given(st.integers(1, 4).flatmap(lambda size: st.lists(st.tuples(*[CELLS] * size), min_size=1, max_size=5)))
def test_every_cell_is_there_and_columns_line_up(rows):
    header = tuple(f"h{index}" for index in range(len(rows[0])))
    table = Table(header, tuple(rows))
    lines = table.text().split("\n")
    assert len(lines) == 2 + sum(max(cell.count("\n") + 1 for cell in row) for row in rows)
    assert all(text_width(line) <= text_width(lines[1]) for line in lines)
    for row in rows:
        for cell in row:
            assert all(printable(piece).strip() in table.text() for piece in cell.split("\n"))
