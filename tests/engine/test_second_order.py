"""Second derivatives through whole networks, against those of torch where the loss is of second order."""

import pytest
import torch

from lenet.engine.build import build
from lenet.engine.second_order import blob_curvatures, curvatures
from lenet.errors import DescriptionError
from lenet.layers import Bias, ChannelDense, Split, TanH
from lenet.layers.energy import SquaredError, TargetCrossEntropy
from lenet.layers.fillers import Uniform
from lenet.layers.layer import Input, Layer
from lenet.net import Net, Node, ParameterUse

WEIGHT = {"weight_filler": Uniform(-1, 1)}


class WithoutRule(Layer):
    """A layer that gives its input."""

    def shape(self, inputs):
        return tuple(inputs)

    def operation(self, inputs, training):
        return lambda tensors, *_: tensors[0].clone()


def net_of(*nodes):
    sources = (
        Node("x", Input(shapes=((4, 3),)), outputs=("x",)),
        Node("t", Input(shapes=((4, 2),)), outputs=("t",)),
    )
    return Net(nodes=(*sources, *nodes))


def node(name, kind, *inputs, **settings):
    return Node(name, kind, inputs, (name,), **settings)


def ran(net, **inputs):
    network = build(net, training=True, seed=3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    blobs = {"x": (4, 3), "t": (4, 2)}
    given = {
        name: torch.rand(shape, generator=generator, dtype=torch.float64) for name, shape in blobs.items()
    }
    return network, network(given | inputs)


def top(blobs):
    return {"energy": torch.ones_like(blobs["energy"])}


def exact(network, blobs):
    """The diagonal of the true Hessian of all parameters."""
    parameters = list(network.parameters())
    loss = network.forward({name: blobs[name] for name in ("x", "t")})["energy"].sum()
    slopes = torch.autograd.grad(loss, parameters, create_graph=True)
    result = []
    for slope, parameter in zip(slopes, parameters, strict=True):
        rows = [
            torch.autograd.grad(each, parameter, retain_graph=True)[0].flatten() for each in slope.flatten()
        ]
        result.append(torch.stack(rows).diagonal().reshape(parameter.shape))
    return result


def test_one_layer_below_the_loss_is_exact():
    network, blobs = ran(
        net_of(
            node("dense", ChannelDense(2, **WEIGHT), "x"),
            node("bias", Bias(), "dense"),
            node("energy", SquaredError(), "bias", "t"),
        )
    )
    for found, wanted in zip(curvatures(network, blobs, top(blobs)), exact(network, blobs), strict=True):
        assert torch.allclose(found, wanted, rtol=1e-12)


def test_the_rule_is_applied_layer_by_layer():
    network, blobs = ran(
        net_of(
            node("dense", ChannelDense(2, **WEIGHT), "x"),
            node("tanh", TanH(), "dense"),
            node("energy", SquaredError(), "tanh", "t"),
        )
    )
    slopes = 1 - blobs["tanh"].square()
    wanted = torch.einsum("no,ni->oi", slopes.square(), blobs["x"].square())
    assert torch.allclose(curvatures(network, blobs, top(blobs))[0], wanted, rtol=1e-12)
    of_x = slopes.square() @ network.tensors[0].square()
    assert torch.allclose(blob_curvatures(network, blobs, top(blobs))["x"], of_x, rtol=1e-12)


def test_shared_parameters_add_up():
    use = (ParameterUse(share="bias"),)
    network, blobs = ran(
        net_of(
            node("dense", ChannelDense(2, **WEIGHT), "x"),
            node("first", Bias(), "dense", uses=use),
            node("second", Bias(), "first", uses=use),
            node("energy", SquaredError(), "second", "t"),
        )
    )
    found = curvatures(network, blobs, top(blobs))
    assert len(found) == 2
    assert found[1].tolist() == [8.0, 8.0]  # 4 samples, twice


def test_a_blob_with_two_readers_gets_both_parts():
    split = Node("split", Split(2), ("bias",), ("one", "two"))
    network, blobs = ran(
        net_of(
            node("dense", ChannelDense(2, **WEIGHT), "x"),
            node("bias", Bias(), "dense"),
            split,
            node("energy", SquaredError(), "one", "t"),
            node("other", SquaredError(), "two", "t"),
            node("third", SquaredError(), "bias", "t"),
        )
    )
    tops = {name: torch.ones_like(blobs[name]) for name in ("energy", "other", "third")}
    assert curvatures(network, blobs, tops)[1].tolist() == [12.0, 12.0]


def test_nothing_goes_where_gradients_do_not():
    network, blobs = ran(
        net_of(
            node("dense", ChannelDense(2, **WEIGHT), "x"),
            node("bias", Bias(), "dense", propagate=(False,)),
            node("energy", SquaredError(), "bias", "t"),
        )
    )
    assert not curvatures(network, blobs, top(blobs))[0].any()


def test_cross_entropy_has_none():
    network, blobs = ran(
        net_of(
            node("dense", ChannelDense(2, **WEIGHT), "x"), node("energy", TargetCrossEntropy(), "dense", "t")
        )
    )
    assert not curvatures(network, blobs, top(blobs))[0].any()


def test_a_layer_without_a_rule_is_named():
    network, blobs = ran(
        net_of(
            node("dense", ChannelDense(2, **WEIGHT), "x"),
            node("odd", WithoutRule(), "dense"),
            node("energy", SquaredError(), "odd", "t"),
        )
    )
    with pytest.raises(DescriptionError, match=r"layer 'odd' \(WithoutRule\): .* no rule"):
        curvatures(network, blobs, top(blobs))


def test_a_layer_in_place_is_refused():
    network, blobs = ran(
        net_of(
            node("dense", ChannelDense(2, **WEIGHT), "x"),
            Node("tanh", TanH(), ("dense",), ("dense",)),
            node("energy", SquaredError(), "dense", "t"),
        )
    )
    with pytest.raises(DescriptionError, match=r"'tanh' .* works in place"):
        curvatures(network, blobs, top(blobs))
