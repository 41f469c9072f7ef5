"""Networks slid over images: positions, scales, batches, and classifiers made fully convolutional."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from slid_networks import SPOT, chain, random_weights, spot_net

from lenet.detection import Detection, Scales, Suppression
from lenet.engine.build import build
from lenet.engine.detect import Detector
from lenet.engine.slide import fully_convolutional, slide
from lenet.errors import DataError, DescriptionError, UsageError, WeightsError
from lenet.layers import (
    LRN,
    Colour,
    Convolution,
    Dense,
    Dropout,
    Fit,
    Flatten,
    Input,
    Pooling,
    ReLU,
    Softmax,
)
from lenet.net import Node, State
from lenet.weights import Weights

CLASSIFIERS = {
    "lenet": (
        Convolution(4, (5,)),
        Pooling("max", (2,), (2,), rounding="ceil"),
        Convolution(6, (3,)),
        Pooling("max", (2,), (2,), rounding="ceil"),
        Dense(8),
        ReLU(),
        Dropout(0.5),
        Dense(3),
        Softmax(),
    ),
    "flattened": (Convolution(4, (3,), (2,)), Flatten(), Dense(5, transposed=True), Softmax()),
    "padded": (
        Convolution(4, (3,), pad=(1,)),
        LRN(3, 0.1, 0.75, 1.0, "across"),
        Dense(3, bias=False),
        Softmax(),
    ),
    "global": (Convolution(3, (3,)), Pooling("average", None, rounding="ceil"), Flatten(), Softmax()),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_slid_classifier_answers_at_each_place_what_it_says_of_that_crop(name):
    net = chain((1, 20, 24), *CLASSIFIERS[name])
    weights, last = random_weights(net), f"b{len(CLASSIFIERS[name])}"
    slid = slide(net, weights)
    assert slid.probabilities
    assert slid.shape == (1, 20, 24)
    detector = Detector(slid.net, slid.weights, Detection(Scales("original"), answer="value"))
    step = int(detector.field.rows.step)
    image = np.random.default_rng(1).integers(0, 2, (1, 20 + 2 * step, 24 + step)).astype(np.float32)
    (maps,) = detector.maps([image])
    assert maps.outputs.shape[2:] >= (3, 2)
    plain = build(net.select(State()))
    plain.load(weights)
    rows, columns = (2, 1) if name != "padded" else (0, 0)  # zeros stand where the crop has neighbours
    for row, column in {(0, 0), (rows, columns)}:
        crop = image[:, row * step : row * step + 20, column * step : column * step + 24]
        if name == "padded":
            crop = image[:, :20, :24]
            (maps,) = detector.maps([crop])
        with torch.no_grad():
            expected = plain({"b0": torch.from_numpy(crop[None])})[last][0].numpy()
        # float32 sums in another order
        np.testing.assert_allclose(maps.outputs[0, :, row, column], expected, atol=1e-5)


def test_what_cannot_be_slid_is_refused_by_name():
    net = chain((1, 8, 8), Convolution(2, (3,)), Flatten(), Softmax())
    with pytest.raises(DescriptionError, match=r"'n3' .* flattened"):
        fully_convolutional(net.select(State()), Weights())
    net = chain((1, 8, 8), Convolution(2, (3,)), Dense(2, axis=2), Softmax())
    with pytest.raises(DescriptionError, match=r"'n2' .* other axes"):
        fully_convolutional(net.select(State()), Weights())
    net = chain((1, 8, 8), Dense(2), Softmax())
    with pytest.raises(WeightsError, match="n1"):
        fully_convolutional(net.select(State()), Weights({"n1": {"weight": np.zeros((2, 9))}}))


def spot(top, left, side=3, size=(24, 30)):
    image = np.zeros((1, *size), np.uint8)
    image[:, top : top + side, left : left + side] = 255
    return image


def test_a_spot_is_found_where_it_is():
    detector = Detector(*spot_net(), SPOT)
    assert detector.network_size == (3, 3)
    (found,) = detector.run([spot(5, 7)], ["a"])
    (box,) = found.boxes
    assert (found.name, found.height, found.width) == ("a", 24, 30)
    assert (box.top, box.left, box.height, box.width, box.label) == (5, 7, 3, 3, 1)
    assert box.confidence == pytest.approx(1)


def test_a_large_spot_is_found_at_a_small_scale():
    settings = replace(SPOT, scales=Scales("sizes", ((8, 10),)), threshold=0.7, suppression=Suppression())
    (found,) = Detector(*spot_net(), settings).run([spot(6, 9, 9)])
    best = found.boxes[0]
    assert (best.top, best.left, best.height, best.width) == (6, 9, 9, 9)


def test_zeros_around_the_image_show_what_lies_at_its_border():
    scales = Scales("original", border=(0.5, 0.5))
    image = spot(0, 0, 2)
    assert Detector(*spot_net(), replace(SPOT, scales=scales, threshold=0.3)).run([image])
    (maps,) = Detector(*spot_net(), replace(SPOT, scales=scales)).maps([image])
    assert maps.outputs.shape == (1, 2, 24, 30)
    assert maps.corner(0, 0) == (0, 0)
    assert (maps.field.rows.start, maps.field.rows.size) == (-1, 3)


def test_images_of_several_sizes_come_back_in_order_and_batches_change_nothing():
    images = [spot(5, 7), spot(1, 2, size=(9, 9)), spot(8, 3), spot(4, 4, size=(9, 9))]
    detector = Detector(*spot_net(), replace(SPOT, scales=Scales(step=1.5, largest=1.0), threshold=0.5))
    together = detector.run(images)
    alone = [detector.run([image], [str(index)])[0] for index, image in enumerate(images)]
    assert together == alone


def test_a_fit_layer_prepares_images_at_every_scale():
    net, weights = spot_net()
    fit = Node("fit", Fit(None, preparation=Colour("y", ((1, "none"),), window=(1,))), ("in",), ("b0",))
    source = Node("in", Input(((1, 3, 3, 3),)), (), ("in",))
    net = replace(net, nodes=(source, fit, *net.nodes[1:]))
    detector = Detector(net, weights, replace(SPOT, scales=Scales("network")))
    assert detector.channels == 3
    (maps,) = detector.maps([np.repeat(spot(0, 0, 24, (24, 24)), 3, axis=0)])
    assert maps.inputs.shape == (1, 1, 3, 3)
    assert maps.outputs[0, 1, 0, 0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 0, 5), (3, 5, 5), (5, 5)])
def test_images_that_do_not_fit_are_refused(shape):
    with pytest.raises(DataError, match="1 x height x width"):
        Detector(*spot_net(), SPOT).run([np.zeros(shape, np.uint8)])


def test_an_image_of_one_pixel_is_looked_at_within_zeros():
    (found,) = Detector(*spot_net(), replace(SPOT, threshold=0.0)).run([np.full((1, 1, 1), 255, np.uint8)])
    assert (found.height, found.width) == (1, 1)


def test_settings_for_other_classes_are_refused():
    with pytest.raises(UsageError, match="3 names of classes, the network has 2"):
        Detector(*spot_net(), replace(SPOT, classes=("a", "b", "c")))
    with pytest.raises(UsageError, match="background is class 2"):
        Detector(*spot_net(), replace(SPOT, background=2))


def test_missing_weights_are_named():
    net, weights = spot_net()
    del weights.layers["n2"]
    with pytest.raises(WeightsError, match="n2"):
        Detector(net, weights, SPOT)
