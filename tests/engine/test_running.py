"""Lists of compiled layers in use: which there are, and that the answers are those of layer by layer."""

import copy
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.dialects.caffe.net import read_net
from lenet.engine.build import build
from lenet.engine.fusing import FusedStep, fuse
from lenet.engine.predict import Predictor
from lenet.engine.running import ForwardList, blobs_of, hidden, listed
from lenet.errors import Notes
from lenet.kernels import library
from lenet.model import Model
from lenet.net import State

pytestmark = pytest.mark.skipif(not library.available(), reason=library.describe())

HEAD = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 14 dim: 14 } } }'
)


def convolution(name, bottom, more=""):
    kernel = 'num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } bias_filler { type: "gaussian" }'
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" {more} '
        f"convolution_param {{ {kernel} }} }} "
        f'layer {{ name: "p{name}" type: "Pooling" bottom: "{name}" top: "p{name}" '
        "pooling_param { pool: MAX kernel_size: 2 stride: 2 } }"
    )


def dense(name, bottom, more=""):
    filler = 'weight_filler { type: "xavier" } bias_filler { type: "gaussian" }'
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {more} '
        f"inner_product_param {{ num_output: 5 {filler} }} }}"
    )


def plain(kind, name, bottom, top, more=""):
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {more} }}'


FIRST, SECOND = convolution("a", "data"), convolution("b", "pa")
RELU = plain("ReLU", "relu", "i", "i")
SOFTMAX = plain("Softmax", "prob", "j", "prob")
WHOLE = [FIRST, SECOND, dense("i", "pb"), RELU, dense("j", "i"), SOFTMAX]


def network(tmp_path, *layers, training=False):
    path = tmp_path / "net.prototxt"
    path.write_text("\n".join([HEAD, *layers]))
    net = build(read_net(path, Notes()).select(State("test")), training=training, seed=1)
    fuse(net)
    return net


def names(net):
    return [
        [step.steps[0].node.name if isinstance(step, FusedStep) else step.node.name for step in each.steps]
        for each in listed(net)
        if isinstance(each, ForwardList)
    ]


def compared(net, images):
    """Both ways, of the last step's output."""
    last = net.steps[-1].node.outputs[0]
    with torch.no_grad():
        one, other = net({"data": images})[last], blobs_of(net, {"data": images})[last]
    assert one.shape == other.shape
    # three layers' rounding of numbers about 1
    assert torch.allclose(one, other, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        (WHOLE, [["a", "b", "i", "relu", "j"]]),
        ([FIRST, SECOND], [["a", "b"]]),
        ([FIRST, dense("i", "pa"), plain("Dropout", "d", "i", "i"), dense("j", "i")], [["a", "i", "d", "j"]]),
        ([FIRST, plain("Dropout", "d", "pa", "x"), dense("i", "x")], [["a", "d", "i"]]),
        ([FIRST, plain("Flatten", "f", "pa", "x"), dense("i", "x"), RELU], [["a", "f", "i", "relu"]]),
        ([FIRST, SECOND, plain("Flatten", "f", "pb", "x")], [["a", "b"]]),
        ([dense("i", "data"), plain("ReLU", "r", "i", "x"), dense("j", "x")], [["i", "r", "j"]]),
        ([FIRST], []),
        ([FIRST, SECOND, plain("Sigmoid", "s", "pa", "x")], []),
        ([FIRST, plain("Sigmoid", "s", "pa", "pa"), SECOND, dense("i", "pb")], [["b", "i"]]),
        ([FIRST, dense("i", "pa"), dense("j", "i"), dense("k", "i")], [["a", "i"]]),
        ([FIRST, SECOND, plain("Silence", "s", "pa", "x").replace('top: "x"', "")], []),
    ],
    ids=[
        *("whole", "convolutions", "dropout", "dropout before", "flatten", "flatten behind", "dense"),
        *("one", "read twice", "other in between", "fork", "silenced"),
    ],
)
def test_what_runs_as_a_list_gives_the_same(tmp_path, layers, wanted):
    net = network(tmp_path, *layers)
    assert names(net) == wanted
    images = torch.randn(6, 3, 14, 14)
    if net.steps[-1].node.outputs:
        compared(net, images)
    with torch.no_grad():
        every, found = net({"data": images}), blobs_of(net, {"data": images})
    assert set(net.net.outputs()) <= set(found)
    groups = [step for step in net.fused if isinstance(step, FusedStep)]
    within = {name for group in groups for step in group.steps[:-1] for name in step.node.outputs}
    assert set(every) - set(found) == hidden(net) | within


def test_what_is_dropped_while_training_is_dropped(tmp_path):
    net = network(tmp_path, FIRST, plain("Dropout", "d", "pa", "pa"), dense("i", "pa"), training=True)
    assert names(net) == []


def test_gradients_go_layer_by_layer(tmp_path):
    net = network(tmp_path, *WHOLE, training=True)
    blobs = blobs_of(net, {"data": torch.randn(2, 3, 14, 14)})
    assert "i" in blobs
    assert blobs["prob"].grad_fn is not None


@settings(deadline=None, max_examples=30)
@given(batches=st.lists(st.integers(0, 9), min_size=1, max_size=5), channels_last=st.booleans())
def test_batches_of_any_size_one_after_the_other(tmp_path_factory, batches, channels_last):
    net = network(tmp_path_factory.mktemp("net"), *WHOLE)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    for batch in batches:
        compared(net, torch.randn(batch, 3, 14, 14).to(memory_format=layout))


def test_changed_and_replaced_parameters_count(tmp_path):
    net = network(tmp_path, *WHOLE)
    images = torch.randn(4, 3, 14, 14)
    compared(net, images)
    with torch.no_grad():
        for tensor in net.tensors:
            tensor.mul_(0.5)
    compared(net, images)
    for tensor in net.tensors:
        tensor.data = torch.randn_like(tensor)
    compared(net, images)
    weight = net.steps[-2].parameters[0]
    weight.data = torch.randn(weight.shape[::-1]).T  # not as the kernel reads it
    compared(net, images)


def test_parameters_that_are_turned_where_they_lie_count(tmp_path):
    net = network(tmp_path, FIRST, dense("i", "pa"), dense("j", "i"))
    images = torch.randn(4, 3, 14, 14)
    compared(net, images)
    for step in (net.steps[1], net.steps[-1]):  # 4 x 3 x 3 x 3 and 5 x 5
        step.parameters[0].data = step.parameters[0].data.transpose(-1, -2)
        compared(net, images)


def test_what_was_built_for_training_drops_in_any_mode(tmp_path):
    net = network(
        tmp_path, dense("i", "data"), plain("Dropout", "d", "i", "i"), dense("j", "i"), training=True
    )
    assert names(net.eval()) == []
    net = network(tmp_path, dense("i", "data"), plain("Dropout", "d", "i", "i"), dense("j", "i"))
    assert names(net.train()) == [["i", "d", "j"]]
    compared(net, torch.randn(2, 3, 14, 14))


def test_a_copy_is_a_network_of_its_own(tmp_path):
    net = network(tmp_path, *WHOLE)
    images = torch.randn(4, 3, 14, 14)
    compared(net, images)
    copied = copy.deepcopy(net)
    with torch.no_grad():
        for tensor in copied.tensors:
            tensor.mul_(2)
    compared(copied, images)
    compared(net, images)


def test_no_batch_is_kept(tmp_path):
    net = network(tmp_path, *WHOLE)
    images = torch.randn(4, 3, 14, 14)
    with torch.no_grad():
        answer = weakref.ref(blobs_of(net, {"data": images})["prob"])
    kept = weakref.ref(images)
    del images
    assert (kept(), answer()) == (None, None)


def test_another_precision_goes_layer_by_layer(tmp_path):
    net = network(tmp_path, dense("i", "data"), dense("j", "i")).double()
    compared(net, torch.randn(3, 3, 14, 14, dtype=torch.float64))


def test_outputs_are_not_overwritten_by_the_next_batch(tmp_path):
    net = network(tmp_path, *WHOLE[:-1])
    with torch.no_grad():
        first = blobs_of(net, {"data": torch.randn(3, 3, 14, 14)})["j"]
        kept = first.clone()
        blobs_of(net, {"data": torch.randn(3, 3, 14, 14)})
    assert torch.equal(first, kept)


def test_threads_do_not_disturb_each_other(tmp_path):
    net = network(tmp_path, *WHOLE)
    images = [torch.randn(3, 3, 14, 14) for _ in range(200)]

    def answer(each):
        with torch.no_grad():
            return blobs_of(net, {"data": each})["prob"]

    alone = [answer(each) for each in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(answer, images))
    for one, other in zip(alone, together, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("wanted", [("prob",), ("i", "prob"), ("pa",), ("a", "j")])
def test_predictor_gives_every_blob_that_is_wanted(tmp_path, wanted):
    net = network(tmp_path, *WHOLE)
    predictor = Predictor(Model(net.net, net.weights()))
    samples = np.random.default_rng(0).standard_normal((3, 3, 14, 14), dtype=np.float32)
    with torch.no_grad():
        every = net({"data": torch.from_numpy(samples)})
    predictor.fixed, predictor.batch = False, 3
    found = predictor.blobs(samples, wanted)
    for name in wanted:
        assert np.allclose(found[name], every[name].numpy(), rtol=1e-5, atol=2e-6)
