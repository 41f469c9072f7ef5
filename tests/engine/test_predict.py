"""Blobs of a model: those between layers that run as one are there for whoever asks."""

import numpy as np
import pytest

from lenet.dialects.caffe.net import read_net
from lenet.engine.build import build
from lenet.engine.fusing import FusedStep
from lenet.engine.predict import BATCH, MOST, Predictor
from lenet.engine.running import ForwardList
from lenet.errors import Notes
from lenet.kernels import library
from lenet.model import Model
from lenet.net import State

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 12 dim: 12 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
"""


def predictor_of(path, text):
    path.write_text(text)
    net = read_net(path, Notes()).select(State("test"))
    return Predictor(Model(net, build(net, seed=1).weights()))


@pytest.fixture
def predictor(tmp_path):
    return predictor_of(tmp_path / "net.prototxt", NET)


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(MOST + 6, 1, 12, 12)).astype(np.float32)


def test_answers_are_the_same_whether_layers_run_as_one_or_not(predictor, samples):
    (quick,) = predictor.blobs(samples, ("ip",)).values()
    slow = predictor.blobs(samples, ("conv", "ip"))
    assert quick.shape == (MOST + 6, 3)
    assert slow["conv"].shape == (MOST + 6, 4, 10, 10)
    np.testing.assert_allclose(quick, slow["ip"], rtol=0, atol=2e-6 * np.abs(quick).max())  # float32 sums


@pytest.mark.skipif(not library.available(), reason=library.describe())
@pytest.mark.parametrize(
    ("blobs", "kinds"), [(("ip",), {ForwardList}), (("pool", "ip"), {FusedStep}), (("conv",), set())]
)
def test_layers_run_as_one_where_nobody_asks_for_what_lies_between(
    predictor, samples, monkeypatch, blobs, kinds
):
    ran = set()
    for kind in (ForwardList, FusedStep):
        monkeypatch.setattr(kind, "run", recorded(kind.run, ran))
    predictor.blobs(samples, blobs)
    assert ran == kinds


@pytest.mark.parametrize(
    ("outputs", "least", "most"), [(4, MOST, MOST), (500, BATCH + 1, MOST - 1), (9999, BATCH, BATCH)]
)
def test_the_larger_samples_become_the_fewer_go_together(tmp_path, outputs, least, most):
    predictor = predictor_of(
        tmp_path / "net.prototxt", NET.replace("num_output: 4", f"num_output: {outputs}")
    )
    assert least <= predictor.batch <= most


def recorded(run, ran):
    return lambda step, blobs: ran.add(type(step)) or run(step, blobs)


# each sample becomes four rows of three numbers; FIRST is what Reshape does with the batch axis
ROWS = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 12 } } }
layer { name: "rows" type: "Reshape" bottom: "data" top: "rows"
  reshape_param { shape { dim: FIRST dim: 3 } } }
"""


@pytest.mark.parametrize(("first", "fixed"), [(-1, False), (8, True)])
@pytest.mark.parametrize("number", [1, 2, 3, 70])
def test_several_rows_of_a_sample_all_come(tmp_path, first, fixed, number):
    """Also where the description fixes the batch, 2 samples to 8 rows, and the last one is filled up."""
    predictor = predictor_of(tmp_path / "rows.prototxt", ROWS.replace("FIRST", str(first)))
    assert predictor.fixed is fixed
    samples = np.arange(12 * number, dtype=np.float32).reshape(number, 12)
    (rows,) = predictor.blobs(samples, ("rows",)).values()
    np.testing.assert_array_equal(rows, samples.reshape(4 * number, 3))


# the network takes four samples at a time (the second Reshape says so); priors are those of any number
FIXED = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 1 dim: 2 dim: 2 } } }
layer { name: "priors" type: "PriorBox" bottom: "data" bottom: "data" top: "priors"
  prior_box_param { min_size: 1 variance: 0.1 } }
layer { name: "rows" type: "Reshape" bottom: "data" top: "rows" reshape_param { shape { dim: 4 dim: 4 } } }
layer { name: "sum" type: "Reduction" bottom: "rows" top: "sum" reduction_param { axis: 0 } }
"""


def test_what_counts_no_samples_comes_whole_for_each_batch(tmp_path):
    predictor = predictor_of(tmp_path / "fixed.prototxt", FIXED)
    assert predictor.fixed
    samples = np.arange(6 * 4, dtype=np.float32).reshape(6, 1, 2, 2)
    found = predictor.blobs(samples, ("priors", "rows", "sum"))
    assert found["priors"].shape == (2, 2, 16)  # once a batch: the four sides, then the variances
    np.testing.assert_array_equal(found["rows"], samples.reshape(6, 4))
    np.testing.assert_array_equal(found["sum"], [samples[:4].sum(), samples[4:].sum()])
