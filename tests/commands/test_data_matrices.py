"""`lenet data matshow|narrow|mconvert` and the same with EBLearn's words."""

from pathlib import Path

import numpy as np
import pytest

from lenet.formats.image import read_image
from lenet.formats.matrices import MatrixFile
from lenet.formats.matrix import read_matrix, write_matrix

TOOLS = Path(__file__).parents[1] / "oracle" / "eblearn" / "tools"
USAGE, FILE, DATA = 2, 3, 6  # exit codes


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_show(lenet, here):
    result = lenet("eblearn", "matshow", TOOLS / "dig_yp_labels.mat")
    assert "10 of int, least 0, greatest 1, mean 0.5\n[1 1 1 1 1 0 0 0 0 0]" in result.out
    result = lenet("data", "matshow", TOOLS / "dig_yp_data.mat", "--out", "d.png")
    assert "a file of 10 matrices" in result.out
    assert read_image(here / "d.png").ndim == 3
    assert lenet("data", "matshow", TOOLS / "dig_yp_data.mat", "--out", "d.png").code == FILE
    result = lenet("eblearn", "matshow", "x.mat", "-zoom", "3")
    assert (result.code, "--zoom is not supported" in result.err) == (USAGE, True)
    write_matrix("n.mat", np.zeros((0, 3), np.float32))
    assert "no values" in lenet("data", "matshow", "n.mat").out


def test_differences(lenet):
    for name, values in (("a", [1, 2]), ("b", [1, 5]), ("c", [1, 2, 3])):
        write_matrix(f"{name}.mat", np.array(values, np.uint8))
    assert "[ 0. -3.]" in lenet("eblearn", "matshow", "a.mat", "b.mat", "-diff").out
    assert lenet("eblearn", "matshow", "a.mat", "c.mat", "-diff").code == USAGE


def test_narrow(lenet):
    write_matrix("m.mat", np.arange(12, dtype=np.int32).reshape(3, 4))
    assert lenet("eblearn", "narrow", "m.mat", "-dim", "1", "-size", "2", "-off", "1").code == 0
    assert read_matrix("m.mat_narrowed.mat").tolist() == [[1, 2], [5, 6], [9, 10]]
    assert lenet("data", "narrow", "m.mat", "--size", "2").code == FILE
    assert lenet("data", "narrow", "m.mat", "--size", "4", "--out", "x.mat").code == DATA
    assert lenet("data", "narrow", "m.mat", "--dim", "2", "--size", "1", "--out", "x.mat").code == DATA
    assert lenet("data", "narrow", "m.mat", "--out", "x.mat").code == USAGE
    assert lenet("data", "narrow", "m.mat", "--size=-1", "--out", "x.mat").code == USAGE
    words = ("--size", "3", "--off", "7", "--out", "three.mat")
    assert lenet("data", "narrow", TOOLS / "dig_yp_data.mat", *words).code == 0
    with MatrixFile("three.mat") as three, MatrixFile(TOOLS / "dig_yp_data.mat") as all_of_them:
        assert (three.read(0) == all_of_them.read(7)).all()
        assert len(three) == 3


def test_convert(lenet, here):
    (here / "t.csv").write_text("1, 2.5;3\n\n4 5 -6e2\n")
    assert lenet("eblearn", "mconvert", "t.csv").code == 0
    found = read_matrix("t.mat")
    assert (found.dtype, found.tolist()) == (np.float32, [[1, 2.5, 3], [4, 5, -600]])
    for content, line in (("1,2\n3\n", 2), ("1\nx\n", 2), ("", 0)):
        (here / "t.csv").write_text(content)
        result = lenet("data", "mconvert", "t.csv", "u.mat")
        assert result.code == FILE
        assert f"t.csv:{line}:" in result.err if line else "no numbers" in result.err
    assert lenet("data", "mconvert", "t.mat").code == USAGE
