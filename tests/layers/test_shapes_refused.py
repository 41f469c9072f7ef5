"""Layers that do not fit their inputs: one sentence that names both sides."""

import pytest

from lenet.layers import LRN, Concat, Convolution, Dense, Dropout, Eltwise, Flatten, ReLU, Softmax, Split
from lenet.shapes import ShapeError


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (Convolution(2, (5,)), [], "takes one or more inputs, none given"),
        (Convolution(2, (5,)), [(1, 1, 3, 9)], "window 5 x 5 is larger than its input, 3 x 9"),
        (
            Convolution(2, (3,), dilation=(3,), pad=(1, 0)),
            [(1, 1, 4, 9)],
            "window 7 x 7 is larger than its input, 4 x 9 padded to 6 x 9",
        ),
        (
            Convolution(2, (5,)),
            [(64, 10)],
            "has 0 spatial axes after channel axis 1; 1 to 3 can be convolved",
        ),
        (Convolution(2, (5,), axis=4), [(1, 1, 8, 8)], "axis 4 is outside a shape of 4 axes"),
        (
            Convolution(2, (5, 5, 5)),
            [(1, 1, 8, 8)],
            "window has 3 numbers, the input has 2 spatial axes: give 1 or 2",
        ),
        (
            Convolution(3, (1,), groups=2),
            [(1, 4, 8, 8)],
            "4 channels and 3 outputs do not fall into 2 groups",
        ),
        (Convolution(0, (1,)), [(1, 4, 8, 8)], "outputs 0 and groups 1 must be at least 1"),
        (
            Convolution(2, (1,)),
            [(1, 4, 8, 8), (1, 3, 8, 8)],
            "the inputs share their weights, so they need one shape: input 1 is 1 x 3 x 8 x 8, "
            "input 0 is 1 x 4 x 8 x 8",
        ),
        (Dense(10), [(64,)], "axis 1 is outside a shape of 1 axes"),
        (Dense(0), [(64, 3)], "outputs 0 must be at least 1"),
        (Dense(10), [(64, 3), (64, 3)], "takes 1 input, 2 given"),
        (ReLU(), [], "takes 1 input, 0 given"),
        (Dropout(1.0), [(1,)], "ratio is 1, it must be at least 0 and below 1"),
        (LRN(4, 1, 0.75, 1, "across"), [(1, 1, 8, 8)], "size is 4, it must be odd"),
        (
            LRN(5, 1, 0.75, 1, "across"),
            [(8, 8)],
            "takes inputs of 4 axes, batch x channels x height x width, not 8 x 8",
        ),
        (Softmax(axis=2), [(8, 8)], "axis 2 is outside a shape of 2 axes"),
        (Flatten(2, 1), [(1, 2, 3)], "the first axis, 2, comes after the last one, 1"),
        (Split(0), [(1,)], "has 0 copies, the least is 1"),
        (Concat(), [], "takes one or more inputs, none given"),
        (
            Concat(),
            [(2, 3, 4), (2, 3, 5)],
            "input 1 is 2 x 3 x 5, input 0 is 2 x 3 x 4: only axis 1 may differ",
        ),
        (Eltwise("sum"), [(2, 3)], "takes two or more inputs, 1 given"),
        (
            Eltwise("sum"),
            [(2, 3), (2, 1)],
            "the inputs need one shape: input 1 is 2 x 1, input 0 is 2 x 3",
        ),
        (Eltwise("product", (1.0, 1.0)), [(2,), (2,)], "a product takes no coefficients"),
        (Eltwise("sum", (1.0,)), [(2,), (2,)], "has 1 coefficients for 2 inputs"),
    ],
)
def test_refused(layer, inputs, message):
    with pytest.raises(ShapeError) as error:
        layer.shape(inputs)
    assert error.value.message == message


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (Convolution(20, (5,)), (1, 1, 28, 28), 20 * 24 * 24 * 25),
        (Convolution(50, (5,)), (64, 20, 12, 12), 64 * 50 * 8 * 8 * 20 * 25),
        (Convolution(8, (3,), groups=4, stride=(2,)), (1, 4, 9, 9), 8 * 4 * 4 * 9),
        (Dense(500), (64, 50, 4, 4), 64 * 800 * 500),
        (Dense(5, axis=2), (2, 3, 4), 2 * 3 * 4 * 5),
        (ReLU(), (64, 500), 0),
    ],
)
def test_multiply_adds(layer, shape, multiply_adds):
    assert layer.multiply_adds([shape]) == multiply_adds
