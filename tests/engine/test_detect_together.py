"""Images that go through the network together, and scales on several threads: the boxes of one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slid_networks import SPOT, chain, random_weights, spot_net

from lenet.detection import Detection, Scales, Suppression
from lenet.engine import together as module
from lenet.engine.detect import Detector
from lenet.engine.together import together
from lenet.errors import DataError
from lenet.layers import Bias, Colour, ContrastNormalization, Convolution, Fit, Input, Subsampling, TanH
from lenet.net import Node


def face_like():
    """A network of the kinds of layers that EBLearn's face detector has, colours to grey first."""
    kinds = (
        Convolution(4, (3,)),
        Bias(),
        TanH(),
        ContrastNormalization((5,), running_sum=True),
        Subsampling((2,)),
        Convolution(2, (3,)),
    )
    net = chain((1, 9, 9), *kinds)
    weights = random_weights(net)
    fit = Node("fit", Fit(None, preparation=Colour("y", ((1, "local"),), window=(3,))), ("in",), ("b0",))
    source = Node("in", Input(((1, 3, 9, 9),)), (), ("in",))
    return replace(net, nodes=(source, fit, *net.nodes[1:])), weights


def by_place(boxes):
    """The confidence at each place."""
    return {replace(box, confidence=0.0): box.confidence for box in boxes}


FACES = Detection(Scales(step=1.3, largest=1.0, border=(0.5, 0.5)), Suppression("overlap", 0.0), background=0)
SIZES = [(24, 30), (17, 12), (31, 33)]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(SIZES), min_size=1, max_size=6), st.integers(0, 1000), st.booleans())
def test_images_together_give_the_boxes_of_one_by_one_in_their_order(sizes, seed, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(2 if threads else 1)
    try:
        images = [np.random.default_rng(seed).integers(0, 256, (3, *size)).astype(np.uint8) for size in sizes]
        detector = Detector(*face_like(), FACES)
        names = [f"image {place}" for place in range(len(images))]
        found = detector.run(images, names)
        torch.set_num_threads(1)
        alone = [detector.run([image], [name])[0] for image, name in zip(images, names, strict=True)]
    finally:
        torch.set_num_threads(before)
    assert [each.name for each in found] == names
    assert any(each.boxes for each in alone)
    for mine, theirs in zip(found, alone, strict=True):
        one, other = by_place(mine.boxes), by_place(theirs.boxes)
        # float32 sums: their rounding may turn two boxes round, or let one at the threshold of 0 go
        for place in {**one, **other}:
            assert one.get(place, 0.0) == pytest.approx(other.get(place, 0.0), abs=1e-5)


def test_scales_on_two_threads_come_in_order_and_torch_keeps_its_threads(two_threads):
    detector = Detector(*face_like(), FACES)
    image = np.random.default_rng(0).integers(0, 256, (3, 60, 80)).astype(np.uint8)
    maps = list(detector.maps([image]))
    assert [each.size for each in maps] == list(FACES.scales.of((60, 80), detector.network_size))
    assert len(maps) > 4
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    for mine, alone in zip(maps, detector.maps([image]), strict=True):
        np.testing.assert_allclose(mine.outputs, alone.outputs, atol=1e-5)  # float32 sums


def test_what_goes_wrong_at_a_scale_is_one_error_and_torch_keeps_its_threads(two_threads):
    detector = Detector(*face_like(), replace(FACES, scales=Scales("sizes", ((12, 12), (1, 12)))))
    with pytest.raises(DataError, match="scale 1 x 12"):
        detector.run([np.zeros((3, 20, 20), np.uint8)])
    assert torch.get_num_threads() == 2


def test_grey_before_resizing_is_grey_after_it():
    detector = Detector(*face_like(), FACES)
    image = np.random.default_rng(2).integers(0, 256, (3, 40, 50)).astype(np.float32)
    for maps in detector.maps([image]):
        fit = detector._fit(maps.size)
        whole = fit.operation([(1, *image.shape)], training=False)([torch.from_numpy(image)[None]])
        np.testing.assert_allclose(maps.inputs, whole.numpy(), atol=2e-5)  # float32, deviations near 1


@pytest.mark.parametrize("value", [0, 18, 255])
def test_a_flat_image_shows_nothing(value):
    """Its grey has no deviation at any scale, not even one of a last bit."""
    detector = Detector(*face_like(), FACES)
    image = np.full((3, 40, 50), value, np.uint8)
    image[1] //= 2
    assert not any(maps.inputs.any() for maps in detector.maps([image]))


def test_only_so_many_pixels_go_together(monkeypatch):
    monkeypatch.setattr(module, "_NUMBERS", 100)
    images = [
        np.zeros((1, *size)) for size in ((5, 5), (5, 5), (5, 6), (5, 6), (5, 6), (5, 6), (20, 20), (20, 20))
    ]
    groups = together(images, 8, lambda image: image)
    assert [len(group) for group in groups] == [2, 3, 1, 1, 1]
    assert [len(group) for group in together(images[:2] * 2, 3, lambda image: image)] == [3, 1]


def test_images_are_taken_when_it_is_their_turn():
    taken = []

    def images():
        for number in range(10_000):
            taken.append(number)
            yield np.zeros((1, 2, 2))

    groups = together(images(), 8, lambda image: image)
    next(groups)
    assert len(taken) == 9


def test_spots_in_many_images():
    images = [np.zeros((1, 24, 30), np.uint8) for _ in range(9)]
    for place, image in enumerate(images):
        image[:, place : place + 3, 2 * place : 2 * place + 3] = 255
    found = Detector(*spot_net(), SPOT).run(images)
    assert [(each.boxes[0].top, each.boxes[0].left) for each in found] == [(p, 2 * p) for p in range(9)]
