"""Spellings of the layers that change each number: activations, normalization, scales."""

from __future__ import annotations

from lenet.dialects.caffe.fillers import Fill
from lenet.dialects.caffe.layer_spelling import Spelling
from lenet.dialects.caffe.spelling import Absent, Plain, Setting, place
from lenet.errors import DescriptionError, Notes
from lenet.formats.message import Message
from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.activation_smooth import ELU, PReLU, Softplus, Swish
from lenet.layers.affine import Bias, Scale
from lenet.layers.arithmetic import Clip, Exponential, Logarithm, Power, Threshold
from lenet.layers.batch_norm import BatchNorm
from lenet.layers.dropout import Dropout
from lenet.layers.fillers import Constant
from lenet.layers.rectification import Absolute
from lenet.layers.standardize import MVN


class Base(Absent):
    """The base of powers and logarithms: -1 is that of the natural ones, no other number is negative."""

    def read(self, fields: Message, notes: Notes) -> Setting:
        value = super().read(fields, notes)
        if value is None and fields.value(self.field) != -1:
            raise DescriptionError(
                f"base is {fields.value(self.field):g}, it must be above 0",
                place(fields, self.field),
                "leave it out, or use -1, for e",
            )
        return value


_AFFINE = (Plain("scale", "scale"), Plain("shift", "shift"))
_AXES = (Plain("axis", "axis"), Plain("axes", "num_axes", least=-1))

NUMBER_SPELLINGS = (
    Spelling("ReLU", ReLU, "relu_param", (Plain("slope", "negative_slope"),), idle=("engine",)),
    Spelling(
        "PReLU",
        PReLU,
        "prelu_param",
        (
            Plain("shared", "channel_shared"),
            Fill("weight_filler", "filler", default=Constant(0.25)),
        ),
        ("weight",),
    ),
    Spelling("ELU", ELU, "elu_param", (Plain("alpha", "alpha"),)),
    Spelling("TanH", TanH, "tanh_param", idle=("engine",)),
    Spelling("Sigmoid", Sigmoid, "sigmoid_param", idle=("engine",)),
    Spelling("Swish", Swish, "swish_param", (Plain("beta", "beta"),)),
    Spelling("BNLL", Softplus),
    Spelling("AbsVal", Absolute),
    Spelling("Power", Power, "power_param", (Plain("power", "power"), *_AFFINE)),
    Spelling("Exp", Exponential, "exp_param", (Base("base", "base"), *_AFFINE)),
    Spelling("Log", Logarithm, "log_param", (Base("base", "base"), *_AFFINE)),
    Spelling(
        "Clip",
        Clip,
        "clip_param",
        (Plain("low", "min", required=True), Plain("high", "max", required=True)),
    ),
    Spelling("Threshold", Threshold, "threshold_param", (Plain("threshold", "threshold"),)),
    Spelling("Dropout", Dropout, "dropout_param", (Plain("ratio", "dropout_ratio"),)),
    Spelling(
        "BatchNorm",
        BatchNorm,
        "batch_norm_param",
        (
            Plain("stored", "use_global_stats"),
            Plain("fraction", "moving_average_fraction"),
            Plain("eps", "eps"),
        ),
        ("mean", "variance", "count"),
    ),
    Spelling(
        "MVN",
        MVN,
        "mvn_param",
        (
            Plain("variance", "normalize_variance"),
            Plain("across", "across_channels"),
            Plain("eps", "eps"),
        ),
    ),
    Spelling(
        "Scale",
        Scale,
        "scale_param",
        (
            *_AXES,
            Fill("weight_filler", "filler", default=Constant(1)),
            Plain("bias", "bias_term"),
            Fill("bias_filler", "bias_filler"),
        ),
        ("weight", "bias"),
    ),
    Spelling("Bias", Bias, "bias_param", (*_AXES, Fill("bias_filler", "filler")), ("bias",)),
)
