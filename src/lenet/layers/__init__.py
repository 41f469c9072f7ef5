"""CATALOGUE 1: the layers; importing this package registers them all, and never imports torch."""

from __future__ import annotations

from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.affine import Bias, Scale
from lenet.layers.answer import Accuracy, Softmax
from lenet.layers.arrange import Flatten, Silence, Split
from lenet.layers.channel_dense import ChannelDense, TableDense
from lenet.layers.colour import Colour
from lenet.layers.combine import Concat, Eltwise
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization, SubtractiveNormalization
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout
from lenet.layers.fit import Fit
from lenet.layers.jitter import Jitter
from lenet.layers.layer import LAYERS, Curvature, Input, Layer, Operation, Parameter
from lenet.layers.loss import SoftmaxLoss
from lenet.layers.multiscale import LaplacianPyramid, WindowMerge
from lenet.layers.normalization import LRN
from lenet.layers.pad import Pad
from lenet.layers.plain_dropout import PlainDropout
from lenet.layers.pooling import Pooling
from lenet.layers.power_pooling import GaussianPooling, PowerPooling
from lenet.layers.rectification import Absolute, LowerBound
from lenet.layers.resize import Resize
from lenet.layers.selection import Narrow, Select
from lenet.layers.shift_stitch import Interlace, Shifts
from lenet.layers.shrink import SmoothShrink, SoftShrink, TanhShrink
from lenet.layers.sigmoid import LeakyTanH, ScaledTanH
from lenet.layers.subsampling import Subsampling
from lenet.layers.table_convolution import TableConvolution

__all__ = [
    "LAYERS",
    "LRN",
    "Absolute",
    "Accuracy",
    "Bias",
    "ChannelDense",
    "Colour",
    "Concat",
    "ContrastNormalization",
    "Convolution",
    "Curvature",
    "Dense",
    "DivisiveNormalization",
    "Dropout",
    "Eltwise",
    "Fit",
    "Flatten",
    "GaussianPooling",
    "Input",
    "Interlace",
    "Jitter",
    "LaplacianPyramid",
    "Layer",
    "LeakyTanH",
    "LowerBound",
    "Narrow",
    "Operation",
    "Pad",
    "Parameter",
    "PlainDropout",
    "Pooling",
    "PowerPooling",
    "ReLU",
    "Resize",
    "Scale",
    "ScaledTanH",
    "Select",
    "Shifts",
    "Sigmoid",
    "Silence",
    "SmoothShrink",
    "SoftShrink",
    "Softmax",
    "SoftmaxLoss",
    "Split",
    "Subsampling",
    "SubtractiveNormalization",
    "TableConvolution",
    "TableDense",
    "TanH",
    "TanhShrink",
    "WindowMerge",
]
