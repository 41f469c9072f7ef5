"""Which layers run as one, that the answers stay the same, and that everything runs without the library."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from lenet.cli.training_job import builtin_job
from lenet.dialects.caffe.net import read_net
from lenet.engine.build import build
from lenet.engine.fusing import FusedStep, fuse
from lenet.engine.running import blobs_of
from lenet.engine.train import Trainer
from lenet.errors import MissingExtra, Notes, UsageError
from lenet.kernels import library
from lenet.net import State
from lenet.results import Progress

compiled = pytest.mark.skipif(not library.available(), reason=library.describe())

HEAD = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 9 dim: 9 } } }'
)
CONVOLUTION = """layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 %s weight_filler { type: "xavier" } } }"""
POOL = """layer { name: "pool" type: "Pooling" bottom: "%s" top: "pool"
  pooling_param { pool: %s kernel_size: %d stride: %d } }"""
RELU = 'layer { name: "%s" type: "ReLU" bottom: "%s" top: "%s" }'
DENSE = (
    'layer { name: "ip" type: "InnerProduct" bottom: "%s" top: "ip" inner_product_param { num_output: 2 } }'
)
SPARE = 'layer { name: "spare" type: "Silence" bottom: "data" }'
IN_PLACE, APART = RELU % ("relu", "conv", "conv"), RELU % ("relu", "conv", "other")
PLAIN = [HEAD, CONVOLUTION % "", POOL % ("conv", "MAX", 2, 2)]


def network(tmp_path, *layers):
    path = tmp_path / "net.prototxt"
    path.write_text("\n".join(layers))
    return build(read_net(path, Notes()).select(State("train")), training=True, seed=1)


def fused_names(net):
    return [[step.node.name for step in group.steps] for group in fuse(net)]


@compiled
@pytest.mark.parametrize(
    ("layers", "names"),
    [
        (PLAIN, ["conv", "pool"]),
        ([*PLAIN[:2], IN_PLACE, PLAIN[2]], ["conv", "relu", "pool"]),
        (
            [*PLAIN[:2], RELU % ("relu", "conv", "other"), POOL % ("other", "MAX", 3, 3)],
            ["conv", "relu", "pool"],
        ),
        ([*PLAIN, RELU % ("relu", "pool", "pool")], ["conv", "pool", "relu"]),
        ([*PLAIN, DENSE % "pool"], ["conv", "pool"]),
        ([*PLAIN, SPARE, DENSE % "pool"], ["conv", "pool"]),
    ],
    ids=["pool", "relu in place", "relu, pool of 3", "relu behind", "dense behind", "no output behind"],
)
def test_what_runs_as_one_gives_the_same(tmp_path, layers, names):
    net = network(tmp_path, *layers)
    assert fused_names(net) == [names]
    images = torch.randn(5, 3, 9, 9)
    plain, quick = net({"data": images}), blobs_of(net, {"data": images})
    last = net.steps[-1].node.outputs[0]
    assert set(quick) < set(plain)
    assert torch.allclose(quick[last], plain[last], rtol=1e-5, atol=1e-6)
    gradient = torch.randn(plain[last].shape)
    wanted = [tensor for tensor in net.tensors if tensor.requires_grad]
    for one, other in zip(
        *(torch.autograd.grad(blobs[last], wanted, gradient) for blobs in (quick, plain)), strict=True
    ):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)


@compiled
@pytest.mark.parametrize(
    "layers",
    [
        [HEAD, CONVOLUTION % "stride: 2", PLAIN[2]],
        [HEAD, CONVOLUTION % "dilation: 2", PLAIN[2]],
        [HEAD, (CONVOLUTION % "").replace("num_output: 4", "num_output: 3 group: 3"), PLAIN[2]],
        [*PLAIN[:2], POOL % ("conv", "AVE", 2, 2)],
        [*PLAIN[:2], POOL % ("conv", "MAX", 3, 2)],
        [*PLAIN[:2], POOL % ("conv", "MAX", 3, 3) + "\n" + RELU % ("also", "conv", "also")],
        [
            *PLAIN[:2],
            (RELU % ("relu", "conv", "conv"))[:-1] + "relu_param { negative_slope: 0.1 } }",
            PLAIN[2],
        ],
        [HEAD, (CONVOLUTION % "")[:-1] + "loss_weight: 1 }", PLAIN[2]],
        PLAIN[:2],
    ],
    ids=["stride", "dilation", "groups", "mean", "overlap", "read elsewhere", "slope", "loss", "no pool"],
)
def test_what_does_not_run_as_one(tmp_path, layers):
    net = network(tmp_path, *layers)
    assert fused_names(net) == []
    assert all(not isinstance(step, FusedStep) for step in net.fused)


@compiled
def test_numbers_of_another_kind_run_layer_by_layer(tmp_path):
    net = network(tmp_path, *PLAIN)
    fuse(net)
    net.double()
    assert "conv" in blobs_of(net, {"data": torch.randn(1, 3, 9, 9, dtype=torch.float64)})


@compiled
@pytest.mark.parametrize(
    ("relu", "where"),
    [(IN_PLACE, "conv"), (APART, "other")],
    ids=["in place, as described", "apart: what it reads stays"],
)
def test_a_relu_overwrites_only_where_its_description_does(tmp_path, relu, where):
    net = network(tmp_path, HEAD, CONVOLUTION % "", relu)
    fuse(net)
    images = torch.randn(5, 3, 9, 9)
    plain, quick = net({"data": images}), blobs_of(net, {"data": images})
    assert {name: blob.min() < 0 for name, blob in quick.items()} == {
        name: blob.min() < 0 for name, blob in plain.items()
    }
    assert torch.equal(quick[where], plain[where])
    gradients = [torch.autograd.grad(blobs[where].square().sum(), [*net.tensors]) for blobs in (quick, plain)]
    assert all(map(torch.equal, *gradients))
    made = net.steps[1].compute([images])[0]
    before = made.detach().clone()
    net.fused[2].run({"conv": (blob := made.detach())})
    assert torch.equal(blob, before) == (where == "other")


def losses(kernels, number=6):
    values = (("random_seed", "1"), ("test_initialization", "false"), ("max_iter", str(number)))
    job = replace(builtin_job((*values, ("snapshot_after_train", "false"))), kernels=kernels)
    trainer = Trainer(job)
    found = [record.loss for record in trainer.run() if isinstance(record, Progress)]
    trainer.close()
    return found, trainer


@compiled
def test_training_goes_the_same_way():
    quick, trainer = losses("fused")
    plain, other = losses("torch")
    assert [len(groups) for groups in trainer.fused] == [2, 2]
    assert not any(other.fused)
    assert quick == pytest.approx(plain, rel=1e-5)  # six steps of float32


def test_without_the_library_torch_runs(monkeypatch):
    monkeypatch.setenv(library.VARIABLE, "torch")
    library.load.cache_clear()
    try:
        found, trainer = losses("auto", 1)
        assert not any(trainer.fused)
        assert found
        with pytest.raises(MissingExtra, match="no compiled kernels"):
            losses("fused", 1)
    finally:
        monkeypatch.undo()
        library.load.cache_clear()


@compiled
def test_insisting_on_another_device_is_refused(tmp_path):
    net = network(tmp_path, *PLAIN)
    net.to("meta")
    with pytest.raises(UsageError, match="run on a CPU"):
        fuse(net, "fused")


def test_the_verb_insists(tmp_path):
    environment = os.environ | {library.VARIABLE: "torch"}
    words = ["train", "--kernels", "fused", "--no-report", "--set", "max_iter=1"]
    result = subprocess.run(
        [sys.executable, "-m", "lenet", *words],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert result.returncode == MissingExtra.exit_code
    assert "there are no compiled kernels: LENET_KERNELS=torch" in result.stderr
