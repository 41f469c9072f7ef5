"""Every layer against what the real Caffe 1.0 computed: outputs, gradients of inputs and of parameters.

Recorded with BVLC Caffe 1.0 (CPU, OpenBLAS), float32: tests/oracle/caffe/layers.  Tolerance: 1e-5 of a
tensor's largest absolute value, some hundred roundings of float32; the worst tensor differs by 5e-7.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.dialects.caffe.net import insert_splits, read_net
from lenet.engine.build import build
from lenet.errors import Notes
from lenet.net import State
from lenet.weights import Weights

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe" / "layers"
CASES = {case["name"]: case for case in json.loads((ORACLE / "INDEX.json").read_text(encoding="utf-8"))}
SPECIAL = {"dropout_train"}  # has a test of its own below
TOLERANCE = 1e-5


class Recorded:
    """One recorded case: arrays by kind and name, and the network built from its prototxt."""

    def __init__(self, name):
        with np.load(ORACLE / f"{name}.npz") as arrays:
            self.arrays = {key: arrays[key] for key in arrays.files}
        phase = str(self.arrays["phase"]).lower()
        notes = Notes()
        net = read_net(ORACLE / f"{name}.prototxt", notes).select(State(phase))
        notes.check()
        if any("_split_" in key for key in self.arrays):
            net = insert_splits(net)
        self.network = build(net, training=phase == "train", seed=0)
        self.network.load(Weights(self._parameters()))
        for tensor in self.network.parameters():
            tensor.requires_grad_()
        self.inputs = {key: torch.tensor(array).requires_grad_() for key, array in self.of("in").items()}

    def of(self, kind):
        prefix = kind + "/"
        return {
            key.removeprefix(prefix): array for key, array in self.arrays.items() if key.startswith(prefix)
        }

    def _parameters(self):
        layers = {}
        for key, array in self.of("param").items():
            layer, index = key.split("/")
            layers.setdefault(layer, {})[index] = array
        return layers

    def gradients(self, blobs, wanted):
        given = {name: array for name, array in self.of("topdiff").items() if blobs[name].requires_grad}
        outputs = [blobs[name] for name in given]
        topdiffs = [torch.tensor(array) for array in given.values()]
        return torch.autograd.grad(outputs, list(wanted), topdiffs, materialize_grads=True)


def parameter_gradients(case):
    """The tensors whose gradients were recorded, and those gradients; a shared one comes once per layer."""
    tensors = {step.node.name: step.parameters for step in case.network.steps}
    recorded = {tuple(key.split("/")): array for key, array in case.of("pdiff").items()}
    return {key: (tensors[key[0]][int(key[1])], array) for key, array in recorded.items()}


def assert_near(found, expected, what):
    found = found.detach().numpy()
    assert found.shape == expected.shape, what
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * largest, err_msg=what)


@pytest.mark.parametrize("name", sorted(set(CASES) - SPECIAL))
def test_outputs_and_gradients_are_those_of_caffe(name):
    case = Recorded(name)
    blobs = case.network(case.inputs)
    for blob, array in case.of("out").items():
        assert_near(blobs[blob], array, f"out/{blob}")
    for key, array in case.of("param_after").items():
        layer, index = key.split("/")
        assert_near(case.network.by_layer()[layer][int(index)], array, f"param_after/{key}")
    if not (case.network.net.force_backward or case.network.loss_terms):
        return  # Caffe goes back from losses only: the gradients that were recorded are 0
    if not case.of("topdiff"):
        assert not any(array.any() for array in case.of("botdiff").values())  # Silence: nothing comes back
        return
    wanted = [(case.inputs[blob], array, f"botdiff/{blob}") for blob, array in case.of("botdiff").items()]
    wanted += [(*pair, f"pdiff/{key}") for key, pair in parameter_gradients(case).items()]
    wanted += [(blobs[blob], array, f"blobdiff/{blob}") for blob, array in case.of("blobdiff").items()]
    found = case.gradients(blobs, [tensor for tensor, _, _ in wanted])
    for gradient, (_, array, what) in zip(found, wanted, strict=True):
        assert_near(gradient, array, what)


def test_dropout_scales_what_stays():
    """Its random numbers cannot be repeated: the recorded mask stands in for them."""
    torch.manual_seed(1)
    case = Recorded("dropout_train")
    blobs = case.network(case.inputs)
    (gradient,) = case.gradients(blobs, case.inputs.values())
    recorded, found = case.arrays["out/y"] != 0, blobs["y"].detach().numpy() != 0
    both = recorded & found
    assert both.sum() > 100
    np.testing.assert_allclose(blobs["y"].detach().numpy()[both], case.arrays["out/y"][both], rtol=TOLERANCE)
    np.testing.assert_allclose(gradient.numpy()[both], case.arrays["botdiff/x"][both], rtol=TOLERANCE)
    assert not gradient.numpy()[~found].any()
    assert not case.arrays["botdiff/x"][~recorded].any()
    # 792 numbers are kept with probability 0.6: within 4 standard deviations of sqrt(0.6 0.4 / 792)
    assert found.mean() == pytest.approx(0.6, abs=4 * np.sqrt(0.24 / found.size))


def test_loss_weight_counts_in_the_loss():
    case = Recorded("softmaxloss_loss_weight")
    blobs = case.network(case.inputs)
    assert case.network.loss(blobs).item() == pytest.approx(2.5 * blobs["loss"].item(), rel=1e-6)
