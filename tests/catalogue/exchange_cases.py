"""Rows of layers that Keras and ONNX brought in: name, layer, inputs, what to know; see image_cases.py."""

from lenet.layers import (
    GELU,
    SELU,
    ConstantPad,
    GaussianNoise,
    HardSigmoid,
    HardSwish,
    LayerNorm,
    Mish,
    PlacePReLU,
    SidedPooling,
    Softsign,
    SpatialDropout,
    Transpose,
    Upsample,
)
from lenet.layers.fillers import Gaussian

IMAGE = tuple("NCHW")
FLAT = tuple("NC")
LINE = tuple("NCW")
FILL = {"weight_filler": Gaussian(std=0.3)}
TRAINING = {"training": True, "gradient": False}

EXCHANGE_ROWS = [
    ("gelu", GELU(), (IMAGE,)),
    ("gelu", GELU(approximate=True), (FLAT,)),
    ("selu", SELU(), (IMAGE,)),
    ("hard_sigmoid", HardSigmoid(), (IMAGE,)),
    ("hard_sigmoid", HardSigmoid(0.2, 0.4), (FLAT,)),
    ("hard_swish", HardSwish(), (IMAGE,)),
    ("mish", Mish(), (IMAGE,)),
    ("softsign", Softsign(), (IMAGE,)),
    ("place_prelu", PlacePReLU(**FILL), (IMAGE,)),
    ("place_prelu", PlacePReLU(**FILL), (FLAT,)),
    ("constant_pad", ConstantPad((2,), (1,)), (LINE,)),
    ("constant_pad", ConstantPad((1, 0, 2), (0, 3, 1), -0.5), (IMAGE,)),
    ("layer_norm", LayerNorm((1,), bias_filler=Gaussian(std=0.3)), (IMAGE,)),
    ("layer_norm", LayerNorm((1, -1), 1e-3), (IMAGE,)),
    ("layer_norm", LayerNorm(scale=False), (FLAT,)),
    ("layer_norm", LayerNorm(bias=False), (LINE,)),
    ("gaussian_noise", GaussianNoise(0.1), (IMAGE,)),
    ("gaussian_noise", GaussianNoise(0.1), (FLAT,), TRAINING),
    ("spatial_dropout", SpatialDropout(0.4), (IMAGE,)),
    ("spatial_dropout", SpatialDropout(0.4), (LINE,), TRAINING),
    ("sided_pooling", SidedPooling("max", (2,), (2,), (0,), (1,)), (IMAGE,)),
    ("sided_pooling", SidedPooling("max", (3, 2), (1, 2), (2, 0), (0, 1)), (IMAGE,)),
    ("sided_pooling", SidedPooling("average", (3, 2), (2, 1), (1, 0), (2, 1)), (IMAGE,)),
    ("sided_pooling", SidedPooling("average", (3,), (2,), (1,), (0,), counted=True), (LINE,)),
    ("sided_pooling", SidedPooling("average", (2,), (2,), (0,), (1,)), (tuple("NCDHW"),)),
    ("transpose", Transpose((0, 2, 3, 1)), (IMAGE,)),
    ("transpose", Transpose((0, 2, 1)), (LINE,)),
    ("upsample", Upsample((2, 3)), (IMAGE,)),
    ("upsample", Upsample((3,)), (LINE,)),
    ("upsample", Upsample((2, 3), "bilinear"), (IMAGE,)),
]
