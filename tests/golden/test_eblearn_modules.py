"""Every layer against what the real EBLearn computed: values, gradients and second derivatives.

Recorded in float64 with one module at a time (tests/oracle/eblearn/modules, one sample without a batch
axis).  Tolerances are parts of a tensor's largest absolute value: 1e-10 in float64, some hundred
thousand roundings (the worst tensor differs by 4e-15), and 1e-5 in float32, some hundred (1e-6).
No recorded number is left out.  What is not there was not recorded because EBLearn stopped before:
gradients of wavgpool (GaussianPooling) and sshrink (SmoothShrink), which crash, of linear_map, which
it has for one position only, of sparse_linear, of dropout_test, of the colour modules and resize.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.data.knuth import Knuth
from lenet.layers import (
    Absolute,
    Bias,
    ChannelDense,
    Colour,
    ContrastNormalization,
    DivisiveNormalization,
    GaussianPooling,
    LeakyTanH,
    LowerBound,
    Pad,
    PlainDropout,
    PowerPooling,
    Resize,
    Scale,
    ScaledTanH,
    SmoothShrink,
    Split,
    Subsampling,
    SubtractiveNormalization,
    TableConvolution,
    TableDense,
    TanH,
    TanhShrink,
)
from lenet.layers.connection_table import full_table
from lenet.layers.fillers import Constant
from lenet.layers.gaussian_window import gaussian_window
from lenet.layers.pad import sides_for
from lenet.shapes import count

ORACLE = Path(__file__).parents[1] / "oracle" / "eblearn" / "modules"
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
TABLE = tuple(map(tuple, np.load(ORACLE / "conv_table.npz")["table"].tolist()))
FACTOR = {"weight_filler": Constant(0.5)}  # subs starts with 1 / sqrt(stride area)

LAYERS_OF = {
    "abs": [Absolute()],
    "addc": [Bias()],
    "conv_full": [TableConvolution(full_table(2, 3), (3, 3))],
    "conv_stride2": [TableConvolution(full_table(2, 3), (3, 3), (2, 2))],
    "conv_table": [TableConvolution(TABLE, (5, 5))],
    "convl": [TableConvolution(full_table(2, 3), (3, 3)), Bias(), TanH()],
    "copy": [Split(copies=1)],
    "diag": [Scale()],
    "dnorm": [DivisiveNormalization((5, 5))],
    "dropout_test": [PlainDropout(0.3, drops="never")],
    "l2pool_k3s2": [PowerPooling(2, (3, 3), (2, 2))],
    "l4pool": [PowerPooling(4, (2, 2), (2, 2))],
    "linear": [ChannelDense(4)],
    "linear_map": [ChannelDense(4)],
    "lppool3": [PowerPooling(3, (2, 2), (2, 2), unsigned=True)],
    "relu": [LowerBound(0.0)],
    "relu_thr": [LowerBound(0.25)],
    "resize_bilinear_half": [Resize(ratio=(0.5, 0.5))],
    "rgb_to_rgb": [Colour("rgb", ((3, "global"),))],
    "rgb_to_y": [Colour("y", ((1, "global"),))],
    "rgb_to_ypuv": [Colour("yuv", ((1, "local"), (2, "global")))],
    "rgb_to_ypuv_noglob": [Colour("yuv", ((1, "local"), (2, "fixed")))],
    "rgb_to_ypuvp": [Colour("yuv", ((1, "local"), (2, "local")))],
    "rgb_to_yuv": [Colour("yuv", ((1, "global"), (2, "global")))],
    "rgb_to_yuvp": [Colour("yuv", ((1, "global"), (2, "global")), joint=True)],
    "snorm": [SubtractiveNormalization((5, 5))],
    "sparse_linear": [TableDense(full_table(4, 3), summed=False)],
    "sshrink": [SmoothShrink()],
    "stdsig": [ScaledTanH()],
    "stdsig_linear": [ScaledTanH(0.1)],
    "subs": [Subsampling((2, 2), **FACTOR)],
    "subs_crop": [Subsampling((2, 2), **FACTOR)],
    "subs_ker3_str2": [Subsampling((2, 2), **FACTOR)],
    "tanh": [TanH()],
    "tanh_linear": [LeakyTanH(0.1)],
    "tshrink": [TanhShrink()],
    "wavgpool": [GaussianPooling((4, 4), (2, 2))],
    "wstd4": [ContrastNormalization((4, 4))],
    "wstd5_fsumdiv": [ContrastNormalization((5, 5), divided=True)],
    "wstd5_fsumsplit": [ContrastNormalization((5, 5), groups=2)],
    "wstd5_gc0": [ContrastNormalization((5, 5), coefficient=0)],
    "wstd5_mirror": [ContrastNormalization((5, 5), border="mirror")],
    "wstd5_noacross": [ContrastNormalization((5, 5), groups=None)],
    "wstd5_nothres": [ContrastNormalization((5, 5), floor=1.0)],
    "wstd7": [ContrastNormalization((7, 7))],
    "y_to_yp": [Colour("y", ((1, "local"),))],
    "zpad4": [Pad(sides_for((4, 4)))],
    "zpad5": [Pad(sides_for((5, 5)))],
    "zpad_sides": [Pad((1, 2, 3, 4))],
}
WITH_WEIGHTS = [name for name in LAYERS_OF if "param_init" in np.load(ORACLE / f"{name}.npz")]
NOT_MODULES = {"gaussian", "sigmoid"}
NEVER_RAN = {"linear_flat", "linear_replicable", "lshrink", "snorm_valid"}  # only their inputs were recorded


class Chain:
    """Layers one after the other, as a case has them; parameters lie in one vector."""

    def __init__(self, name, dtype=torch.float64, beside=()):
        with np.load(ORACLE / f"{name}.npz") as arrays:
            self.recorded = {key: arrays[key] for key in arrays.files}
        self.layers, self.dtype = LAYERS_OF[name], dtype
        self.blobs = [torch.cat([self.tensor("x")[None], *beside]).requires_grad_()]
        flat, self.parameters = self.tensor("param") if "param" in self.recorded else torch.empty(0), []
        for layer in self.layers:
            shapes = [tuple(self.blobs[-1].shape)]
            own = []
            for wanted in layer.parameters(shapes).values():
                own.append(flat[: count(wanted.shape)].reshape(wanted.shape).requires_grad_())
                flat = flat[count(wanted.shape) :]
            output = layer.operation(shapes, True)([self.blobs[-1]], *own)
            output = output if isinstance(output, torch.Tensor) else output[0]
            assert (tuple(output.shape),) == layer.shape(shapes)
            self.blobs.append(output)
            self.parameters.append(own)
        assert not len(flat)

    def tensor(self, kind):
        return torch.from_numpy(self.recorded[kind]).to(self.dtype)

    def given(self, kind):
        return self.tensor(kind).reshape(self.blobs[-1].shape)

    def gradients(self):
        every = [tensor for own in self.parameters for tensor in own]
        found = torch.autograd.grad(self.blobs[-1], [self.blobs[0], *every], self.given("gy"))
        return found[0], found[1:]

    def curvatures(self):
        curved, found = self.given("hy"), []
        steps = [*zip(self.layers, self.blobs[:-1], self.parameters, strict=True)]
        for layer, before, own in reversed(steps):
            (curved,), theirs = layer.curvature([tuple(before.shape)])([before], own, [curved])
            found = [*theirs, *found]
        return curved, found

    def check(self, kind, found):
        expected = self.recorded[kind]
        found = found.detach().double().numpy().reshape(expected.shape)
        room = TOLERANCE[self.dtype] * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=room, err_msg=kind)


def flattened(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", LAYERS_OF)
def test_recorded(name, dtype):
    chain = Chain(name, dtype)
    chain.check("y", chain.blobs[-1])
    for letter, passes in (("g", chain.gradients), ("h", chain.curvatures)):
        if f"{letter}x" in chain.recorded:
            of_input, of_parameters = passes()
            assert of_input.dtype == dtype
            chain.check(f"{letter}x", of_input)
            if of_parameters:
                chain.check(f"{letter}param", flattened(of_parameters))


@pytest.mark.parametrize("name", LAYERS_OF)
def test_samples_of_a_batch_do_not_know_of_each_other(name):
    first = torch.from_numpy(np.load(ORACLE / f"{name}.npz")["x"])
    chain = Chain(name, beside=[first[None] * 0.3 - 0.1])
    chain.check("y", chain.blobs[-1][:1])


def test_every_case_has_its_layers():
    assert {path.stem for path in ORACLE.glob("*.npz")} - NOT_MODULES == set(LAYERS_OF)


def test_what_never_ran_is_not_recorded():
    assert not NEVER_RAN & set(LAYERS_OF)


class KnuthDraws:
    """EBLearn's generator, asked as fillers ask."""

    def __init__(self, seed):
        self.stream = Knuth(seed)

    def uniform(self, shape, low, high):
        return self.stream.uniform(count(shape), low, high).reshape(shape)


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_initial_weights(name):
    """Seed 0; constants are float32 in the contract of fillers, so 0.3 differs by 1e-8."""
    chain, draws = Chain(name), KnuthDraws(0)
    values = [
        wanted.filler.values(wanted.shape, draws).ravel()
        for layer, before in zip(chain.layers, chain.blobs, strict=False)
        for wanted in layer.parameters([tuple(before.shape)]).values()
    ]
    room = 2e-8 if name == "sshrink" else 1e-16
    np.testing.assert_allclose(np.concatenate(values), chain.recorded["param_init"], rtol=0, atol=room)


def test_gaussian_windows():
    with np.load(ORACLE / "gaussian.npz") as recorded:
        for name in recorded.files:
            side, *mode = name.removeprefix("n").split("_mode")
            found = gaussian_window((int(side), int(side)), float(mode[0]) if mode else 2.0)
            np.testing.assert_allclose(found, recorded[name], rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("layer", "value", "slope"),
    [(ScaledTanH(), "stdsigmoid", "dstdsigmoid"), (LeakyTanH(0.0), "tanh", "dtanh")],
    ids=["scaled_tanh", "tanh"],
)
def test_sigmoids_far_out(layer, value, slope):
    """From -20 to 20: where they saturate too."""
    with np.load(ORACLE / "sigmoid.npz") as recorded:
        x = torch.from_numpy(recorded["x"])[None].requires_grad_()
        y = layer.operation([tuple(x.shape)], True)([x])
        np.testing.assert_allclose(y.detach().numpy()[0], recorded[value], rtol=0, atol=2e-15)
        (gradient,) = torch.autograd.grad(y.sum(), x)
        np.testing.assert_allclose(gradient.numpy()[0], recorded[slope], rtol=0, atol=2e-15)
