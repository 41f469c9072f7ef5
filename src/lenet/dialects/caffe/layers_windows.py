"""Spellings of the layers that slide windows, and of fully connected ones."""

from __future__ import annotations

from lenet.dialects.caffe.fillers import Fill
from lenet.dialects.caffe.layer_rows import GlobalWindow, Rounding, SecondOutput
from lenet.dialects.caffe.layer_spelling import Spelling
from lenet.dialects.caffe.spelling import LAYER, Axes, Choice, Odd, Plain
from lenet.layers.convolution import Convolution
from lenet.layers.deconvolution import Deconvolution, Windows
from lenet.layers.dense import Dense
from lenet.layers.embed import Embed
from lenet.layers.normalization import LRN
from lenet.layers.pooling import Pooling
from lenet.layers.pyramid_pooling import PyramidPooling
from lenet.layers.recurrent import LSTM, RNN, LSTMUnit

_WEIGHTS = ("weight", "bias")
_FILLERS = (Fill("weight_filler", "weight_filler"), Fill("bias_filler", "bias_filler"))
_METHODS = {"MAX": "max", "AVE": "average", "STOCHASTIC": "stochastic"}
_REGIONS = {"ACROSS_CHANNELS": "across", "WITHIN_CHANNEL": "within"}
_SLIDING = (
    Axes("window", "kernel_size", pair=("kernel_h", "kernel_w")),
    Axes("stride", "stride", pair=("stride_h", "stride_w"), default=(1,)),
    Axes("pad", "pad", pair=("pad_h", "pad_w"), default=(0,), least=0, alone=True),
)
_CONVOLUTION = (
    Plain("outputs", "num_output", required=True, least=1),
    *_SLIDING,
    Axes("dilation", "dilation", default=(1,)),
    Plain("groups", "group", least=1),
    Plain("bias", "bias_term"),
    Plain("axis", "axis"),
    *_FILLERS,
)
_RECURRENT = (
    Plain("outputs", "num_output", required=True, least=1),
    *_FILLERS,
    Plain("exposed", "expose_hidden"),
)
_CONVOLUTION_IDLE = ("engine", "force_nd_im2col")

WINDOW_SPELLINGS = (
    Spelling("Convolution", Convolution, "convolution_param", _CONVOLUTION, _WEIGHTS, idle=_CONVOLUTION_IDLE),
    Spelling(
        "Deconvolution", Deconvolution, "convolution_param", _CONVOLUTION, _WEIGHTS, idle=_CONVOLUTION_IDLE
    ),
    Spelling(
        "Im2col",
        Windows,
        "convolution_param",
        (*_SLIDING, Axes("dilation", "dilation", default=(1,))),
        idle=("num_output", "group", "bias_term", "axis", "weight_filler", "bias_filler", *_CONVOLUTION_IDLE),
    ),
    Spelling(
        "SPP",
        PyramidPooling,
        "spp_param",
        (
            Plain("levels", "pyramid_height", required=True, least=1),
            Choice("method", "pool", words=_METHODS),
        ),
        idle=("engine",),
    ),
    Spelling(
        "Pooling",
        Pooling,
        "pooling_param",
        (
            Choice("method", "pool", words=_METHODS),
            GlobalWindow("window", "kernel_size", pair=("kernel_h", "kernel_w")),
            Axes("stride", "stride", pair=("stride_h", "stride_w"), default=(1,)),
            Axes("pad", "pad", pair=("pad_h", "pad_w"), default=(0,), least=0, alone=True),
            Rounding("rounding", "round_mode", words={"CEIL": "ceil", "FLOOR": "floor"}),
            SecondOutput("mask", "top", LAYER),
        ),
        idle=("engine",),
    ),
    Spelling(
        "LRN",
        LRN,
        "lrn_param",
        (
            Odd("size", "local_size", least=1),
            Plain("alpha", "alpha"),
            Plain("beta", "beta"),
            Plain("k", "k"),
            Choice("region", "norm_region", words=_REGIONS),
        ),
        idle=("engine",),
    ),
    Spelling(
        "InnerProduct",
        Dense,
        "inner_product_param",
        (
            Plain("outputs", "num_output", required=True, least=1),
            Plain("bias", "bias_term"),
            Plain("axis", "axis"),
            Plain("transposed", "transpose"),
            *_FILLERS,
        ),
        _WEIGHTS,
    ),
    Spelling(
        "Embed",
        Embed,
        "embed_param",
        (
            Plain("outputs", "num_output", required=True, least=1),
            Plain("things", "input_dim", required=True, least=1),
            Plain("bias", "bias_term"),
            *_FILLERS,
        ),
        _WEIGHTS,
    ),
    Spelling(
        "LSTM",
        LSTM,
        "recurrent_param",
        _RECURRENT,
        (*_WEIGHTS, "static_weight", "hidden_weight"),
        idle=("debug_info",),
    ),
    Spelling(
        "RNN",
        RNN,
        "recurrent_param",
        _RECURRENT,
        (*_WEIGHTS, "static_weight", "hidden_weight", "output_weight", "output_bias"),
        idle=("debug_info",),
    ),
    Spelling("LSTMUnit", LSTMUnit),
)
