"""Image layers that do not fit their inputs: one sentence that names both sides."""

import pytest

from lenet.layers import (
    Bias,
    ChannelDense,
    Colour,
    ContrastNormalization,
    Fit,
    Interlace,
    Jitter,
    LaplacianPyramid,
    Narrow,
    Pad,
    PlainDropout,
    PowerPooling,
    Resize,
    Select,
    Shifts,
    SmoothShrink,
    Subsampling,
    SubtractiveNormalization,
    TableConvolution,
    TableDense,
    WindowMerge,
)
from lenet.shapes import ShapeError

IMAGE = (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (TableConvolution((), (5,)), [IMAGE], "the connection table has no rows"),
        (
            TableConvolution(((0, 0), (3, 1)), (5,)),
            [IMAGE],
            "row 1 of the connection table reads feature 3; the input has 3 features, 0 to 2",
        ),
        (
            TableConvolution(((0, -1),), (5,)),
            [IMAGE],
            "row 0 of the connection table writes feature -1, below 0",
        ),
        (TableConvolution(((0, 0),), (9, 2)), [IMAGE], "window 9 x 2 is larger than its input, 8 x 8"),
        (
            TableConvolution(((0, 0),), (1, 2, 3)),
            [IMAGE],
            "window has 3 numbers: give one, or height and width",
        ),
        (TableConvolution(((0, 0),), (5,), (0,)), [IMAGE], "stride is 0, the least is 1"),
        (
            TableConvolution(((0, 0),), (5,)),
            [(3, 8, 8)],
            "takes inputs of 4 axes, batch x channels x height x width, not 3 x 8 x 8",
        ),
        (Subsampling((2,)), [(1, 3, 0, 8)], "has no pixels: the input is 1 x 3 x 0 x 8"),
        (Subsampling((2,)), [(1, 3, 1, 8)], "window 2 x 2 is larger than its input, 1 x 8"),
        (ChannelDense(0), [(1, 3)], "outputs 0 must be at least 1"),
        (ChannelDense(2), [(3,)], "takes a batch axis and a feature axis, not 3"),
        (TableDense(((0, 0),)), [IMAGE], "takes one number per feature, not positions: 1 x 3 x 8 x 8"),
        (Bias(), [(3,)], "axis 1 is outside a shape of 1 axes"),
        (SmoothShrink(), [(3,)], "takes a batch axis and a feature axis, not 3"),
        (PowerPooling(0.5, (2,), (2,)), [IMAGE], "power is 0.5, the least is 1"),
        (Pad((0, -1, 0, 0)), [IMAGE], "a border cannot be -1 pixels wide"),
        (
            Pad((0, 0, 3, 0), "mirror"),
            [(1, 1, 3, 3)],
            "a mirrored border of (0, 0, 3, 0) is wider than its input, 3 x 3",
        ),
        (
            SubtractiveNormalization((3,), groups=2),
            [IMAGE],
            "3 channels do not fall into 2 groups",
        ),
        (
            ContrastNormalization((4,), border="mirror"),
            [IMAGE],
            "a mirrored border needs a window of odd sides, not 4 x 4",
        ),
        (
            ContrastNormalization((5,), border="none"),
            [IMAGE],
            "window 9 x 9 is larger than its input, 8 x 8",
        ),
        (
            Colour("yuv", ((1, "local"), (1, "global"))),
            [IMAGE],
            "the groups have 1 + 1 channels, the colour space 'yuv' has 3",
        ),
        (
            Colour("y", ((1, "local"),)),
            [(1, 2, 9, 9)],
            "takes images of 3 channels, or 1 if they are grey, not 2",
        ),
        (
            Colour("y", ((1, "local"),), window=(7,)),
            [(1, 3, 2, 9)],
            "a mirrored border of (3, 3, 3, 3) is wider than its input, 2 x 9",
        ),
        (Resize(), [IMAGE], "takes either a size or a ratio"),
        (Resize((2, 2), (0.5, 0.5)), [IMAGE], "takes either a size or a ratio"),
        (Resize(ratio=(0.01, 1.0)), [IMAGE], "makes 0 x 8 pixels of 8 x 8: give a larger size or ratio"),
        (Fit((8, 8), preparation=Bias()), [IMAGE], "its preparation, Bias, has weights"),
        (Narrow(1, 2, (0, 2)), [IMAGE], "cannot cut 2 from 2 on out of axis 1, which has 3"),
        (Select(()), [IMAGE], "selects no features"),
        (Select((0, 3)), [IMAGE], "selects feature 3, the input has 3, 0 to 2"),
        (WindowMerge(((4, 4),), ((1, 1),)), [IMAGE, IMAGE], "has 1 windows and 1 strides for 2 inputs"),
        (
            WindowMerge(((9, 4),), ((1, 1),)),
            [IMAGE],
            "window 9 x 4 with stride 1 x 1 does not fit 8 x 8",
        ),
        (
            WindowMerge(((4, 4), (4, 4)), ((1, 1), (1, 1))),
            [IMAGE, (1, 3, 5, 8)],
            "input 1 is 1 x 3 x 5 x 8: 5 x 5 positions of its window 4 x 4 need 8 x 8 pixels",
        ),
        (
            LaplacianPyramid(0, (5,)),
            [IMAGE],
            "takes 1 scale or more and a window of odd sides, not 0 and 5 x 5",
        ),
        (Shifts((9, 1)), [IMAGE], "9 x 1 offsets leave 0 x 8 pixels"),
        (Interlace((2,)), [IMAGE], "weaves 2 x 2 inputs, 1 given"),
        (Jitter(scalings=((0.0, 1.0),)), [IMAGE], "scalings must be larger than 0"),
        (PlainDropout(1.5), [IMAGE], "ratio is 1.5, it must be from 0 to 1"),
    ],
)
def test_refused(layer, inputs, message):
    with pytest.raises(ShapeError) as error:
        layer.shape(inputs)
    assert error.value.message == message


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (TableConvolution(((0, 0), (1, 2)), (3,)), (2, 2, 6, 5), 2 * 4 * 3 * 2 * 9),
        (ChannelDense(10), (2, 120, 3, 2), 2 * 120 * 6 * 10),
        (TableDense(((0, 0), (1, 2))), (5, 2), 5 * 2),
        (PowerPooling(2, (3,), (2,)), (2, 4, 7, 7), 2 * 4 * 9 * 9),
        (ContrastNormalization((5,)), (2, 6, 8, 8), 2 * 2 * 64 * 25),
        (SubtractiveNormalization((5,), groups=None), (2, 6, 8, 8), 2 * 6 * 64 * 25),
    ],
)
def test_multiply_adds(layer, shape, multiply_adds):
    assert layer.multiply_adds([shape]) == multiply_adds
