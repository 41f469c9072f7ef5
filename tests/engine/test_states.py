"""The inside of a network for single samples: what comes is what the network itself computes."""

import numpy as np
import pytest
import torch

from lenet.engine.build import build
from lenet.engine.states import first_of_feeds, sample_states
from lenet.layers.activation import ReLU
from lenet.layers.batch_norm import BatchNorm
from lenet.layers.dense import Dense
from lenet.layers.energy import SquaredError
from lenet.layers.layer import Input
from lenet.layers.user_code import Python
from lenet.net import Net, Node

INPUTS = (
    Node("data", Input(((1, 3),)), outputs=("data",)),
    Node("wanted", Input(((1, 2),)), outputs=("wanted",)),
)
DENSE = Node("full", Dense(2), ("data",), ("full",))
ENERGY = Node("energy", SquaredError(), ("full", "wanted"), ("energy",), loss_weights=(1.0,))
SAMPLE = {"data": torch.tensor([[1.0, -2.0, 3.0]]), "wanted": torch.tensor([[1.0, -1.0]])}


def net(*nodes):
    return Net("small", (*INPUTS, *nodes))


def test_states_are_inputs_and_parameters_with_their_derivatives():
    network = build(net(DENSE, ENERGY), training=True, seed=1)
    found = sample_states(network, SAMPLE, with_curvatures=True)
    weight, bias = (tensor.detach().numpy() for tensor in network.parameters_in_order())
    output = SAMPLE["data"].numpy()[0] @ weight.T + bias
    slope = output - SAMPLE["wanted"].numpy()[0]
    assert [layer.name for layer in found.values] == ["full", "energy"]
    full, energy = found.values
    np.testing.assert_array_equal(full.inputs[0], [1, -2, 3])
    np.testing.assert_array_equal(full.parameters["weight"], weight)
    np.testing.assert_allclose(energy.inputs[0], output, rtol=1e-6)
    np.testing.assert_allclose(found.gradients[1].inputs[0], slope, rtol=1e-6)
    np.testing.assert_allclose(found.gradients[0].inputs[0], slope @ weight, rtol=1e-5)
    np.testing.assert_allclose(
        found.gradients[0].parameters["weight"], np.outer(slope, [1, -2, 3]), rtol=1e-5
    )
    np.testing.assert_allclose(found.curvatures[0].inputs[0], (weight**2).sum(0), rtol=1e-5)
    np.testing.assert_allclose(found.curvatures[0].parameters["weight"], [[1, 4, 9]] * 2, rtol=1e-6)
    assert all(tensor.grad is None for tensor in network.parameters())


def test_a_layer_that_works_in_place_is_seen_before_and_after():
    relu = Node("relu", ReLU(), ("full",), ("full",))
    network = build(net(DENSE, relu, ENERGY), training=True, seed=2)
    found = sample_states(network, SAMPLE, with_curvatures=True)
    full, relu_in, energy = found.values
    assert full.name == "full"
    np.testing.assert_array_equal(energy.inputs[0], np.maximum(relu_in.inputs[0], 0))
    assert relu_in.inputs[0].min() < 0 or (relu_in.inputs[0] == energy.inputs[0]).all()
    assert found.curvatures == ()  # second derivatives need what was overwritten


def test_without_a_loss_there_are_values_only_and_the_output():
    network = build(net(DENSE), seed=1)
    found = sample_states(network, SAMPLE, with_curvatures=True)
    assert [layer.name for layer in found.values] == ["full", "output"]
    assert (found.gradients, found.curvatures) == ((), ())


def test_nothing_is_changed_by_looking():
    torch.manual_seed(5)
    network = build(net(DENSE, ENERGY), training=True, seed=1)
    before = torch.get_rng_state()
    sample_states(network, SAMPLE)
    assert torch.equal(torch.get_rng_state(), before)
    assert not SAMPLE["data"].requires_grad


class Shouting:
    """Code of a user that must not run."""

    def setup(self, *_):
        pass

    def reshape(self, bottoms, tops):
        tops[0].reshape(1, 2)

    def forward(self, *_):
        raise AssertionError("it ran")


def test_the_code_of_a_user_is_not_run_to_look():
    network = build(net(Node("mine", Python(Shouting), ("data",), ("mine",))), seed=1)
    assert sample_states(network, SAMPLE) is None


@pytest.mark.parametrize("training", [True, False])
def test_a_layer_that_learns_while_it_runs_is_not_run_to_look(training):
    normalised = Node("norm", BatchNorm(), ("data",), ("norm",))
    network = build(net(normalised), training=training, seed=1)
    assert (sample_states(network, SAMPLE) is None) == training


def test_networks_without_feeds_have_no_first_samples():
    assert first_of_feeds(build(net(DENSE), seed=1), 3, "cpu") == []
