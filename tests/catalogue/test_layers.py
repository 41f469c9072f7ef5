"""Every layer of the catalogue x every check.

A new layer needs a row in CASES, nothing else; letters in a shape stand for sizes that the checks vary.
"""

import inspect
import math
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, fields

import pytest
import torch
from caffe_cases import CAFFE_ROWS
from exchange_cases import EXCHANGE_ROWS
from fork_cases import FORK_ROWS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from image_cases import ROWS

from lenet.layers import (
    LAYERS,
    LRN,
    Accuracy,
    Concat,
    Convolution,
    Dense,
    Dropout,
    Eltwise,
    Flatten,
    Input,
    Pooling,
    ReLU,
    Sigmoid,
    Silence,
    Softmax,
    SoftmaxLoss,
    Split,
    TanH,
)
from lenet.layers.draws import Draws
from lenet.layers.fillers import Gaussian
from lenet.shapes import ShapeError

SIZES = {"N": 2, "C": 4, "H": 5, "W": 6, "D": 4, "K": 3, "L": 2}
SMALL = {"N": 1, "C": 2, "H": 4, "W": 3, "D": 2, "K": 2, "L": 1}  # a gradient check runs once per number


@dataclass(frozen=True)
class Case:
    """A layer under its name, the shapes of its inputs, and what the checks have to know of it."""

    name: str
    layer: object
    inputs: tuple = ()
    has_batch: bool = True  # the first axis may change between calls
    gradient: bool = True
    training: bool = False
    labels: tuple = ()  # (input, number of classes): this input holds whole numbers below it

    writes: bool = False  # a file, which a test of its own looks at

    def __str__(self):
        changed = [
            f"{f.name}={getattr(self.layer, f.name)}" for f in fields(self.layer) if "filler" not in f.name
        ]
        shapes = ",".join("x".join(str(axis) for axis in shape) for shape in self.inputs)
        return f"{self.name}({','.join(changed)})-{shapes}".replace(" ", "")

    def shapes(self, sizes):
        return [tuple(sizes.get(axis, axis) for axis in shape) for shape in self.inputs]


IMAGE = tuple("NCHW")
FILL = {"weight_filler": Gaussian(std=0.3), "bias_filler": Gaussian(std=0.3)}


def convolution(window, **given):
    return Convolution(given.pop("outputs", 4), window, **given, **FILL)


def pooling(method, window, *geometry, rounding="ceil", **given):
    return Pooling(method, window, *geometry, rounding=rounding, **given)


CASES = [
    Case("input", Input(shapes=((2, 3), (2,))), gradient=False, has_batch=False),
    Case("convolution", convolution((3,)), (IMAGE,)),
    Case("convolution", convolution((3, 2), stride=(2,), pad=(1, 0), dilation=(1, 2)), (IMAGE,)),
    Case("convolution", convolution((2,), groups=2, bias=False), ((*"N", 4, *"HW"),)),
    Case("convolution", convolution((2,), pad=(3,)), (IMAGE, IMAGE)),
    Case("convolution", convolution((3,), stride=(2,), pad=(1,)), (tuple("NCW"),)),
    Case("convolution", convolution((2, 1, 2), outputs=2), (tuple("NCDHW"),)),
    Case("convolution", convolution((2,), axis=2), (tuple("NKCHW"),)),
    Case("convolution", convolution((2,), axis=0), (tuple("CHW"),), has_batch=False),
    Case("convolution", convolution((2,), axis=-3), (tuple("NCHW"),)),
    Case("pooling", pooling("max", (2,), (2,)), (IMAGE,)),
    Case("pooling", pooling("max", (3, 2), (2,), (1,), mask=True), (IMAGE,)),
    Case("pooling", pooling("max", (3,), (2,), (2, 0), rounding="floor"), (IMAGE,)),
    Case("pooling", pooling("max", (1,), (3,)), (IMAGE,)),
    Case("pooling", pooling("max", None), (IMAGE,)),
    Case("pooling", pooling("average", (2,), (2,)), (IMAGE,)),
    Case("pooling", pooling("average", (3, 2), (2,), (1,)), (IMAGE,)),
    Case("pooling", pooling("average", (3,), (2,), (2, 1), rounding="floor"), (IMAGE,)),
    Case("pooling", pooling("average", None), (IMAGE,)),
    Case("pooling", pooling("stochastic", (2,), (2,)), (IMAGE,)),
    Case("pooling", pooling("stochastic", (3,), (2,)), (IMAGE,), training=True),
    Case("dense", Dense(3, **FILL), (IMAGE,)),
    Case("dense", Dense(3, bias=False, transposed=True, **FILL), (tuple("NC"),)),
    Case("dense", Dense(3, axis=-1, transposed=True, **FILL), (tuple("NCW"),)),
    Case("dense", Dense(3, axis=0, **FILL), (tuple("NC"),), has_batch=False),
    Case("relu", ReLU(), (IMAGE,)),
    Case("relu", ReLU(slope=0.1), (tuple("NC"),)),
    Case("relu", ReLU(slope=-0.5), (tuple("NC"),)),
    Case("tanh", TanH(), (IMAGE,)),
    Case("sigmoid", Sigmoid(), (IMAGE,)),
    Case("dropout", Dropout(0.4), (IMAGE,)),
    Case("dropout", Dropout(0.4), (IMAGE,), training=True),
    Case("dropout", Dropout(0.0), (tuple("N"),), training=True),
    Case("lrn", LRN(3, 0.9, 0.75, 2.0, "across"), (IMAGE,)),
    Case("lrn", LRN(9, 0.9, 0.5, 1.0, "across"), (IMAGE,)),
    Case("lrn", LRN(3, 0.9, 0.75, 2.0, "within"), (IMAGE,)),
    Case("softmax", Softmax(), (IMAGE,)),
    Case("softmax", Softmax(axis=-1), (tuple("NC"),)),
    Case("accuracy", Accuracy(), (tuple("NC"), tuple("N")), gradient=False),
    Case("accuracy", Accuracy(per_class=True, ignore_label=0), (IMAGE, tuple("NHW")), gradient=False),
    Case("accuracy", Accuracy(axis=-1, top_k=2), ((*"NH", 5), tuple("NH")), gradient=False),
    Case("softmax_loss", SoftmaxLoss(), (tuple("NC"), tuple("N"))),
    Case("softmax_loss", SoftmaxLoss(), (tuple("NC"), (*"N", 1))),
    Case("softmax_loss", SoftmaxLoss(ignore_label=1, probabilities=True), (IMAGE, tuple("NHW"))),
    Case("softmax_loss", SoftmaxLoss(ignore_label=1, normalization="full"), (IMAGE, (*"N", 1, *"HW"))),
    Case("softmax_loss", SoftmaxLoss(axis=-1, normalization="batch_size"), (tuple("NHC"), tuple("NH"))),
    Case("softmax_loss", SoftmaxLoss(normalization="none"), (IMAGE, tuple("NHW"))),
    Case("split", Split(copies=3), (IMAGE,)),
    Case("split", Split(copies=1), (tuple("N"),)),
    Case("flatten", Flatten(), (IMAGE,)),
    Case("flatten", Flatten(axis=-3, end_axis=2), (IMAGE,)),
    Case("flatten", Flatten(axis=0), (tuple("NC"),)),
    Case("silence", Silence(), (IMAGE, tuple("N")), gradient=False),
    Case("concat", Concat(), (tuple("NCH"), tuple("NKH"), tuple("NLH"))),
    Case("concat", Concat(axis=-1), (tuple("NC"),)),
    Case("concat", Concat(axis=0), (tuple("NC"), tuple("NC"))),
    Case("eltwise", Eltwise("sum"), (IMAGE, IMAGE, IMAGE)),
    Case("eltwise", Eltwise("sum", (0.5, -1.5)), (tuple("N"), tuple("N"))),
    Case("eltwise", Eltwise("product"), (IMAGE, IMAGE, IMAGE)),
    Case("eltwise", Eltwise("product", stable=False), (tuple("NC"), tuple("NC"))),
    Case("eltwise", Eltwise("max"), (IMAGE, IMAGE, IMAGE)),
]
CASES += [Case(*row[:3], **dict(*row[3:])) for row in (*ROWS, *CAFFE_ROWS, *EXCHANGE_ROWS, *FORK_ROWS)]
RUNNING = [case for case in CASES if not isinstance(case.layer, Input) and not case.writes]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_running = pytest.mark.parametrize("case", RUNNING, ids=str)


def tensors(case, shapes, dtype=torch.float32):
    """Inputs without equal numbers and away from 0, so that no maximum and no kink is near; labels last."""
    generator = torch.Generator().manual_seed(1)
    total = sum(math.prod(shape) for shape in shapes)
    numbers = torch.linspace(-2, 2, 2 * total + 2, dtype=dtype)[1::2][
        torch.randperm(total, generator=generator)
    ]
    parts = numbers.split([math.prod(shape) for shape in shapes])
    inputs = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    if isinstance(case.layer, SoftmaxLoss | Accuracy):
        classes = shapes[0][case.layer.axis]
        inputs[1] = torch.randint(classes, shapes[1], generator=generator)
    if case.labels:
        place, classes = case.labels
        inputs[place] = torch.randint(classes, shapes[place], generator=generator)
    if getattr(case.layer, "method", "") == "stochastic":
        inputs = [tensor.abs() for tensor in inputs]
    return inputs


def parameters(case, shapes, dtype=torch.float32):
    draws = Draws(2)
    wanted = case.layer.parameters(shapes).values()
    return [torch.from_numpy(p.filler.values(p.shape, draws)).to(dtype) for p in wanted]


def run(case, shapes, inputs, weights):
    torch.manual_seed(3)
    outputs = case.layer.operation(shapes, case.training)(inputs, *weights)
    return (outputs,) if isinstance(outputs, torch.Tensor) else outputs


def test_every_layer_has_a_case():
    assert {case.name for case in CASES} == set(LAYERS)


@every_case
def test_registered_under_its_name(case):
    assert LAYERS[case.name] is type(case.layer)
    assert LAYERS.name_of(type(case.layer)) == case.name


@every_case
def test_frozen_and_comparable(case):
    assert hash(case.layer) == hash(type(case.layer)(**vars(case.layer)))
    with pytest.raises(FrozenInstanceError):
        case.layer.anything = 1


@pytest.mark.parametrize("name", LAYERS)
def test_documented(name):
    text = inspect.getdoc(LAYERS[name])
    for part in ("Shape: ", "Parameters: ", "Differs: ", ">>> "):
        assert part in text
    settings = [field.name for field in fields(LAYERS[name]) if "filler" not in field.name]
    assert [name for name in settings if f"`{name}`" not in text] == []


@every_running
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_shape_rule_is_that_of_torch(case, data):
    sizes = {letter: data.draw(st.integers(1, 9), letter) for letter in SIZES}
    shapes = case.shapes(sizes)
    try:
        expected = case.layer.shape(shapes)
    except ShapeError:
        assume(False)
    outputs = run(case, shapes, tensors(case, shapes), parameters(case, shapes))
    assert tuple(tuple(output.shape) for output in outputs) == expected
    assert all(output.is_floating_point() for output in outputs)


@every_running
def test_parameters_are_used_as_declared(case):
    """The operation takes exactly its declared parameters, in order, and each one matters."""
    shapes = case.shapes(SIZES)
    weights = [tensor.requires_grad_() for tensor in parameters(case, shapes)]
    outputs = run(case, shapes, tensors(case, shapes), weights)
    declared = case.layer.parameters(shapes)
    assert all(
        name in {"mean", "variance", "count"} or name.endswith(("weight", "bias")) for name in declared
    )
    if all(parameter.learned for parameter in declared.values()) and weights:
        gradients = torch.autograd.grad(sum(output.sum() for output in outputs), weights)
        assert all(gradient.count_nonzero() for gradient in gradients)


@pytest.mark.parametrize("case", [case for case in RUNNING if case.gradient], ids=str)
def test_gradient_in_float64(case):
    shapes = case.shapes(SMALL)
    inputs, weights = tensors(case, shapes, torch.float64), parameters(case, shapes, torch.float64)
    learned = [p.learned for p in case.layer.parameters(shapes).values()]
    variables = [t.requires_grad_() for t in inputs if t.is_floating_point()]
    variables += [t.requires_grad_(wanted) for t, wanted in zip(weights, learned, strict=True)]
    labels = [t for t in inputs if not t.is_floating_point()]

    def outputs(*given):
        together = [*given[: len(inputs) - len(labels)], *labels]
        found = run(case, shapes, together, given[len(together) - len(labels) :])
        return found[:1] if getattr(case.layer, "mask", False) else found

    assert torch.autograd.gradcheck(outputs, variables, atol=1e-6, check_undefined_grad=False)


@every_running
def test_memory_layout_changes_nothing(case):
    shapes = case.shapes(SIZES)
    inputs, weights = tensors(case, shapes), parameters(case, shapes)

    def last(tensor):
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor

    pairs = zip(
        run(case, shapes, inputs, weights),
        run(case, shapes, [last(tensor) for tensor in inputs], [last(tensor) for tensor in weights]),
        strict=True,
    )
    for plain, channels_last in pairs:
        if not case.training:  # random numbers are drawn in the order of memory
            torch.testing.assert_close(plain, channels_last, rtol=1e-5, atol=1e-6)
        assert plain.shape == channels_last.shape


@pytest.mark.parametrize("case", [case for case in RUNNING if case.has_batch], ids=str)
def test_batch_may_change(case):
    built, called = case.shapes(SIZES), case.shapes(SIZES | {"N": 5})
    inputs, weights = tensors(case, called), parameters(case, built)
    outputs = case.layer.operation(built, case.training)(inputs, *weights)
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    assert tuple(tuple(output.shape) for output in outputs) == case.layer.shape(called)


def test_describing_does_not_import_torch():
    code = (
        "import sys; from lenet.layers import Convolution as C, Pooling as P;"
        "s = C(20, (5,)).shape([(1, 1, 28, 28)]); P('max', (2,), rounding='ceil').shape(s);"
        "C(20, (5,)).parameters([(1, 1, 28, 28)]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
