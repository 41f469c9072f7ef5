"""Telling nets from solvers, and what losses of 2013 leave out."""

import pytest

from lenet.dialects.caffe.contents import content_of
from lenet.dialects.caffe.net import message_from_net, read_net
from lenet.errors import Notes


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ('name: "n" layers { name: "c" type: CONVOLUTION weight_decay: 1 } ', "net"),
        ('# net: "solver"\nname: "momentum: 1"\ninput: "data"\ninput_dim: 1', "net"),
        ("layer{name:'a' type:'ReLU'}", "net"),
        ("debug_info: true layer < name: 'a' >", "net"),
        ('net_param { layers { name: "a" } } base_lr: 0.1', "solver"),
        ('train_net: "layer { }" ', "solver"),
        ("base_lr : 0.1", "solver"),
        ("debug_info: true", None),
        ("hello: 1", None),
        ("}}} layer { }", None),
    ],
)
def test_text(text, content, tmp_path):
    path = tmp_path / "file"
    path.write_text(text)
    assert content_of(path) == content


NAMELESS = """layer { name: "in" type: "Input" top: "x" top: "t" input_param {
  shape { dim: [4, 3] } shape { dim: 4 } } }
layer { name: "first" type: "SoftmaxWithLoss" bottom: "x" bottom: "t" }
layer { name: "second" type: "SoftmaxWithLoss" bottom: "x" bottom: "t" loss_weight: 2 }
layer { name: "third" type: "SoftmaxWithLoss" bottom: "x" bottom: "t" top: "seen" }
"""


def test_a_loss_without_a_top_counts_but_is_not_reported(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NAMELESS)
    net = read_net(path, Notes())
    net.check()
    assert [node.loss_weights for node in net.nodes[1:]] == [(1.0,), (2.0,), (1.0,)]
    assert [shapes.outputs for shapes in net.shapes()[1:]] == [((),)] * 3
    assert net.outputs() == ("seen",)
    written = message_from_net(net)
    assert [layer.all("top") for layer in written.all("layer")] == [["x", "t"], [], [], ["seen"]]


def test_such_losses_are_all_learned_from(tmp_path):
    import torch

    from lenet.engine.build import build

    path = tmp_path / "net.prototxt"
    path.write_text(NAMELESS)
    network = build(read_net(path, Notes()), training=True)
    blobs = network({"x": torch.zeros(4, 3), "t": torch.zeros(4, dtype=torch.int64)})
    assert float(network.loss(blobs)) == pytest.approx(4 * torch.log(torch.tensor(3.0)).item(), rel=1e-6)
