"""A network written as a configuration reads as the same network."""

from dataclasses import replace

import numpy as np
import pytest

from lenet.data.tables import write_table
from lenet.dialects.eblearn.net import read_net
from lenet.dialects.eblearn.net_writer import conf_from_net
from lenet.errors import DescriptionError, Notes
from lenet.formats.conf import read_text
from lenet.layers import ReLU, TableConvolution, TanH
from lenet.layers.layer import Input
from lenet.net import Net, Node

TEXT = """
name = small
arch = zpad0,conv0,addc0,tanh,abs0,wstd0,subs1,addc1,tanh,linear7,relu7
zpad0_dims = 5x5
conv0_kernel = 5x5
conv0_stride = 1x1
conv0_table_in = 1
conv0_table_out = 6
wstd0_kernel = 5x5
wstd0_threshold = 0
subs1_kernel = 2x2
subs1_stride = 2x2
linear7_in = 6
linear7_out = noutputs
relu7_threshold = .25
trainer = trainable_module1
trainable_module1_energy = l2_energy
answer = class_answer
class_answer_confidence = 1
"""


def read(conf):
    return read_net(conf, Notes(), outputs=10, input=(1, 28, 28))


def chain(*kinds):
    nodes = [Node("input", Input(shapes=((1, 3, 9, 9),)), outputs=("input",))]
    for index, kind in enumerate(kinds):
        nodes.append(Node(f"n{index}", kind, nodes[-1].outputs, (f"n{index}",)))
    return Net("chain", tuple(nodes))


def test_what_is_written_is_read_again():
    net = read(read_text(TEXT, "n.conf", Notes()))
    written = conf_from_net(net)
    assert read(written.conf) == net
    assert read(read_text(written.conf.text(), "", Notes())) == net
    assert not written.tables


def test_tables_go_into_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = chain(TableConvolution(((0, 0), (2, 1)), (3, 3), (1, 1)), TanH(), TanH())
    written = conf_from_net(net)
    assert list(written.tables.values()) == [((0, 0), (2, 1))]
    for file, table in written.tables.items():
        write_table(file, np.array(table))
    again = read_net(written.conf, Notes(), outputs=2, input=(3, 9, 9))
    assert [node.kind for node in again.nodes] == [node.kind for node in net.nodes]


def test_what_eblearn_cannot_say_is_told():
    with pytest.raises(DescriptionError, match=r"'n0' \(ReLU\) has no module in EBLearn"):
        conf_from_net(chain(ReLU(0.5)))


def test_branches_are_not_written():
    net = chain(TanH(), TanH())
    nodes = (*net.nodes, Node("odd", TanH(), ("n0",), ("odd",)))
    with pytest.raises(DescriptionError, match="does not simply follow"):
        conf_from_net(Net("odd", nodes))


def test_shared_modules_and_those_of_one_name_with_other_settings():
    text = "arch = conv0,tanh,conv0,conv1\ninput_thickness = 2\n"
    for name, window in (("conv0", 3), ("conv1", 5)):
        text += f"{name}_kernel = {window}x{window}\n{name}_stride = 1x1\n{name}_table_in = 2\n"
        text += f"{name}_table_out = 2\n"
    net = read_net(
        read_text(f"{text}conv0_shared = 1", "n.conf", Notes()), Notes(), outputs=2, input=(2, 9, 9)
    )
    assert read_net(conf_from_net(net).conf, Notes(), outputs=2, input=(2, 9, 9)).nodes == net.nodes
    renamed = Net("n", tuple(replace(node, name=node.name.replace("conv1", "conv0.3")) for node in net.nodes))
    again = read_net(conf_from_net(renamed).conf, Notes(), outputs=2, input=(2, 9, 9))
    assert [node.kind for node in again.nodes] == [node.kind for node in net.nodes]
