"""Layers said through other layers, and what is done to images as layers, compute the same."""

import numpy as np
import pytest
from every_layer import USED, computed, inputs_of, largest_difference, model_of
from lenets import digits, keras_lenet

from lenet.deploy.channels import with_channels
from lenet.deploy.equivalents import baked, expressed, merged_biases
from lenet.deploy.pixels import prepared
from lenet.deploy.rules import RULES
from lenet.errors import DescriptionError, Notes
from lenet.layers import Bias, Convolution, Input, Pad, TableConvolution
from lenet.model import Model, Preprocessing
from lenet.net import Net, Node
from lenet.weights import Weights


@pytest.mark.parametrize("case", [case for case in USED if type(case.layer) in RULES], ids=str)
def test_every_rule(case):
    """A system that lacks the layer itself gets others, where there is a rule for its settings."""
    model = model_of(case)
    said = expressed(model, lambda kind: kind != case.layer)
    inputs = inputs_of(model)
    found, wanted = list(computed(said, inputs).values()), list(computed(model, inputs).values())
    if said.net.nodes[-1].kind == case.layer:
        return  # no rule for these settings: the writer refuses them
    assert largest_difference(dict(enumerate(found)), dict(enumerate(wanted))) < 1e-5


def test_borders_and_biases_go_into_the_convolution():
    generator = np.random.default_rng(1)
    table = TableConvolution(((0, 0), (1, 1)), (3, 3))
    nodes = (
        Node("in", Input(((1, 2, 6, 6),)), outputs=("in",)),
        Node("pad", Pad((1, 2, 1, 2)), ("in",), ("pad",)),
        Node("conv", table, ("pad",), ("conv",)),
        Node("add", Bias(), ("conv",), ("add",)),
    )
    weights = {
        "conv": {"weight": generator.normal(size=(2, 3, 3)).astype(np.float32)},
        "add": {"bias": generator.normal(size=2).astype(np.float32)},
    }
    model = Model(Net("n", nodes), Weights(weights))
    said = merged_biases(expressed(model, lambda kind: isinstance(kind, Convolution | Bias)))
    assert [node.name for node in said.net.nodes] == ["in", "conv"]
    assert said.net.nodes[1].kind.pad == (1, 2)
    inputs = inputs_of(model)
    assert largest_difference(computed(said, inputs), computed(model, inputs)) < 1e-6


@pytest.mark.parametrize(
    "told",
    [
        Preprocessing(scale=0.01, mean=(33.0,)),
        Preprocessing(scale=0.5, bias=-1.0),
        Preprocessing(mean_image=np.full((1, 28, 28), 20, np.float32)),
    ],
)
def test_what_is_done_to_images_as_layers(told):
    plain = keras_lenet()
    model = Model(plain.net, plain.weights, told)
    with_layers = baked(model)
    assert with_layers.preprocessing.does_nothing
    pixels = digits(5)
    found = computed(with_layers, {"input": pixels})
    wanted = computed(model, {"input": prepared(pixels, told)})
    assert largest_difference(found, wanted) < 1e-5


def test_the_order_of_colours():
    generator = np.random.default_rng(1)
    nodes = (
        Node("in", Input(((1, 3, 6, 6),)), outputs=("in",)),
        Node("conv", Convolution(2, (3, 3), bias=False), ("in",), ("conv",)),
    )
    weights = Weights({"conv": {"weight": generator.normal(size=(2, 3, 3, 3)).astype(np.float32)}})
    model = Model(Net("n", nodes), weights, Preprocessing("rgb", mean=(1.0, 2.0, 3.0)))
    turned = with_channels(model, "bgr", Notes())
    assert turned.preprocessing.mean == (3.0, 2.0, 1.0)
    pixels = generator.uniform(0, 255, (2, 3, 6, 6)).astype(np.float32)
    found = computed(turned, {"in": prepared(pixels[:, ::-1], turned.preprocessing)})
    wanted = computed(model, {"in": prepared(pixels, model.preprocessing)})
    assert largest_difference(found, wanted) < 1e-5
    flat = Model(Net("n", (nodes[0], Node("add", Bias(), ("in",), ("add",)))), Weights(), model.preprocessing)
    with pytest.raises(DescriptionError, match="layer 'add' takes channels in the order rgb"):
        with_channels(flat, "bgr", Notes())
