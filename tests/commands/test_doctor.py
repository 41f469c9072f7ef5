"""`lenet doctor`, and `lenet show` of EBLearn's files."""

import numpy as np
import pytest

from lenet.formats.matrices import write_matrices
from lenet.formats.matrix import write_matrix

HEALTHY = """# a small one
arch = ${layers_${run_type}}
layers_train = linear0,addc0,${nonlin}
layers_detect = resizepp0,${layers_train}
nonlin = tanh
linear0_in = 64
linear0_out = noutputs
resizepp0_pp = rgb_to_y0
rgb_to_y0_global_norm = 1
answer = class_answer
trainer = trainable_module1
trainable_module1_energy = l2_energy
eta = .0001
iterations = 5
"""


@pytest.fixture
def conf(tmp_path):
    """A configuration that is written with more lines."""

    def write(more=""):
        path = tmp_path / "small.conf"
        path.write_text(HEALTHY + more)
        return path

    return write


def rows_of(result):
    return {
        line.split()[1]: line.split()[2] for line in result.out.splitlines() if line.lstrip()[:1].isdigit()
    }


def test_a_healthy_one(lenet, conf):
    result = lenet("doctor", conf())
    assert (result.code, rows_of(result)) == (0, {})
    assert "13 variables: 13 used, 0 no effect, 0 mistyped, 0 unused" in result.out
    assert "The network to train: 8 layers, 650 parameters." in result.out


def test_who_uses_what(lenet, conf):
    lines = lenet("doctor", conf(), "--all").out.splitlines()
    users = {
        line.split()[1]: line.split("used", 1)[1].strip()
        for line in lines
        if " used " in line and "," not in line[:9]
    }
    assert users["nonlin"].startswith("train, detect")
    assert users["resizepp0_pp"] == "detect"
    assert users["layers_detect"] == "detect"
    assert users["eta"] == "train"


def test_what_is_mistyped_unused_or_in_vain(lenet, conf):
    result = lenet("doctor", conf("annea_period = 3\nlinear9_in = 3\nreg_time = 5\nmyown = ${eta}\n"))
    assert result.code == 1
    assert rows_of(result) == {
        "annea_period": "mistyped",
        "linear9_in": "unused",
        "myown": "unused",
        "reg_time": "no",
    }
    assert "did you mean 'anneal_period'?" in result.out
    assert "no module 'linear9' in the network" in result.out
    assert "  15  annea_period" in result.out
    mistakes = result.out[result.out.index("likely mistakes:") :]
    assert "conf:15: 'annea_period': did you mean 'anneal_period'?\n    mistyped name: " in mistakes
    assert result.out.count("did you mean 'anneal_period'?") == 2  # in the table, and as a mistake


def test_unused_ones_are_mistakes_if_strict(lenet, conf):
    path = conf("myown = 1\n")
    assert lenet("doctor", path).code == 0
    assert lenet("doctor", path, "--strict").code == 1


def test_a_network_that_cannot_be_made(lenet, conf):
    result = lenet("doctor", conf("nonlin = tanh,conv1\n"))
    assert result.code == 4
    assert "The network to train cannot be made:" in result.out
    assert "needs its parameter 'conv1_kernel'" in result.err


def test_commands_run_only_if_allowed(lenet, conf):
    path = conf("eta = `echo .0005`\n")
    result = lenet("doctor", path)
    assert result.code == 4
    assert "--allow-shell" in result.err
    assert lenet("doctor", path, "--allow-shell").code == 0


def test_no_file(lenet, tmp_path):
    assert lenet("doctor", tmp_path / "none.conf").code == 3


def test_show_a_configuration(lenet, conf):
    result = lenet("show", conf())
    assert result.code == 0
    assert "small, phase train" in result.out
    assert [line.split()[:2] for line in result.out.splitlines() if "linear0" in line] == [
        ["linear0", "ChannelDense"]
    ]
    assert "650" in result.out.splitlines()[-1]
    assert "10 assumed" in result.err


def test_show_as_another_program_reads_it(lenet, conf):
    result = lenet("show", conf(), "--run-type", "detect", "--set", "nonlin=relu", "--input", "input=1x3x8x8")
    assert "resizepp0" in result.out
    assert "relu" in result.out
    assert "trainable_module1" not in result.out
    assert "1 x 3 x 8 x 8" in result.out


@pytest.mark.parametrize(("words", "code"), [(["--set", "nonlin"], 2), (["--set", "arch="], 4)])
def test_show_what_cannot_be(lenet, conf, words, code):
    assert lenet("show", conf(), *words).code == code


def test_show_matrices(lenet, tmp_path):
    write_matrix(tmp_path / "small_net00003.mat", np.arange(4.0))
    write_matrices(tmp_path / "data.mat", [np.zeros((1, 3, 4), np.float32)] * 2)
    assert (
        "weights after 3 iterations: matrix of 4, double, 0 to 3"
        in lenet("show", tmp_path / "small_net00003.mat").out
    )
    assert (
        "2 matrices, arranged as 2, the first 1 x 3 x 4 of float" in lenet("show", tmp_path / "data.mat").out
    )
    (tmp_path / "other.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    assert lenet("show", tmp_path / "other.mat").code == 3
