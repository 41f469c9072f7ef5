"""LeNet in its three forms as models for use, with weights drawn from a seed."""

from pathlib import Path

import numpy as np

from lenet.data.mnist import Mnist
from lenet.deploy.use import answering, used
from lenet.dialects.caffe.net import read_net
from lenet.dialects.eblearn.net import read_net as read_configuration
from lenet.errors import Notes
from lenet.layers import Convolution, Dense, Flatten, Input, Pooling, ReLU, Softmax
from lenet.model import Model, Preprocessing
from lenet.net import Net, Node, State
from lenet.weights import Weights

EXAMPLES = Path(__file__).parents[2] / "examples"


def with_weights(net, preprocessing):
    """A model whose weights keep the numbers in the network near 1."""
    generator = np.random.default_rng(5)
    layers = {}
    for node, known in zip(net.nodes, net.shapes(), strict=True):
        for name, parameter in known.parameters.items():
            bound = (3 / max(np.prod(parameter.shape[1:]), 1)) ** 0.5
            array = generator.uniform(-bound, bound, parameter.shape).astype(np.float32)
            layers.setdefault(node.name, {})[name] = array
    return Model(net, Weights(layers), preprocessing)


def caffe_lenet():
    net = read_net(EXAMPLES / "caffe-lenet" / "lenet_train_test.prototxt", Notes()).select(State("test"))
    part = used(*answering(net))
    return with_weights(part.net, Preprocessing(scale=1 / 256, size=(28, 28)))


def eblearn_lenet():
    part = used(*answering(read_configuration(EXAMPLES / "eblearn-mnist" / "mnist.conf", Notes())))
    return with_weights(part.net, Preprocessing(scale=0.01, size=(28, 28)))


def keras_lenet():
    layers = [
        ("conv1", Convolution(20, (5, 5), pad=(2, 2))),
        ("relu1", ReLU()),
        ("pool1", Pooling("max", (2, 2), (2, 2), rounding="floor")),
        ("conv2", Convolution(50, (5, 5), pad=(2, 2))),
        ("relu2", ReLU()),
        ("pool2", Pooling("max", (2, 2), (2, 2), rounding="floor")),
        ("flatten", Flatten()),
        ("dense1", Dense(500)),
        ("relu3", ReLU()),
        ("dense2", Dense(10)),
        ("softmax", Softmax()),
    ]
    nodes, last = [Node("input", Input(((1, 1, 28, 28),)), outputs=("input",))], "input"
    for name, kind in layers:
        nodes.append(Node(name, kind, (last,), (name,)))
        last = name
    return with_weights(Net("LeNet", tuple(nodes)), Preprocessing(scale=1 / 255, size=(28, 28)))


FORMS = {"caffe": caffe_lenet, "eblearn": eblearn_lenet, "keras": keras_lenet}


def digits(number=100):
    """The first test digits of MNIST, (N, 1, 28, 28) of 0 to 255."""
    reader = Mnist("test").open()
    images = reader.read_many(range(number))[0]
    reader.close()
    return np.asarray(images, np.float32).reshape(number, 1, 28, 28)
