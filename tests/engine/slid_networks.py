"""Networks small enough to know their answers, to be slid over images."""

import numpy as np

from lenet.data.transforms import Transform
from lenet.detection import Detection, Scales, Suppression
from lenet.engine.build import build
from lenet.layers import Bias, Input, TableConvolution
from lenet.layers.connection_table import full_table
from lenet.net import Net, Node, State
from lenet.weights import Weights


def chain(shape, *kinds):
    nodes = [Node("in", Input(((1, *shape),)), (), ("b0",))]
    nodes += [
        Node(f"n{index}", kind, (f"b{index - 1}",), (f"b{index}",)) for index, kind in enumerate(kinds, 1)
    ]
    return Net("chain", tuple(nodes))


def random_weights(net, seed=0):
    """Weights unlike the fillers', so that every place matters."""
    generator = np.random.default_rng(seed)
    network = build(net.select(State()), seed=seed)
    layers = {
        name: {key: generator.normal(0, 0.3, array.shape).astype(np.float32) for key, array in arrays.items()}
        for name, arrays in network.weights().layers.items()
        if arrays
    }
    return Weights(layers)


def spot_net(channels=1):
    """Answers 1 where a 3 x 3 square is bright, and -1 where it is dark."""
    net = chain((channels, 3, 3), TableConvolution(full_table(channels, 2), (3,)), Bias())
    window = np.full((channels * 2, 3, 3), 2 / 9 / channels, np.float32)
    window[:channels] *= -1
    weights = Weights({"n1": {"weight": window}, "n2": {"bias": np.array([1, -1], np.float32)}})
    return net, weights


SPOT = Detection(
    Scales("original"), Suppression("none", 0.9), 0.9, background=0, transform=Transform(scale=1 / 255)
)
