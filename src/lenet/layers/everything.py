"""Every layer of the catalogue: importing this registers them all, and never imports torch."""

from __future__ import annotations

from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.activation_gated import GELU, SELU, HardSigmoid, HardSwish, Mish, PlacePReLU, Softsign
from lenet.layers.activation_smooth import ELU, PReLU, Softplus, Swish
from lenet.layers.affine import Bias, Scale
from lenet.layers.affine_batch_norm import AffineBatchNorm
from lenet.layers.answer import Accuracy, Softmax
from lenet.layers.answer_class import ClassAnswer, ClassTargets
from lenet.layers.arithmetic import Clip, Exponential, Logarithm, Power, Threshold
from lenet.layers.arrange import Flatten, Silence, Split
from lenet.layers.axpy import Axpy
from lenet.layers.batch_norm import BatchNorm
from lenet.layers.channel_dense import ChannelDense, TableDense
from lenet.layers.channel_shuffle import ChannelShuffle
from lenet.layers.class_loss import HingeLoss, InfogainLoss, LogisticLoss, SigmoidLoss
from lenet.layers.colour import Colour
from lenet.layers.combine import Concat, Eltwise
from lenet.layers.constant_pad import ConstantPad
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization, SubtractiveNormalization
from lenet.layers.convolution import Convolution
from lenet.layers.deconvolution import Deconvolution, Windows
from lenet.layers.dense import Dense
from lenet.layers.detection_output import DetectionOutput
from lenet.layers.distance_loss import ContrastiveLoss, EuclideanLoss
from lenet.layers.dropout import Dropout
from lenet.layers.embed import Embed
from lenet.layers.energy import SquaredError, TargetCrossEntropy
from lenet.layers.fit import Fit
from lenet.layers.hdf5_output import Hdf5Output
from lenet.layers.interpolate import Interpolate
from lenet.layers.jitter import Jitter
from lenet.layers.l2_normalization import L2Normalization
from lenet.layers.layer import LAYERS, Curvature, Input, Layer, Operation, Parameter
from lenet.layers.layer_norm import LayerNorm
from lenet.layers.loss import SoftmaxLoss
from lenet.layers.multiscale import LaplacianPyramid, WindowMerge
from lenet.layers.noise import GaussianNoise, SpatialDropout
from lenet.layers.normalization import LRN
from lenet.layers.origin import Dummy, Memory, Variable
from lenet.layers.pad import Pad
from lenet.layers.penalty import L1Penalty
from lenet.layers.plain_dropout import PlainDropout
from lenet.layers.pooling import Pooling
from lenet.layers.power_pooling import GaussianPooling, PowerPooling
from lenet.layers.prior_boxes import PriorBoxes
from lenet.layers.pyramid_pooling import PyramidPooling
from lenet.layers.rectification import Absolute, LowerBound
from lenet.layers.recurrent import LSTM, RNN, LSTMUnit
from lenet.layers.reduction import ArgMax, Reduction
from lenet.layers.region_pooling import RegionPooling
from lenet.layers.reorganize import Reorganize
from lenet.layers.reshape import Crop, Reshape, Slice, Tile
from lenet.layers.resize import Resize
from lenet.layers.rows import BatchReindex, Filter
from lenet.layers.selection import Narrow, Select
from lenet.layers.sensitive_pooling import SensitiveRegionPooling
from lenet.layers.shift_stitch import Interlace, Shifts
from lenet.layers.shrink import SmoothShrink, SoftShrink, TanhShrink
from lenet.layers.sided_pooling import SidedPooling
from lenet.layers.sigmoid import LeakyTanH, ScaledTanH
from lenet.layers.standardize import MVN
from lenet.layers.subsampling import Subsampling
from lenet.layers.table_convolution import TableConvolution
from lenet.layers.transpose import Transpose
from lenet.layers.unpooling import Unpooling
from lenet.layers.upsample import Upsample

__all__ = [
    "ELU",
    "GELU",
    "LAYERS",
    "LRN",
    "LSTM",
    "MVN",
    "RNN",
    "SELU",
    "Absolute",
    "Accuracy",
    "AffineBatchNorm",
    "ArgMax",
    "Axpy",
    "BatchNorm",
    "BatchReindex",
    "Bias",
    "ChannelDense",
    "ChannelShuffle",
    "ClassAnswer",
    "ClassTargets",
    "Clip",
    "Colour",
    "Concat",
    "ConstantPad",
    "ContrastNormalization",
    "ContrastiveLoss",
    "Convolution",
    "Crop",
    "Curvature",
    "Deconvolution",
    "Dense",
    "DetectionOutput",
    "DivisiveNormalization",
    "Dropout",
    "Dummy",
    "Eltwise",
    "Embed",
    "EuclideanLoss",
    "Exponential",
    "Filter",
    "Fit",
    "Flatten",
    "GaussianNoise",
    "GaussianPooling",
    "HardSigmoid",
    "HardSwish",
    "Hdf5Output",
    "HingeLoss",
    "InfogainLoss",
    "Input",
    "Interlace",
    "Interpolate",
    "Jitter",
    "L1Penalty",
    "L2Normalization",
    "LSTMUnit",
    "LaplacianPyramid",
    "Layer",
    "LayerNorm",
    "LeakyTanH",
    "Logarithm",
    "LogisticLoss",
    "LowerBound",
    "Memory",
    "Mish",
    "Narrow",
    "Operation",
    "PReLU",
    "Pad",
    "Parameter",
    "PlacePReLU",
    "PlainDropout",
    "Pooling",
    "Power",
    "PowerPooling",
    "PriorBoxes",
    "PyramidPooling",
    "ReLU",
    "Reduction",
    "RegionPooling",
    "Reorganize",
    "Reshape",
    "Resize",
    "Scale",
    "ScaledTanH",
    "Select",
    "SensitiveRegionPooling",
    "Shifts",
    "SidedPooling",
    "Sigmoid",
    "SigmoidLoss",
    "Silence",
    "Slice",
    "SmoothShrink",
    "SoftShrink",
    "Softmax",
    "SoftmaxLoss",
    "Softplus",
    "Softsign",
    "SpatialDropout",
    "Split",
    "SquaredError",
    "Subsampling",
    "SubtractiveNormalization",
    "Swish",
    "TableConvolution",
    "TableDense",
    "TanH",
    "TanhShrink",
    "TargetCrossEntropy",
    "Threshold",
    "Tile",
    "Transpose",
    "Unpooling",
    "Upsample",
    "Variable",
    "WindowMerge",
    "Windows",
]
