"""Layers in Python: losses, data, what they are told, what goes wrong in them."""

import sys

import numpy as np
import pytest

import lenet.pycaffe as caffe
from lenet.__main__ import main
from lenet.errors import DescriptionError
from lenet.pycaffe import layers as L  # noqa: N812

from .conftest import write

CODE = '''
import caffe
import numpy as np


class Distance(caffe.Layer):
    """Half the squared distance, over the number of samples."""

    def setup(self, bottom, top):
        if len(bottom) != 2:
            raise ValueError("two inputs are wanted")

    def reshape(self, bottom, top):
        self.difference = np.zeros_like(bottom[0].data)
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.difference[...] = bottom[0].data - bottom[1].data
        top[0].data[...] = np.sum(self.difference ** 2) / bottom[0].num / 2

    def backward(self, top, propagate_down, bottom):
        for index, sign in ((0, 1), (1, -1)):
            if propagate_down[index]:
                bottom[index].diff[...] = sign * self.difference * top[0].diff / bottom[index].num


class Numbers(caffe.Layer):
    """Batches that count up; the text of the prototxt tells their size."""

    def setup(self, bottom, top):
        self.size, self.place = int(self.param_str), 0

    def reshape(self, bottom, top):
        top[0].reshape(self.size, 3)

    def forward(self, bottom, top):
        top[0].data[...] = self.place + self.phase / 2
        self.place += 1
'''


@pytest.fixture
def code(tmp_path, monkeypatch):
    """The module's name; its code lies in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_layers.py").write_text(CODE, encoding="utf-8")
    yield "own_layers"
    sys.modules.pop("own_layers", None)


def python(module, layer, **settings):
    return {"python_param": {"module": module, "layer": layer, **settings}}


def network(tmp_path, code):
    net = caffe.NetSpec()
    net.data = L.Python(**python(code, "Numbers", param_str="4"))
    net.fit = L.InnerProduct(net.data, num_output=2, weight_filler={"type": "xavier"})
    net.wanted = L.DummyData(shape={"dim": [4, 2]}, data_filler={"type": "constant", "value": 3})
    net.loss = L.Python(net.fit, net.wanted, loss_weight=1, **python(code, "Distance"))
    net.check = L.EuclideanLoss(net.fit, net.wanted, loss_weight=0)
    return str(write(tmp_path / "net.prototxt", net.to_proto()))


def test_a_loss_and_data_in_python(tmp_path, code, capfd):
    net = caffe.Net(network(tmp_path, code), caffe.TRAIN)
    assert net.layers[0].type == "Python"
    for number in range(3):
        net.forward()
        assert (net.blobs["data"].data == number).all()
        assert net.blobs["loss"].data[0] == pytest.approx(float(net.blobs["check"].data), rel=1e-6)
    net.backward()
    difference = net.blobs["fit"].data - 3
    np.testing.assert_allclose(net.params["fit"][1].diff, difference.sum(0) / 4, rtol=1e-5)
    assert "unknown" not in capfd.readouterr().err
    testing = caffe.Net(network(tmp_path, code), caffe.TEST)
    testing.forward()
    assert testing.blobs["data"].data[0, 0] == 0.5


def test_a_solver_trains_through_python_and_saves_it(tmp_path, code):
    path = network(tmp_path, code)
    text = f'net: "{path}"\nbase_lr: 0.001\nlr_policy: "fixed"\nmax_iter: 5\nsnapshot_prefix: "own"\n'
    (tmp_path / "solver.prototxt").write_text(text, encoding="utf-8")
    solver = caffe.SGDSolver("solver.prototxt")
    solver.solve()
    assert (solver.net.blobs["data"].data == 4).all()
    again = caffe.Net(path, "own_iter_5.caffemodel", caffe.TEST)
    np.testing.assert_array_equal(again.params["fit"][0].data, solver.net.params["fit"][0].data)


def test_what_goes_wrong_in_python_is_said(tmp_path, code):
    net = caffe.NetSpec()
    net.data = L.DummyData(shape={"dim": [2, 2]})
    net.loss = L.Python(net.data, **python(code, "Distance"))
    with pytest.raises(DescriptionError, match=r"loss.*ValueError: two inputs are wanted") as caught:
        caffe.Net(str(write(tmp_path / "one.prototxt", net.to_proto())), caffe.TEST)
    assert caught.value.where.line
    net.loss = L.Python(net.data, **python("nowhere", "Distance"))
    with pytest.raises(DescriptionError, match=r"nowhere\.Distance cannot be imported"):
        caffe.Net(str(write(tmp_path / "two.prototxt", net.to_proto())), caffe.TEST)
    net.loss = L.Python(net.data)
    with pytest.raises(DescriptionError, match="python_param is missing"):
        caffe.Net(str(write(tmp_path / "three.prototxt", net.to_proto())), caffe.TEST)


def test_the_command_runs_python_layers_only_if_allowed(tmp_path, code, capsys):
    path = network(tmp_path, code)
    text = f'net: "{path}"\nbase_lr: 0.001\nlr_policy: "fixed"\nmax_iter: 3\nsnapshot_prefix: "own"\n'
    (tmp_path / "solver.prototxt").write_text(text, encoding="utf-8")
    assert main(["train", "solver.prototxt", "--no-report"]) == DescriptionError.exit_code
    assert "its Python code runs with --allow-python only" in capsys.readouterr().err
    assert main(["train", "solver.prototxt", "--no-report", "--allow-python"]) == 0
    assert "allow-python" not in capsys.readouterr().err
    assert (tmp_path / "own_iter_3.caffemodel").is_file()
