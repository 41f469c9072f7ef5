"""A network of one layer for each case of the catalogue, with weights and inputs to compare on."""

import sys
from pathlib import Path

import numpy as np
import torch

from lenet.engine.build import build
from lenet.layers import LAYERS, Input
from lenet.model import Model
from lenet.net import Net, Node
from lenet.weights import Weights

sys.path.insert(0, str(Path(__file__).parents[1] / "catalogue"))
from test_layers import CASES, SIZES

#: the cases that are networks for use: losses, labels and what writes files are not
USED = [
    case
    for case in CASES
    if case.inputs
    and not (case.training or case.labels or case.writes)
    and not getattr(case.layer, "is_loss", False)
    and not isinstance(case.layer, Input)
]


def model_of(case):
    """The layer of a case alone in a network, its weights drawn from a seed."""
    shapes = case.shapes(SIZES)
    names = [f"in{index}" for index in range(len(shapes))]
    sources = [
        Node(name, Input((shape,)), outputs=(name,)) for name, shape in zip(names, shapes, strict=True)
    ]
    outputs = tuple(f"out{index}" for index in range(len(case.layer.shape(shapes))))
    node = Node("layer", case.layer, tuple(names), outputs)
    net = Net("one", (*sources, node))
    generator = np.random.default_rng(len(str(case)))
    parameters = case.layer.parameters(shapes)
    arrays = {
        name: generator.uniform(0.2, 1, parameter.shape).astype(np.float32)
        for name, parameter in parameters.items()
    }
    return Model(net, Weights({"layer": arrays} if arrays else {}))


def inputs_of(model, batch=None):
    """Numbers for every input; `batch` replaces the first axis."""
    generator = np.random.default_rng(3)
    positive = type_of(model) in ("Logarithm", "Power")
    low = 0.1 if positive else -1
    return {
        node.name: generator.uniform(
            low, 1.5, (batch or node.kind.shapes[0][0], *node.kind.shapes[0][1:])
        ).astype(np.float32)
        for node in model.net.input_nodes()
    }


def type_of(model):
    return type(model.net.nodes[-1].kind).__name__


def computed(model, inputs):
    """What our engine computes: the blobs that nobody reads, by name."""
    given = {name: array.shape for name, array in inputs.items()}
    network = build(model.net, shapes=given)
    network.load(model.weights)
    with torch.inference_mode():
        blobs = network({name: torch.tensor(array) for name, array in inputs.items()})
    return {name: blobs[name].numpy() for name in model.net.outputs()}


def largest_difference(found, wanted):
    """Relative to the largest number that is wanted."""
    return max(
        float(np.abs(found[name].reshape(-1) - array.reshape(-1)).max() / max(np.abs(array).max(), 1e-30))
        for name, array in wanted.items()
    )


__all__ = ["LAYERS", "USED", "computed", "inputs_of", "largest_difference", "model_of", "type_of"]
