"""Lists where one value is wanted: which blanks mean a list, and which do not."""

import pytest

from lenet.dialects.eblearn.alternatives import listed, refuse_lists
from lenet.dialects.eblearn.configuration import read_values
from lenet.errors import Notes
from lenet.formats.conf import read_text

TEXT = "arch = conv0,${nonlin}\nnonlin = tanh\nconv0_kernel = 5x5\neta = .1\n"


def values(line):
    return read_values(read_text(f"{TEXT}{line}\n", "a.conf", Notes()), Notes())


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("eta = .1 .2", {"eta": [".1", ".2"]}),
        ("eta = .1 ${b}\nb = 1", {"eta": [".1", "${b}"]}),
        ("nonlin = tanh stdsig", {"nonlin": ["tanh", "stdsig"]}),
        ("conv0_kernel = 5x5 7x7", {"conv0_kernel": ["5x5", "7x7"]}),
        ("eta = .1 per sample", {}),
        ("conv1_kernel = 5x5 7x7", {}),
        ("arch = conv0, tanh", {}),
        ("name = my network", {}),
        ("train = ${root}/x\nroot = /my data", {}),
        ("train = no such file", {}),
        ('nonlin = "tanh stdsig"', {}),
        ("meta_gnuplot_params = set grid", {}),
    ],
)
def test_what_is_a_list(line, found):
    assert listed(values(line)) == found


def test_files_are_a_list_if_the_first_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mat").touch()
    assert listed(values("train = a.mat b.mat")) == {"train": ["a.mat", "b.mat"]}
    (tmp_path / "a.mat b.mat").touch()
    assert listed(values("train = a.mat b.mat")) == {}


def test_the_error_says_what_to_do():
    notes, found = Notes(), values("eta = .1 .2")
    asked = set(found.asked)
    refuse_lists(found, notes)
    (error,) = notes.errors
    assert str(error) == (
        "a.conf:5: 'eta' lists 2 values, .1, .2: a training takes one\n"
        "  hint: lenet sweep a.conf runs them all; --set eta=.1 chooses one"
    )
    assert found.asked == asked
