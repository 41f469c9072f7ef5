"""Networks that multiply in bfloat16: what is rounded, what stays float32, and what training makes of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.cli import snapshots
from lenet.dialects.caffe.net import net_from_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.solver import read_solver
from lenet.engine import precision
from lenet.engine.build import build
from lenet.engine.captured import CapturedTest, CapturedTraining
from lenet.engine.captured_training import CapturedTrainer
from lenet.engine.feeding import Feeder
from lenet.engine.precision import arrange, note_slow, units
from lenet.engine.time import time_network
from lenet.engine.train import Trainer
from lenet.engine.updating import Updater
from lenet.errors import Notes, UsageError
from lenet.formats.prototxt import read_text
from lenet.net import State
from lenet.results import Progress, Snapshot, TestScores

DATA = """layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 4 dim: 2 dim: 9 dim: 9 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 } } }"""
CONVOLUTION = """layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } } }"""
RELU = 'layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }'
POOL = """layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: %s kernel_size: 2 stride: 2 } }"""
DENSE = """layer { name: "%s" type: "InnerProduct" bottom: "%s" top: "%s"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'
WHOLE = [DATA, CONVOLUTION, RELU, POOL % "MAX", DENSE % ("ip", "pool", "ip"), LOSS]
# 8 significant bits; sums of some products keep about as many
ROUNDING = 2.0**-7


def network(*layers, kind="bf16", training=True, device="cpu"):
    notes = Notes()
    net = net_from_message(read_text("\n".join(layers), "n", schema(), "NetParameter", notes), notes)
    notes.check()
    phase = State("train" if training else "test")
    built = build(net.select(phase), training=training, seed=1, device=device)
    arrange(built, kind, "auto" if kind == "bf16" else "torch")
    return built


def batch(seed=0):
    drawn = torch.Generator().manual_seed(seed)
    return {"data": torch.rand(4, 2, 9, 9, generator=drawn), "label": torch.tensor([0.0, 3, 1, 4])}


@pytest.mark.parametrize("method", ["MAX", "AVE"])
def test_products_are_those_of_torchs_own_autocast(method):
    """Bit for bit: the scores, and all gradients that one of the scores sends back."""
    layers = [*WHOLE[:3], POOL % method, WHOLE[4]]
    ours, plain = network(*layers), network(*layers, kind="float32")
    scores = ours(batch())["ip"]
    with torch.autocast("cpu", torch.bfloat16):
        expected = plain(batch())["ip"]
    assert (scores.dtype, expected.dtype) == (torch.float32, torch.bfloat16)
    torch.testing.assert_close(scores, expected.float(), rtol=0, atol=0)
    slope = torch.rand(scores.shape).bfloat16()
    found = torch.autograd.grad(scores, list(ours.tensors), slope.float())
    for one, other in zip(found, torch.autograd.grad(expected, list(plain.tensors), slope), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@settings(max_examples=25, deadline=None)
@given(
    relu=st.booleans(),
    method=st.sampled_from(["MAX", "AVE"]),
    stride=st.integers(1, 3),
    behind=st.sampled_from(["", "Sigmoid", "LRN", "BatchNorm", "Softmax", "Dropout", "Flatten"]),
    seed=st.integers(0, 100),
)
def test_answers_and_gradients_are_float32_and_about_the_same(relu, method, stride, behind, seed):
    layers = [DATA, CONVOLUTION.replace("kernel_size: 3", f"kernel_size: 3 stride: {stride}")]
    layers += [RELU] * relu + [POOL % method]
    layers += [f'layer {{ name: "b" type: "{behind}" bottom: "pool" top: "pool" }}'] * bool(behind)
    layers += [DENSE % ("ip", "pool", "ip"), LOSS]
    found = []
    for kind in ("float32", "bf16"):
        torch.manual_seed(seed)  # of what is dropped
        built = network(*layers, kind=kind)
        blobs = built(batch(seed))
        assert blobs["loss"].dtype == blobs["ip"].dtype == torch.float32
        built.loss(blobs).backward()
        learned = [tensor.grad for tensor in built.tensors if tensor.requires_grad]
        assert {tensor.dtype for tensor in (*built.tensors, *learned)} == {torch.float32}
        found.append(float(blobs["loss"].detach()))
    assert found[1] == pytest.approx(found[0], rel=4 * ROUNDING)


LOSSES = {
    "SoftmaxWithLoss": "",
    "HingeLoss": "",
    "EuclideanLoss": DENSE % ("other", "pool", "other"),
    "SigmoidCrossEntropyLoss": DENSE % ("other", "pool", "other"),
    "MultinomialLogisticLoss": 'layer { name: "p" type: "Softmax" bottom: "ip" top: "p" }',
    "ContrastiveLoss": DENSE % ("other", "pool", "other"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_float32(loss):
    """Their own inputs are, too: what they would take the logarithm or a difference of is not rounded."""
    more = LOSSES[loss]
    first = "p" if '"p"' in more else "ip"
    bottoms = [first, "other"] if "other" in more else [first]
    bottoms += ["label"] * ("other" not in more or loss == "ContrastiveLoss")
    words = " ".join(f'bottom: "{name}"' for name in bottoms)
    layers = [*WHOLE[:-1], more, f'layer {{ name: "loss" type: "{loss}" {words} top: "loss" }}']
    blobs = {kind: network(*layers, kind=kind)(batch()) for kind in ("float32", "bf16")}
    assert {blobs["bf16"][name].dtype for name in (*bottoms, "loss")} == {torch.float32}
    value = float(blobs["bf16"]["loss"].detach())
    assert value == pytest.approx(float(blobs["float32"]["loss"].detach()), rel=8 * ROUNDING)


def test_what_only_passes_through_is_not_widened():
    """Else much of what bfloat16 saves would go into copies."""
    slices = """layer { name: "slice" type: "Slice" bottom: "conv" top: "one" top: "two" }
      layer { name: "concat" type: "Concat" bottom: "two" bottom: "one" top: "conv2" }"""
    blobs = network(*WHOLE[:3], slices, (POOL % "MAX").replace('"conv"', '"conv2"'), *WHOLE[4:])(batch())
    types = {name: blob.dtype for name, blob in blobs.items()}
    narrow = {"conv", "one", "two", "conv2", "pool"}
    assert {name for name, kind in types.items() if kind == torch.bfloat16} == narrow


@pytest.mark.parametrize("reader", ['type: "Sigmoid" top: "s"', 'type: "Power" top: "s"'])
def test_a_blob_that_a_float32_layer_reads_is_float32(reader):
    blobs = network(*WHOLE, f'layer {{ name: "r" bottom: "pool" {reader} }}')(batch())
    assert (blobs["pool"].dtype, blobs["conv"].dtype) == (torch.float32, torch.bfloat16)
    assert blobs["s"].dtype == torch.float32


def test_of_a_blob_that_is_worked_on_in_place_only_the_last_one_is_float32():
    built = network(*WHOLE[:3], 'layer { name: "s" type: "Sigmoid" bottom: "conv" top: "s" }')
    blobs, types = batch(), {}
    for step in built.steps:
        step.run(blobs)
        types[step.node.name] = blobs[step.node.outputs[0]].dtype
    assert (types["conv"], types["relu"]) == (torch.bfloat16, torch.float32)


def test_a_blob_that_counts_in_the_loss_is_float32():
    weighed = (DENSE % ("ip", "pool", "ip")).replace("type", "loss_weight: 0.5 type", 1)
    built = network(*WHOLE[:4], weighed, DENSE % ("last", "ip", "last"))
    assert built(batch())["ip"].dtype == torch.float32


def test_places_that_a_pooling_tells_are_not_rounded():
    """300 has no bfloat16 of its own."""
    wide = DATA.replace("dim: 9 dim: 9", "dim: 30 dim: 30")
    mask = (POOL % "MAX").replace('top: "pool"', 'top: "pool" top: "mask"')
    back = 'layer { name: "s" type: "Silence" bottom: "mask" bottom: "pool" }'
    given = {"data": torch.rand(4, 2, 30, 30), "label": torch.zeros(4)}
    blobs = {kind: network(wide, CONVOLUTION, mask, back, kind=kind)(given) for kind in ("bf16", "float32")}
    assert blobs["bf16"]["mask"].dtype == torch.float32
    inside = blobs["bf16"]["conv"].flatten(2).gather(2, blobs["bf16"]["mask"].long().flatten(2))
    torch.testing.assert_close(inside, blobs["bf16"]["pool"].flatten(2), rtol=0, atol=0)


def test_a_test_network_shares_the_parameters():
    learning = network(*WHOLE)
    tested = network(*WHOLE, training=False)
    tested.load(learning.weights())
    torch.testing.assert_close(tested(batch())["loss"], learning(batch())["loss"].detach(), rtol=0, atol=0)


def test_compiled_layers_are_refused_and_automatic_ones_left_out():
    with pytest.raises(UsageError, match="calculate in float32, not in bf16"):
        arrange(network(*WHOLE), "bf16", "fused")
    built = network(*WHOLE, kind="float32")
    assert arrange(built, "bf16", "auto") == ()
    assert built.fused is None


def test_each_layer_can_be_timed():
    net = network(*WHOLE).net
    timing = time_network(net, training=True, iterations=1, precision="bf16")
    assert [layer.name for layer in timing.layers] == ["data", "label", "conv", "relu", "pool", "ip", "loss"]
    plain = time_network(net, training=True, iterations=1)
    assert timing.loss == pytest.approx(plain.loss, rel=ROUNDING)


TRAINED = """
layer { name: "mnist" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 } data_param { source: "mnist_test_lmdb" batch_size: 20 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 5 stride: 2 weight_filler { type: "xavier" } } }
layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.05 momentum: 0.9 lr_policy: "fixed" max_iter: 12 test_iter: 2 test_interval: 4
display: 1 random_seed: 3 snapshot: 5 snapshot_prefix: "run" """


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(TRAINED)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


def job_of(kind="bf16", **values):
    chosen = [(key, str(value)) for key, value in values.items()]
    return replace(read_solver("solver.prototxt", Notes(), chosen), precision=kind)


def trained(job, trainer=Trainer, state=""):
    run = trainer(job, save=snapshots.save)
    if state:
        start = snapshots.read_start("", state, job, Notes())
        run.load(start.weights[0])
        run.resume(start.state)
    records = list(run.run())
    run.close()
    return run, records


def numbers(records, first=0):
    told = [r for r in records if isinstance(r, Progress | TestScores) and r.iteration >= first]
    return [(r.iteration, r.loss if isinstance(r, Progress) else r.outputs) for r in told]


def losses(records):
    return [r.loss for r in records if isinstance(r, Progress)]


def test_training_follows_float32_and_is_not_the_same(folder):
    run, records = trained(job_of())
    _, expected = trained(job_of("float32"))
    assert losses(records) != losses(expected)
    np.testing.assert_allclose(losses(records), losses(expected), rtol=4 * ROUNDING)
    buffers = [tensor for buffer in run.update.history.values() for tensor in buffer]
    assert {tensor.dtype for tensor in (*run.network.tensors, *buffers)} == {torch.float32}
    some = next(iter(run.network.tensors)).detach()
    assert not torch.equal(some, some.bfloat16().float())  # parameters are finer than what is multiplied
    assert run.fused == [(), ()]


def test_resuming_is_bit_identical(folder):
    whole, records = trained(job_of())
    state = next(r.state for r in records if isinstance(r, Snapshot) and r.iteration == 5)
    again, rest = trained(job_of(snapshot=0), state=state)
    assert numbers(rest, 5) == numbers(records, 5)
    for ours, theirs in zip(again.network.tensors, whole.network.tensors, strict=True):
        assert torch.equal(ours, theirs)


def test_captured_training_is_that_of_single_steps(folder):
    _, expected = trained(job_of(snapshot=0))
    captured, records = trained(job_of(snapshot=0), CapturedTrainer)
    assert captured.why_steps == ""
    # an update's products are rounded at another place, which bfloat16 then sees or not
    np.testing.assert_allclose(losses(records), losses(expected), rtol=ROUNDING)
    assert losses(records)[:2] == losses(expected)[:2]


class MetaFeeder:
    """Stored samples without numbers, on the device of tensors that have a shape and no more."""

    def __init__(self, feeder):
        ((self._batches, self._outputs),) = feeder.readers()
        self.feed = self._batches.feed
        self.indices = self._batches.indices

    def readers(self):
        return [(self, self._outputs)]

    def held(self):
        return tuple(samples.to("meta") for samples in self._batches.held())

    def made(self, samples):
        return self.feed.transform.apply(samples[0], True), samples[1].to("meta", torch.int64)


def test_nothing_in_a_captured_step_waits_for_the_device(folder, monkeypatch):
    monkeypatch.setattr("lenet.layers.labels.is_recording", lambda: True)
    job = job_of()
    learning = build(job.net.select(job.state), training=True, seed=1, device="meta")
    tested = build(job.tests[0].net.select(job.tests[0].state), seed=1, device="meta", share=learning)
    for each in (learning, tested):
        arrange(each, "bf16", "auto")
    with Feeder(learning, training=True) as feeder, Feeder(tested, training=False) as test_feeder:
        training = CapturedTraining(learning, MetaFeeder(feeder), Updater(job.solver, learning.trained))
        training._iterate(training._steps)
        test = CapturedTest(tested, MetaFeeder(test_feeder))
        test._answer(test._steps)


X86 = "processor\t: 0\nflags\t\t: fpu sse2 avx512f avx512_bf16 {}\nvmx flags\t: vnmi\n"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (X86.format("amx_tile amx_bf16"), "amx_bf16"),
        (X86.format(""), "avx512_bf16"),
        ("processor\t: 0\nflags\t\t: fpu sse2 avx2 amx_int8\n", ""),
        ("processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n", "bf16"),
        ("processor\t: 0\n", ""),
    ],
    ids=["AMX", "AVX-512", "neither", "Arm", "nothing is told"],
)
def test_units_of_the_processor(tmp_path, monkeypatch, told, found):
    (tmp_path / "cpuinfo").write_text(told)
    monkeypatch.setattr(precision, "_PROCESSOR", tmp_path / "cpuinfo")
    assert units(torch.device("cpu")) == found
    notes = Notes()
    note_slow("bf16", torch.device("cpu"), notes)
    assert [" has no units for it" in str(note) for note in notes] == [True] * (not found)
    note_slow("float32", torch.device("cpu"), notes)
    assert len(list(notes)) == (not found)


@pytest.mark.parametrize("amx", [True, False])
def test_units_where_there_is_no_linux_to_ask(tmp_path, monkeypatch, amx):
    monkeypatch.setattr(precision, "_PROCESSOR", tmp_path / "none")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert units(torch.device("cpu")) == ("amx_bf16" if amx else "")
