"""Training sample by sample as compiled code: the same numbers as on plain torch, for any chain of layers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.data.arrays import ArrayReader
from lenet.data.feed import Feed
from lenet.data.source import Source
from lenet.engine.build import build
from lenet.engine.online_plan import CompiledNetwork, NotCompiled, compiled
from lenet.engine.second_order import curvatures
from lenet.errors import DataError
from lenet.kernels import online
from lenet.kernels.library import Loaded
from lenet.kernels.online import why_not
from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.affine import Bias
from lenet.layers.answer_class import ClassAnswer, ClassTargets
from lenet.layers.channel_dense import ChannelDense
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization, SubtractiveNormalization
from lenet.layers.energy import SquaredError, TargetCrossEntropy
from lenet.layers.fillers import Uniform
from lenet.layers.pad import Pad
from lenet.layers.pooling import Pooling
from lenet.layers.power_pooling import GaussianPooling, PowerPooling
from lenet.layers.rectification import Absolute, LowerBound
from lenet.layers.sigmoid import LeakyTanH, ScaledTanH
from lenet.layers.subsampling import Subsampling
from lenet.layers.table_convolution import TableConvolution
from lenet.net import Net, Node, ParameterUse
from lenet.shapes import ShapeError
from lenet.solvers.hessian import DiagonalHessian

MISSING = why_not(torch.float64)
needs_kernels = pytest.mark.skipif(MISSING is not None, reason=f"no compiled kernels: {MISSING}")

CLASSES = 3
STEPS = 20
DIVERGED = 100.0  # an energy beyond any that such a network starts with
# Sums in another order differ by a few units in the last place, 2e-16, and each step starts from the last
# one's differences; the largest found over thousands of networks was a thousandth of these bounds.
BOUND = {torch.float64: 1e-11, torch.float32: 2e-3}
IMAGES = 5


@st.composite
def convolutions(draw, channels):
    """A table convolution: complete, or rows at random, some of the same input and output."""
    outputs, window, stride = draw(st.integers(1, 5)), draw(sides(5)), draw(sides(2))
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, channels - 1), st.integers(0, outputs - 1)), min_size=1, max_size=12
        )
    )
    complete = tuple((source, target) for target in range(outputs) for source in range(channels))
    table = complete if draw(st.booleans()) else tuple(rows)
    return TableConvolution(table, window, stride, weight_filler=Uniform(-0.7, 0.7))


def sides(most):
    return st.tuples(st.integers(1, most), st.integers(1, most))


@st.composite
def contrasts(draw, channels):
    kind = draw(st.sampled_from([ContrastNormalization, SubtractiveNormalization, DivisiveNormalization]))
    groups = draw(st.sampled_from([None, 1, channels]))
    options = {"coefficient": draw(st.sampled_from([0.0, 2.0])), "divided": draw(st.booleans())}
    if kind is not SubtractiveNormalization:
        options["floor"] = draw(st.sampled_from([None, 0.5, 1.0]))
        options["offset"] = draw(st.sampled_from([0.0, 0.125]))
        options["epsilon"] = draw(st.sampled_from([1e-6, 1e-2]))
    return kind(draw(sides(5)), groups=groups, **options)


@st.composite
def layers(draw, channels):
    window, stride = draw(sides(3)), draw(sides(3))
    return draw(
        st.one_of(
            convolutions(channels),
            contrasts(channels),
            st.sampled_from(
                [
                    Pad(draw(st.tuples(*[st.integers(0, 3)] * 4))),
                    Bias(bias_filler=Uniform(-0.5, 0.5)),
                    ChannelDense(draw(st.integers(1, 4)), Uniform(-0.7, 0.7)),
                    *(TanH(), LeakyTanH(0.125), ScaledTanH(), ScaledTanH(0.25), Absolute()),
                    *(ReLU(), ReLU(0.25), LowerBound(), LowerBound(-0.25)),
                    Subsampling(window, weight_filler=Uniform(0.3, 0.9)),
                    *(GaussianPooling(window, stride), PowerPooling(2, window, stride)),
                    Pooling("max", window, stride, rounding="floor"),
                    Pooling("average", window, stride, rounding="floor"),
                ]
            ),
        )
    )


class Given(Source):
    """Images of one size, and their labels."""

    def __init__(self, shape):
        self.shape = shape

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__

    def open(self, channels=None):
        numbers = np.random.default_rng(int(np.prod(self.shape)))
        images = numbers.uniform(-1, 1, (IMAGES, *self.shape)).astype(np.float32)
        return ArrayReader(images, np.arange(IMAGES) % CLASSES)


def chain(kinds, shape, energy=SquaredError, answer=True):
    """A net of these layers one after the other, from images of this shape to an energy."""
    nodes = [Node("data", Feed(Given(shape), 1), outputs=("image", "label"))]
    for number, kind in enumerate(kinds):
        before = nodes[-1].outputs[0]
        nodes.append(Node(f"layer{number}", kind, (before,), (f"blob{number}",)))
    outputs = nodes[-1].outputs[0]
    if answer:
        nodes.append(Node("answer", ClassAnswer(), (outputs,), ("class", "confidence")))
    nodes.append(Node("target", ClassTargets(CLASSES), ("label",), ("wanted",)))
    nodes.append(Node("energy", energy(), (outputs, "wanted"), ("energy",), loss_weights=(1.0,)))
    return Net("chain", tuple(nodes))


@st.composite
def nets(draw):
    """A chain of layers that fit one after the other; those that do not fit are left out."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 17)), draw(st.integers(1, 17)))
    kinds, before = [], (1, *shape)
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(layers(before[1]))
        try:
            after = kind.shape([before])[0]
        except ShapeError:
            continue
        if after[1] * after[2] * after[3] <= 2000:
            kinds.append(kind)
            before = after
    table = tuple((source, target) for target in range(CLASSES) for source in range(before[1]))
    kinds.append(TableConvolution(table, before[2:], weight_filler=Uniform(-0.3, 0.3)))
    return chain(kinds, shape, draw(st.sampled_from([SquaredError, TargetCrossEntropy])))


def learner(net, dtype, update, kernels):
    """A network with a history, rates already found, and its plan."""
    network = build(net, training=True, seed=1, dtype=dtype)
    history = update.start([entry.tensor for entry in network.trained])
    return network, history, compiled(network, kernels, history, update)


def samples(net, dtype):
    images, labels = net.nodes[0].kind.source.open().read_all()
    return {"image": torch.from_numpy(images).to(dtype), "label": torch.from_numpy(labels)}


def second_derivatives(network, inputs):
    blobs = network(inputs)
    return curvatures(network, blobs, {"energy": torch.ones_like(blobs["energy"])})


def torch_step(network, history, update, inputs, rate):
    tensors = [entry.tensor for entry in network.trained]
    loss = network.loss(network(inputs))
    found = torch.autograd.grad(loss, tensors, allow_unused=True)
    gradients = [torch.zeros_like(t) if one is None else one for one, t in zip(found, tensors, strict=True)]
    with torch.no_grad():
        update.step(tensors, [g.clone() for g in gradients], [rate] * len(tensors), history, 0)
    return float(loss.detach()), gradients


def assert_close(found, wanted, bound):
    """Equal up to a part of the largest number."""
    for one, other in zip(found, wanted, strict=True):
        largest = max(1e-3, float(other.detach().abs().max()))
        assert float((one - other).detach().abs().max()) <= bound * largest


@needs_kernels
@settings(max_examples=25, deadline=None)
@given(nets(), st.sampled_from(sorted(BOUND, key=str)), st.booleans())
def test_any_chain_learns_as_on_plain_torch(net, dtype, plain):
    """Energies, answers, gradients, second derivatives, and the parameters after some steps."""
    update = DiagonalHessian() if plain else DiagonalHessian(inertia=0.5, l1=0.01, l2=0.1)
    network, history, _ = learner(net, dtype, update, "torch")
    other, _, plan = learner(net, dtype, update, "fused")
    everything = samples(net, dtype)
    assert_close(plan.curvatures(everything), second_derivatives(network, everything), BOUND[dtype])
    found, wanted = plan(everything), network(everything)
    for name in ("energy", net.nodes[-1].inputs[0], "confidence"):
        assert_close([found[name]], [wanted[name]], BOUND[dtype])
    for step in range(STEPS):
        one = {name: tensor[step % IMAGES : step % IMAGES + 1] for name, tensor in everything.items()}
        energy, gradients = torch_step(network, history, update, one, 0.002)
        if not energy < DIVERGED:  # then differences grow as well
            return
        assert plan.learn(one, 0.002) == pytest.approx(energy, rel=BOUND[dtype], abs=BOUND[dtype])
        if plain:  # with decay that is added to them
            assert_close(plan.gradients, gradients, BOUND[dtype])
    assert_close(list(other.parameters()), list(network.parameters()), BOUND[dtype])


@needs_kernels
def test_the_same_numbers_every_time():
    first, second = (learner(small(), torch.float64, DiagonalHessian(), "fused") for _ in range(2))
    inputs = samples(small(), torch.float64)
    for _, _, plan in (first, second):
        for step in range(IMAGES):
            plan.learn({name: tensor[step : step + 1] for name, tensor in inputs.items()}, 0.1)
    for one, other in zip(first[0].parameters(), second[0].parameters(), strict=True):
        assert torch.equal(one, other)


def small(*more, **options):
    kinds = [Bias(bias_filler=Uniform(0, 0.5)), *more]
    table = tuple((source, target) for target in range(CLASSES) for source in range(2))
    return chain(
        [*kinds, TableConvolution(table, (3, 3), weight_filler=Uniform(-1, 1))], (2, 3, 3), **options
    )


def start(net, dtype=torch.float64):
    network = build(net, training=True, seed=1, dtype=dtype)
    history = DiagonalHessian().start([entry.tensor for entry in network.trained])
    return network, history, DiagonalHessian()


@needs_kernels
@pytest.mark.parametrize(
    "net",
    [
        small(Sigmoid()),
        small(Pad((1, 1, 1, 1), "mirror"), Pooling("max", (3, 3), rounding="floor")),
        small(ContrastNormalization((3,), standardized=True)),
        small(ContrastNormalization((3,), learned=True)),
        small(Bias(axes=2)),
        small(PowerPooling(4, (1, 1), (1, 1))),
    ],
)
def test_what_has_no_compiled_form_runs_on_torch(net):
    assert compiled(start(net)[0], "auto", *start(net)[1:]) is None
    with pytest.raises(NotCompiled, match=r"layer 'layer1' .* has no compiled form"):
        compiled(start(net)[0], "fused", *start(net)[1:])


@needs_kernels
def test_networks_that_are_no_chain_run_on_torch():
    shared = small(Bias())
    nodes = [replace(n, uses=(ParameterUse(share="b"),)) if type(n.kind) is Bias else n for n in shared.nodes]
    with pytest.raises(NotCompiled, match="share a parameter"):
        CompiledNetwork(start(replace(shared, nodes=tuple(nodes)))[0])
    twice = replace(shared.nodes[-1], name="again", outputs=("energy2",))
    with pytest.raises(NotCompiled, match="layer 'again'"):
        CompiledNetwork(start(replace(shared, nodes=(*shared.nodes, twice)))[0])
    with pytest.raises(NotCompiled, match=r"there is none for torch\.bfloat16"):
        CompiledNetwork(build(small(), training=True, seed=1, dtype=torch.bfloat16))


@needs_kernels
def test_layers_that_do_not_learn_stay():
    net, dtype = small(), torch.float64
    frozen = tuple(
        replace(node, uses=(ParameterUse(rate=0.0),)) if type(node.kind) is Bias else node
        for node in net.nodes
    )
    network = build(replace(net, nodes=frozen), training=True, seed=1, dtype=dtype)
    learning = [entry.tensor for entry in network.trained if entry.rate]
    plan = CompiledNetwork(network, DiagonalHessian().start(learning), DiagonalHessian())
    before = [tensor.detach().clone() for tensor in network.parameters()]
    plan.learn({name: tensor[:1] for name, tensor in samples(net, dtype).items()}, 0.1)
    changed = [not torch.equal(one, other) for one, other in zip(network.parameters(), before, strict=True)]
    assert changed == [False, True]
    assert len(plan.gradients) == len(plan.curvatures(samples(net, dtype))) == 1


@needs_kernels
def test_an_energy_that_is_no_number_changes_nothing():
    network, history, update = start(small())
    plan = CompiledNetwork(network, history, update)
    inputs = {name: tensor[:1] for name, tensor in samples(small(), torch.float64).items()}
    before = [tensor.detach().clone() for tensor in network.parameters()]
    inputs["image"] = inputs["image"].clone()
    inputs["image"][0, 1, 2, 2] = float("nan")
    assert np.isnan(plan.learn(inputs, 0.1))
    assert all(torch.equal(*pair) for pair in zip(network.parameters(), before, strict=True))


@needs_kernels
@pytest.mark.parametrize("kind", [TanH(), ScaledTanH(), Absolute(), ReLU(), ReLU(0.5), LowerBound(0.25)])
def test_numbers_that_are_none_stay_none(kind):
    """And so do the infinite, as far as the function lets them."""
    net = small(kind)
    network, history, update = start(net)
    plan, inputs = CompiledNetwork(network, history, update), samples(net, torch.float64)
    for special in (float("nan"), float("inf"), -float("inf"), -0.0, 1e300, 1e-300):
        inputs["image"] = inputs["image"].clone()
        inputs["image"][0, 1, 1, 1] = special
        np.testing.assert_allclose(plan(inputs)["energy"], network(inputs)["energy"].detach(), rtol=1e-12)


@needs_kernels
@pytest.mark.parametrize("size", [1e-300, 1e-20, 1e-9, 1e-3, 0.1, 0.5, 1.0, 3.0, 19.0, 25.0, 700.0])
def test_the_hyperbolic_tangent_is_exact_near_zero_too(size):
    numbers = torch.linspace(-size, size, 1001, dtype=torch.float64)
    images = torch.stack([numbers] * CLASSES, 1)[..., None, None]
    plan = CompiledNetwork(*start(chain([Bias(), TanH()], (CLASSES, 1, 1))))
    found = plan({"image": images, "label": torch.zeros(1001, dtype=torch.int64)})["blob1"]
    torch.testing.assert_close(found, images.tanh(), rtol=1e-15, atol=0)


@needs_kernels
def test_labels_outside_the_classes_are_refused():
    plan, inputs = CompiledNetwork(*start(small())), samples(small(), torch.float64)
    inputs["label"] = inputs["label"] + CLASSES
    with pytest.raises(DataError, match="label 3 is none of the 3 classes"):
        plan({name: tensor[:1] for name, tensor in inputs.items()})


@needs_kernels
def test_other_sizes_are_refused():
    plan, inputs = CompiledNetwork(*start(small())), samples(small(), torch.float64)
    inputs["image"] = inputs["image"][..., :2]
    with pytest.raises(ShapeError, match="each takes 18 and 3"):
        plan(inputs)


@needs_kernels
def test_networks_that_are_not_on_the_cpu_run_on_torch():
    net = small()
    network = build(net, training=True, seed=1, device="meta")
    with pytest.raises(NotCompiled, match="do not lie on the CPU"):
        CompiledNetwork(network)


def test_without_the_library_plain_torch_is_used(monkeypatch):
    missing = Loaded(None, reason="it was not compiled", hint="compile it")
    monkeypatch.setattr(online, "load", lambda: missing)
    assert compiled(start(small())[0], "auto") is None
    with pytest.raises(NotCompiled, match="no compiled kernels: it was not compiled"):
        compiled(start(small())[0], "fused")
