"""What is wrong in a module names its variable and line, in a table its file; nothing else follows."""

import numpy as np
import pytest

from lenet.data.tables import write_table
from lenet.dialects.eblearn.net import read_net
from lenet.errors import LenetError, Notes
from lenet.formats.conf import read_text
from lenet.formats.matrix import write_matrix
from lenet.net import Opaque

CONV = "kernel = 3x3;stride = 1x1;table_in = thickness;table_out = 2"
CONV0 = "\n".join(f"conv0_{part}" for part in CONV.split(";"))


def net_of(text, notes=None):
    notes = Notes() if notes is None else notes
    conf = read_text("\n".join(line.strip() for line in text.splitlines()), "n.conf", notes)
    return read_net(conf, notes, outputs=10, input=(1, 8, 8))


CONVS = """arch = conv0,conv1,conv2
    conv0_kernel = 3x3
    conv0_stride = 1x1
    conv0_table_in = 1
    conv0_table_out = 4
    conv1_kernel = ${conv0_kernel}
    conv1_stride = 1x1
    conv1_table = {table}
    conv2_kernel = 1x1
    conv2_stride = 1x1
    conv2_table_in = thickness
    conv2_table_out = 2"""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("conv0_kernel = 0x3", r"n.conf:13: layer 'conv0' \(.*\), 'conv0_kernel = 0x3': window is 0"),
        (
            "conv1_kernel = 9x9",
            r"n.conf:13: layer 'conv1' \(.*\), 'conv1_kernel = 9x9': .* larger than its in",
        ),
        ("conv2_stride = 0x1", r"n.conf:13: layer 'conv2' \(.*\), 'conv2_stride = 0x1': stride is 0"),
        (
            "conv0_table_in = 3",
            r"n.conf:13: layer 'conv0' \(.*\), 'conv0_table_in = 3': row 1 .* reads feature 1",
        ),
        ("", r"n.conf:8: layer 'conv1' \(.*\), 'conv1_table = .*table.mat': row 4 .* reads feature 4"),
    ],
)
def test_a_wrong_parameter_names_its_variable_and_line(tmp_path, line, told):
    inputs = 4 if line else 5
    write_table(tmp_path / "table.mat", np.array([[index, 0] for index in range(inputs)]))
    text = CONVS.replace("{table}", str(tmp_path / "table.mat"))
    with pytest.raises(LenetError, match=told):
        net_of(f"{text}\n{line}").shapes()


@pytest.mark.parametrize(
    ("content", "what"),
    [(np.zeros((3, 3), np.int32), "N x 2"), (np.array([[0, -1]]), "from 0"), (None, "truncated")],
)
def test_what_is_wrong_in_a_table_names_its_file_and_who_wants_it(tmp_path, content, what):
    path = tmp_path / "table.mat"
    write_matrix(path, np.zeros((9, 2), np.int32) if content is None else content.astype(np.int32))
    if content is None:
        path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(LenetError) as caught:
        net_of(CONVS.replace("{table}", str(path)))
    told = str(caught.value)
    assert told.startswith(f"{path}: ")
    assert what in told
    assert "('conv1_table', n.conf:8)" in told
    assert told.count("\n") <= 1, "only the cause is told, not what follows from it"


def test_after_a_missing_table_the_number_of_maps_is_not_asked_for():
    with pytest.raises(LenetError) as caught:
        net_of(
            "arch = conv0,conv1\nconv0_kernel = 3x3\nconv0_stride = 1x1\nconv0_table = gone.mat\n"
            "conv1_kernel = 1x1\nconv1_stride = 1x1\nconv1_table_in = thickness\nconv1_table_out = 2"
        )
    assert "gone.mat" in str(caught.value)
    assert "input_thickness" not in str(caught.value)


def test_after_an_unknown_module_the_number_of_maps_is_its_own():
    notes = Notes()
    net = net_of(f"arch = cnov0,conv0\n{CONV0}", notes)
    assert isinstance(net["conv0"].kind, Opaque)
    assert "the number of feature maps that 'cnov0' makes" in str(notes.warnings[-1])


def test_a_table_for_fewer_maps_is_a_warning(tmp_path):
    write_table(tmp_path / "table.mat", np.array([[0, 0], [1, 1]]))
    notes = Notes()
    net_of(CONVS.replace("{table}", str(tmp_path / "table.mat")), notes).shapes()
    assert "for 2 input maps, 4 come in" in str(notes.warnings[-1])
