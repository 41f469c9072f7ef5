"""`lenet data table ...` and EBLearn's maketable."""

from pathlib import Path

import numpy as np
import pytest

from lenet.data.tables import full, read_table

EXAMPLE = Path(__file__).parents[2] / "examples" / "eblearn-mnist"
USAGE, FILE, DATA = 2, 3, 6  # exit codes


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_is_made_shown_and_not_replaced(lenet):
    result = lenet("data", "table", "full", "2", "3", "t.mat")
    assert (result.code, "6 connections from 2 to 3 maps" in result.out) == (0, True)
    assert read_table("t.mat").tolist() == full(2, 3).tolist()
    assert lenet("data", "table", "full", "2", "3", "t.mat").code == FILE
    assert lenet("data", "table", "full", "2", "4", "t.mat", "--force").code == 0
    assert "0  X X X X\n1  X X X X" in lenet("data", "table", "show", "t.mat").out


def test_lecuns_table_of_1998(lenet):
    """Table I of "Gradient-based learning applied to document recognition", rows 0 and 5."""
    out = lenet("data", "table", "show", EXAMPLE / "table_6_16_connect_60.mat").out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()[3:]}
    assert "".join(rows["0"]) == "X...XXX..XXXX.XX"
    assert "".join(rows["5"]) == "...XXX..XXXX.XXX"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("-full 3 16", "table_3_16_connect_48_fanin_3_density_1_full.mat"),
        ("-one2one 3", "table_3_3_connect_3_fanin_1_density_0.33_one2one.mat"),
        (
            "-random 16 512 -fanin 2,3,4,5",
            "table_16_512_connect_1792_fanin_2_3_4_5_density_0.22_random.mat",
        ),
        ("-density .55 -random 32 96", "table_32_96_connect_1632_fanin_17_density_0.53_random.mat"),
        ("-yuv 8 0 0 16 0", "table_3_16_connect_32_fanin_density_0.67_yuv_y8_u0_v0_yuv16_uv0.mat"),
        ("-yuv0 1 2 3 4 5", "table_3_5_connect_8_fanin_density_0.53_yuv_y1_u2_v3_yuv4_uv5.mat"),
        ("-uv 3 6", "table_2_6_connect_6_fanin_density_0.5_uv_u3_v6.mat"),
        ("-stereo 1 2 4", "table_2_4_connect_6_fanin_density_0.75_stereo_l1_r2_lr4.mat"),
        (
            "-temporal3 1 2 3 4 5 6",
            "table_3_6_connect_10_fanin_density_0.56_temporal3_1-1_2-2_3-3_4-4_5-5_6-6.mat",
        ),
    ],
)
def test_maketable(lenet, here, words, name):
    result = lenet("eblearn", "maketable", *words.split())
    assert result.code == 0, result.err
    assert [path.name for path in here.iterdir()] == [name]
    assert lenet("eblearn", "maketable", *words.split()).code == 0  # as EBLearn, it replaces


def test_a_table_from_text(lenet, here):
    (here / "small.txt").write_text("0,0; 0,1;\n1,1")
    assert lenet("eblearn", "maketable", "-text", "small.txt").code == 0
    assert read_table("table_2_2_connect_3_fanin_density_0.75_small.mat").tolist() == [[0, 0], [0, 1], [1, 1]]
    (here / "empty.txt").write_text(" \n")
    assert lenet("data", "table", "text", "empty.txt").code == DATA
    (here / "wrong.txt").write_text("0,0;\n1-1")
    result = lenet("data", "table", "text", "wrong.txt")
    assert (result.code, "wrong.txt:2:" in result.err) == (DATA, True)


def test_the_seed(lenet):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        words = ("random", "16", "32", f"{name}.mat", "--fanin", "4", "--seed", seed)
        assert lenet("data", "table", *words).code == 0
    tables = [read_table(f"{name}.mat") for name in "abc"]
    assert (tables[0] == tables[1]).all()
    assert not np.array_equal(tables[0], tables[2])


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        ("data table random 3 4 --fanin 5", DATA, "cannot have the fan-in 5"),
        ("data table random 3 4 --density 1.5", USAGE, "a density of 1.5"),
        ("data table random 3 4 --fanin x", USAGE, "--fanin x cannot be"),
        ("data table random 3 4", USAGE, "needs --fanin or --density"),
        ("data table yuv 0 0 0 0 0", USAGE, "all groups are empty"),
        ("data table yuv 3 2 0 0 0", DATA, "output maps 3 to 1"),
        ("data table full 0 4", USAGE, "'0' is not a whole number"),
        ("data table uv -1 4", USAGE, "lenet data table uv"),
        ("data table show nothing.mat", FILE, "no such file"),
        ("eblearn maketable", USAGE, "makes one table"),
        ("eblearn maketable -full 3 16 -one2one 3", USAGE, "makes one table"),
        ("eblearn maketable -full 3", USAGE, "-full needs 2 words"),
        ("eblearn maketable -ful 3 3", USAGE, "did you mean 'full'"),
        ("eblearn maketable -full 3 3 -fanin 2", USAGE, "-fanin is for -random"),
    ],
)
def test_what_cannot_be_is_refused(lenet, here, words, code, reason):
    result = lenet(*words.split())
    assert result.code == code
    assert reason in result.err
    assert not list(here.iterdir())


def test_a_table_for_another_layer(lenet):
    path = EXAMPLE / "table_6_16_connect_60.mat"
    result = lenet("data", "table", "show", path, "--inputs", "3")
    assert (result.code, "the table is for 6 input maps, 3 come in" in result.err) == (DATA, True)


def test_wide_tables_go_on_below(lenet):
    assert lenet("data", "table", "full", "2", "60", "t.mat").code == 0
    out = lenet("data", "table", "show", "t.mat").out
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("X") == 120
