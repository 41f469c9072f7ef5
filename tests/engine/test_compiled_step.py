"""Which networks train by one list of compiled calls, and that they learn what they do layer by layer."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lenet.cli.training_job import builtin_job, recipe_job
from lenet.data.arrays import ArrayReader
from lenet.data.feed import Feed
from lenet.data.source import Source
from lenet.dialects.caffe.net import read_net
from lenet.engine.build import build
from lenet.engine.compiled_step import compiled_step
from lenet.engine.fusing import fuse
from lenet.engine.train import Trainer
from lenet.errors import DataError, Notes
from lenet.job import Job
from lenet.kernels import library
from lenet.net import Node, State
from lenet.shapes import Shape

pytestmark = pytest.mark.skipif(not library.available(), reason=library.describe())

# Twice what float32 gives against float64, for both are float32; relative to the network's largest gradient,
# for the sums of a layer may cancel each other out.
BOUND = 4e-6
SHORT = (("random_seed", "1"), ("test_initialization", "false"), ("snapshot_after_train", "false"))

# read as an input; a feed of random samples takes its place
DATA = """layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: %d dim: %d dim: %d dim: %d } shape { dim: %d } } }"""
CONVOLUTION = """layer { name: "%s" type: "Convolution" bottom: "%s" top: "%s"
  convolution_param { num_output: %d kernel_size: %d pad: %d weight_filler { type: "xavier" } } }
layer { name: "%s_pool" type: "Pooling" bottom: "%s" top: "%s_pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }"""
RELU = 'layer { name: "%s_relu" type: "ReLU" bottom: "%s" top: "%s" }'
DENSE = """layer { name: "%s" type: "InnerProduct" bottom: "%s" top: "%s"
  inner_product_param { num_output: %d weight_filler { type: "xavier" } bias_term: %s } }"""
DROPOUT = 'layer { name: "drop" type: "Dropout" bottom: "%s" top: "%s" dropout_param { dropout_ratio: 0.3 } }'
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "%s" bottom: "label" top: "loss" }'
SMALL = [
    DATA % (4, 1, 12, 12, 4),
    CONVOLUTION % ("one", "data", "one", 3, 3, 0, "one", "one", "one"),
    DENSE % ("two", "one_pool", "two", 5, "true"),
    RELU % ("two", "two", "two"),
    DENSE % ("three", "two", "three", 4, "true"),
    LOSS % "three",
]


@dataclass(frozen=True)
class Given(Source):
    """Samples of a shape, all alike, and their labels."""

    sample: Shape

    def open(self, channels=None):
        return ArrayReader(np.zeros((8, *self.sample), np.float32), np.zeros(8, np.int64))


def network(tmp_path, *layers):
    path = tmp_path / "net.prototxt"
    path.write_text("\n".join(layers))
    net = read_net(path, Notes()).select(State("train"))
    batch, *sample = net.nodes[0].kind.shape(())[0]
    feed = Node("data", Feed(Given(tuple(sample)), batch), outputs=("data", "label"))
    return build(replace(net, nodes=(feed, *net.nodes[1:])), training=True, seed=1)


def step_of(net):
    fuse(net)
    return compiled_step(net)


def batch_of(net, number=None, seed=0):
    """Random images with labels; small, for the loss is rough where a probability is near 0 or 1."""
    (feed,) = net.feeds.values()
    images, labels = feed[1]
    shape = net.blob_shapes()[images]
    generator = torch.Generator().manual_seed(seed)
    number = number or shape[0]
    return {
        images: 0.2 * torch.randn((number, *shape[1:]), generator=generator),
        labels: torch.randint(2, (number,), generator=generator),
    }


def by_autograd(net, batch):
    """Loss and gradients, layer by layer."""
    loss = net.loss(net(batch))
    return float(loss.detach()), list(torch.autograd.grad(loss, list(net.tensors)))


def compiled(step, net, batch):
    loss, blobs = step(batch)
    assert {name: float(blob) for name, blob in blobs.items()} == {"loss": loss}
    return loss, [tensor.grad for tensor in net.tensors]


def assert_alike(found, wanted):
    assert found[0] == pytest.approx(wanted[0], rel=BOUND)
    assert difference(found[1], wanted[1]) <= BOUND


def difference(found, wanted):
    """The largest difference of gradients, relative to the largest of them all."""
    largest = max(float(theirs.abs().max()) for theirs in wanted)
    return max(float((m - t).abs().max()) for m, t in zip(found, wanted, strict=True)) / max(1e-6, largest)


@st.composite
def chains(draw):
    """The layers of a network of the kind that is compiled: convolutions, then fully connected layers."""
    batch, channels = draw(st.sampled_from([1, 3, 20])), draw(st.integers(1, 3))
    side = draw(st.integers(12, 20))
    layers, blob = [DATA % (batch, channels, side, side, batch)], "data"
    for index in range(draw(st.integers(0, 2))):
        name, padded = f"c{index}", draw(st.integers(0, 1))
        maps, relu = draw(st.integers(1, 12)), draw(st.booleans())
        layers.append(CONVOLUTION % (name, blob, name, maps, 3, padded, name, name, name))
        blob = f"{name}_pool"
        layers += [RELU % (blob, blob, blob)] if relu else []
    for index in range(draw(st.integers(0, 2))):
        name, bias = f"d{index}", "true" if draw(st.booleans()) else "false"
        layers.append(DENSE % (name, blob, name, draw(st.integers(1, 20)), bias))
        layers += [RELU % (name, name, name)] if draw(st.booleans()) else []
        # of images torch draws in the order of their memory, which is its own affair
        layers += [DROPOUT % (name, name)] if draw(st.booleans()) else []
        blob = name
    return [*layers, DENSE % ("last", blob, "last", draw(st.integers(2, 6)), "true"), LOSS % "last"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chains(), st.integers(0, 99))
def test_the_gradients_are_those_of_autograd(tmp_path, layers, seed):
    net = network(tmp_path, *layers)
    step, batch = step_of(net), batch_of(net, seed=seed)
    torch.manual_seed(seed)
    wanted = by_autograd(net, batch)
    torch.manual_seed(seed)  # dropout draws the same
    found = compiled(step, net, batch)
    # where rounding decides which of two numbers wins or is cut off, gradients differ altogether
    if decided(net, batch, seed):
        assert_alike(found, wanted)
    else:
        assert found[0] == pytest.approx(wanted[0], rel=BOUND)


def decided(net, batch, seed):
    """Whether changing each image by less than float32 can tell changes no gradient by much."""
    (images, labels) = batch
    changed = {images: batch[images] * (1 + 3e-7), labels: batch[labels]}
    torch.manual_seed(seed)
    before = by_autograd(net, batch)[1]
    torch.manual_seed(seed)
    after = by_autograd(net, changed)[1]
    return difference(after, before) <= BOUND


def test_a_step_is_repeated_bit_for_bit_with_any_number_of_threads(tmp_path):
    net = network(tmp_path, *SMALL)
    step, batch = step_of(net), batch_of(net)
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            loss, gradients = compiled(step, net, batch)
            results.append((loss, [gradient.clone() for gradient in gradients]))
    finally:
        torch.set_num_threads(before)
    for loss, gradients in results[1:]:
        assert loss == results[0][0]
        assert all(map(torch.equal, gradients, results[0][1]))


def test_batches_of_other_sizes_follow_each_other(tmp_path):
    net = network(tmp_path, *SMALL)
    step = step_of(net)
    for number in (4, 9, 1, 4):
        batch = batch_of(net, number)
        found = compiled(step, net, batch)
        assert found[0] == pytest.approx(by_autograd(net, batch)[0], rel=BOUND)


def test_labels_of_hdf5_files_are_cut_to_whole_numbers(tmp_path):
    net = network(tmp_path, *SMALL)
    step, batch = step_of(net), batch_of(net)
    with_fractions = batch | {"label": batch["label"] + torch.tensor([0.0, 0.25, 0.5, 0.75])}
    assert with_fractions["label"].dtype == torch.float32
    assert_alike(compiled(step, net, with_fractions), by_autograd(net, batch))
    assert step(batch | {"label": torch.full((4,), torch.nan)}) is None


@pytest.mark.parametrize("change", ["kind", "order", "size", "none"])
def test_other_batches_are_left_to_autograd(tmp_path, change):
    net = network(tmp_path, *SMALL)
    step, batch = step_of(net), batch_of(net)
    if change == "kind":
        batch["data"] = batch["data"].double()
    elif change == "order":
        batch["data"] = batch["data"].transpose(2, 3)
    elif change == "size":
        batch["data"] = batch["data"][..., 1:].contiguous()
    else:
        batch = {name: values[:0] for name, values in batch.items()}
    assert step(batch) is None


def changed(place, old, new):
    layers = list(SMALL)
    assert old in layers[place]
    layers[place] = layers[place].replace(old, new)
    return layers


@pytest.mark.parametrize(
    "layers",
    [
        changed(5, "}", "loss_weight: 2 }"),
        changed(5, '"loss" }', '"loss" softmax_param { axis: 0 } }'),
        changed(5, '"loss" }', '"loss" loss_param { ignore_label: 3 } }'),
        changed(5, '"loss" }', '"loss" loss_param { normalization: NONE } }'),
        changed(5, '"loss" }', '"loss" top: "probabilities" }'),
        changed(5, 'top: "loss"', 'top: "loss" propagate_down: false propagate_down: false'),
        changed(5, "SoftmaxWithLoss", "MultinomialLogisticLoss"),
        changed(4, 'top: "three"', 'top: "three" param { lr_mult: 0 }'),
        changed(4, 'top: "three"', 'top: "three" propagate_down: false'),
        changed(1, 'top: "one"', 'top: "one" loss_weight: 1'),
        changed(2, "bias_term", "axis: 2 bias_term"),
        changed(2, "bias_term", "transpose: true bias_term"),
        changed(3, '"two" }', '"two" relu_param { negative_slope: 0.1 } }'),
        [
            *SMALL,
            'layer { name: "accuracy" type: "Accuracy" bottom: "three" bottom: "label" top: "accuracy" }',
        ],
        [*SMALL[:2], 'layer { name: "s" type: "Sigmoid" bottom: "one_pool" top: "one_pool" }', *SMALL[2:]],
        [*SMALL[:3], 'layer { name: "out" type: "Silence" bottom: "one_pool" }', *SMALL[3:]],
        [SMALL[0], 'layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }', LOSS % "flat"],
    ],
)
def test_networks_of_other_kinds_are_left_to_autograd(tmp_path, layers):
    assert step_of(network(tmp_path, *layers)) is None


def test_shared_parameters_are_left_to_autograd(tmp_path):
    layers = [
        *SMALL[:2],
        (DENSE % ("a", "one_pool", "a", 75, "false"))[:-1] + 'param { name: "w" } }',
        (DENSE % ("b", "a", "b", 75, "false"))[:-1] + 'param { name: "w" } }',
        LOSS % "b",
    ]
    assert step_of(network(tmp_path, *layers)) is None


def test_dropout_of_nothing_draws_nothing(tmp_path):
    nothing = (DROPOUT % ("two", "two")).replace("0.3", "0")
    net = network(tmp_path, *SMALL[:4], nothing, *SMALL[4:])
    step, batch = step_of(net), batch_of(net)
    before = torch.get_rng_state()
    found = compiled(step, net, batch)
    assert torch.equal(torch.get_rng_state(), before)
    assert_alike(found, by_autograd(net, batch))


def test_a_script_may_have_another_kind_of_number_as_default(tmp_path):
    net = network(tmp_path, *SMALL)
    batch = batch_of(net)
    wanted = by_autograd(net, batch)
    torch.set_default_dtype(torch.float64)
    try:
        found = compiled(step_of(net), net, batch)
    finally:
        torch.set_default_dtype(torch.float32)
    assert_alike(found, wanted)


def test_plain_torch_stays_plain(tmp_path):
    net = network(tmp_path, *SMALL)
    fuse(net, "torch")
    assert compiled_step(net) is None


def trainer_of(kernels="auto", job=builtin_job, **solver):
    made: Job = job((*SHORT, ("max_iter", "4")))
    return Trainer(replace(made, kernels=kernels, solver=replace(made.solver, **solver)))


@pytest.mark.parametrize("job", [builtin_job, partial(recipe_job, "fast"), partial(recipe_job, "best")])
def test_what_the_package_trains_is_compiled(job):
    trainer = trainer_of(job=job)
    assert trainer.compiled is not None
    plain = trainer_of("torch", job)
    assert plain.compiled is None
    torch.manual_seed(5)
    found, _ = trainer.forward_backward()
    torch.manual_seed(5)
    wanted, _ = plain.forward_backward()
    # augmented images are equal only as far as both draw the same: from the feed's own seed
    assert found == pytest.approx(wanted, rel=1e-5)
    for each in (trainer, plain):
        each.close()


def test_several_batches_an_update_are_added_up_by_autograd():
    trainer = trainer_of(accumulate=2)
    assert trainer.compiled is None
    trainer.close()


def test_a_label_without_a_class_is_told_as_ever(tmp_path):
    net = network(tmp_path, *SMALL)
    step, batch = step_of(net), batch_of(net)
    batch["label"][2] = 4
    assert step(batch) is None
    with pytest.raises(DataError, match="label 4"):
        net.loss(net(batch))
