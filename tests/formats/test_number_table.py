"""Numbers written as text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.errors import FileError
from lenet.formats.matrix import write_matrix
from lenet.formats.number_table import is_number_table, read_number_table, read_numbers


@pytest.mark.parametrize(
    "text", ["1,2\n3,4\n", "1 2\n\n3\t4", "1;2\r\n3;4", "1, 2,\n 3, 4,\n", "\ufeff1,2\n3,4"]
)
def test_separators(tmp_path, text):
    path = tmp_path / "numbers.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_number_table(path).tolist() == [[1, 2], [3, 4]]


@given(st.lists(st.lists(st.floats(allow_nan=False), min_size=3, max_size=3), min_size=1, max_size=5))
def test_what_was_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "numbers.csv"
    path.write_text("".join(",".join(map(repr, row)) + "\n" for row in rows))
    assert read_number_table(path).tolist() == rows


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("1,2\n3\n", 2, "1 numbers in a line where the first has 2"),
        ("1,2\nx,y\n", 2, "are no numbers"),
        ("\n \n", 0, "no numbers in this file"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, line, words):
    path = tmp_path / "numbers.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=words) as caught:
        read_number_table(path)
    assert (caught.value.where.line or 0) == line


def test_matrices_and_text_are_told_apart(tmp_path):
    matrix, table, neither = (tmp_path / name for name in ("a.mat", "b.mat", "c.mat"))
    write_matrix(matrix, np.array([[1.0, 2.0]]))
    table.write_text("1 2\n")
    neither.write_bytes(b"\xff\xff\xff\xff")
    assert [is_number_table(path) for path in (matrix, table, neither)] == [False, True, False]
    np.testing.assert_array_equal(read_numbers(matrix), read_numbers(table))
    with pytest.raises(FileError):
        read_numbers(neither)
