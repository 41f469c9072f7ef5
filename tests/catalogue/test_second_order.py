"""Diagonal second derivatives: every layer that has a rule for them x every check.

A rule is right where it gives the squared Jacobian times the curvature of the outputs; where EBLearn's
own rule is another one, and ours follows it, recorded numbers decide (tests/golden).
"""

import pytest
import torch
from test_layers import RUNNING, SIZES, SMALL, parameters, run, tensors

from lenet.errors import DescriptionError
from lenet.layers import Colour, Convolution, Fit, Jitter, LaplacianPyramid, PlainDropout, Silence

# rules that leave something out, or are not those of the values, on purpose: see Differs of each layer
OF_ITS_OWN = {
    "scaled_tanh",
    "leaky_tanh",
    "lower_bound",
    "tanh_shrink",
    "subtractive_normalization",
    "divisive_normalization",
    "contrast_normalization",
    "dropout",
    "plain_dropout",
    "pad",
    "squared_error",  # a loss starts the way back
    "target_cross_entropy",
}
PREPARING = Colour | Fit | Jitter | LaplacianPyramid | Silence  # give their inputs nothing


def has_rule(case):
    try:
        case.layer.curvature(case.shapes(SIZES))
    except DescriptionError:
        return False
    return True


WITH_RULE = [case for case in RUNNING if has_rule(case)]
EXACT = [
    case
    for case in WITH_RULE
    if not isinstance(case.layer, PREPARING)
    and (case.name not in OF_ITS_OWN or (case.name == "pad" and case.gradient))
    and not case.name.endswith("_penalty")
]
with_rule = pytest.mark.parametrize("case", WITH_RULE, ids=str)


def outputs_of(case, shapes, inputs, weights):
    """The outputs that a loss can see: not the places that a maximum was at."""
    found = run(case, shapes, inputs, weights)
    return found[:1] if getattr(case.layer, "mask", False) else found


def curved(case, shapes, inputs, weights, outputs):
    return case.layer.curvature(shapes)(inputs, weights, outputs)


def weighed(outputs):
    generator = torch.Generator().manual_seed(5)
    return [torch.rand(output.shape, generator=generator, dtype=output.dtype) for output in outputs]


@with_rule
def test_shapes_are_those_of_inputs_and_parameters(case):
    shapes = case.shapes(SIZES)
    inputs, weights = tensors(case, shapes), parameters(case, shapes)
    for tensor in (*inputs, *weights):
        tensor.requires_grad_(tensor.is_floating_point())
    outputs = weighed(run(case, shapes, inputs, weights))
    of_inputs, of_weights = curved(case, shapes, inputs, weights, outputs)
    assert len(of_inputs) == len(inputs)
    assert [tuple(found.shape) for found in of_weights] == [tuple(weight.shape) for weight in weights]
    for found, given in zip(of_inputs, inputs, strict=True):
        assert found is None or found.shape == given.shape
    for found in (*of_inputs, *of_weights):
        assert found is None or (found.isfinite().all() and not found.requires_grad)
    assert all(tensor.grad is None for tensor in (*inputs, *weights))


@pytest.mark.parametrize("case", EXACT, ids=str)
def test_is_the_squared_jacobian(case):
    shapes = case.shapes(SMALL)
    inputs, weights = tensors(case, shapes, torch.float64), parameters(case, shapes, torch.float64)

    def outputs(*given):
        return outputs_of(case, shapes, given[: len(inputs)], given[len(inputs) :])

    given = weighed(outputs(*inputs, *weights))
    jacobians = torch.autograd.functional.jacobian(outputs, (*inputs, *weights))
    of_inputs, of_weights = curved(case, shapes, inputs, weights, given)
    for index, found in enumerate((*of_inputs, *of_weights)):
        expected = sum(
            (output.flatten() @ rows[index].reshape(output.numel(), -1).square())
            for output, rows in zip(given, jacobians, strict=True)
        )
        torch.testing.assert_close(found, expected.view(found.shape), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", [c for c in WITH_RULE if c.has_batch and not c.training], ids=str)
def test_samples_of_a_batch_do_not_know_of_each_other(case):
    shapes = case.shapes(SIZES | {"N": 3})
    inputs, weights = tensors(case, shapes, torch.float64), parameters(case, shapes, torch.float64)
    outputs = run(case, shapes, inputs, weights)
    if any(output.dim() and len(output) != 3 for output in outputs):
        pytest.skip("mixes the samples on purpose: it works on axis 0")
    given = weighed(outputs)
    of_inputs, of_weights = curved(case, shapes, inputs, weights, given)
    alone = [one_sample(case, inputs, weights, given, index) for index in range(3)]
    for index, (values, own, _) in enumerate(alone):
        for together, single in zip((*outputs, *of_inputs), (*values, *own), strict=True):
            if together is not None and together.dim():
                torch.testing.assert_close(together[index : index + 1], single, rtol=1e-9, atol=1e-12)
    for together, *singles in zip(of_weights, *(theirs for _, _, theirs in alone), strict=True):
        torch.testing.assert_close(together, sum(singles), rtol=1e-9, atol=1e-12)


def one_sample(case, inputs, weights, given, index):
    inputs = [tensor[index : index + 1] for tensor in inputs]
    given = [tensor[index : index + 1] if tensor.dim() else tensor for tensor in given]
    shapes = [tuple(tensor.shape) for tensor in inputs]
    return (run(case, shapes, inputs, weights), *curved(case, shapes, inputs, weights, given))


@with_rule
def test_single_precision_agrees_with_double(case):
    shapes = case.shapes(SIZES)
    found = []
    for dtype in (torch.float64, torch.float32):
        inputs, weights = tensors(case, shapes, torch.float64), parameters(case, shapes, torch.float64)
        inputs, weights = [t.to(dtype) for t in inputs], [t.to(dtype) for t in weights]
        outputs = run(case, shapes, inputs, weights)
        given = [tensor.to(dtype) for tensor in weighed([output.double() for output in outputs])]
        of_inputs, of_weights = curved(case, shapes, inputs, weights, given)
        found.append([tensor for tensor in (*outputs, *of_inputs, *of_weights) if tensor is not None])
        assert all(tensor.dtype == dtype for tensor in found[-1])
    for double, single in zip(*found, strict=True):
        if not case.training:  # random numbers are drawn per type
            usual = double.abs() < 1e30  # empty windows of a maximum give the type's lowest number
            room = 1e-4 * float(double[usual].abs().max())
            torch.testing.assert_close(single.double()[usual], double[usual], rtol=0, atol=room)


@with_rule
def test_nothing_is_left_on_another_device(case):
    """torch's "meta" device has shapes only, and refuses to work with numbers that lie elsewhere."""
    shapes = case.shapes(SIZES)
    inputs, weights = ([t.to("meta") for t in made(case, shapes)] for made in (tensors, parameters))
    outputs = run(case, shapes, inputs, weights)
    of_inputs, of_weights = curved(case, shapes, inputs, weights, [torch.ones_like(o) for o in outputs])
    for found in (*outputs, *of_inputs, *of_weights):
        assert found is None or found.device.type == "meta"


def test_a_layer_without_a_rule_says_so():
    with pytest.raises(DescriptionError, match="LRN has no rule for second derivatives"):
        next(case for case in RUNNING if case.name == "lrn").layer.curvature([(1, 4, 5, 5)])


def test_shared_windows_add_up():
    """A convolution with two inputs hands back one curvature for its one window."""
    layer, shape = Convolution(1, (1,), bias=False), (1, 1, 1, 1)
    two, three, one = (torch.full(shape, number) for number in (2.0, 3.0, 1.0))
    of_inputs, (of_weight,) = layer.curvature([shape, shape])([two, three], [two], [one, one])
    assert [float(found) for found in of_inputs] == [4, 4]
    assert float(of_weight) == 2**2 + 3**2


def test_expected_curvature_of_dropped_numbers():
    for drops, kept in (("training", 0.6), ("always", 0.6), ("never", 0.36)):
        rule = PlainDropout(0.4, drops).curvature([(1, 1)])
        ((found,), _) = rule([torch.ones(1, 1)], [], [torch.ones(1, 1)])
        assert float(found) == pytest.approx(kept)
