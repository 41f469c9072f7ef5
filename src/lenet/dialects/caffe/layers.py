"""How Caffe spells layers: one row of :data:`SPELLINGS` per type, read and written from the same data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lenet.dialects.caffe.feeds import FEED_SPELLINGS, FeedSpelling
from lenet.dialects.caffe.fillers import Fill
from lenet.dialects.caffe.layer_rows import (
    GlobalWindow,
    InputShapes,
    Normalization,
    OutputCount,
    Rounding,
    SecondOutput,
)
from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.spelling import (
    LAYER,
    Axes,
    Choice,
    Odd,
    Plain,
    Renamed,
    Row,
    Setting,
    Several,
    place,
    section,
)
from lenet.errors import Notes, did_you_mean
from lenet.formats.message import Message
from lenet.layers.activation import ReLU, Sigmoid, TanH
from lenet.layers.answer import Accuracy, Softmax
from lenet.layers.arrange import Flatten, Silence, Split
from lenet.layers.combine import Concat, Eltwise
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.dropout import Dropout
from lenet.layers.layer import Input, Layer
from lenet.layers.loss import SoftmaxLoss
from lenet.layers.normalization import LRN
from lenet.layers.pooling import Pooling
from lenet.net import Kind


@dataclass(frozen=True)
class Spelling:
    """One type of layer: Caffe's word, our class, the sub-message with its settings, and the settings.

    `parameters` names what its blobs hold; `idle` lists fields that change nothing that is computed.
    """

    word: str
    kind: type[Layer]
    section: str = ""
    rows: tuple[Row, ...] = ()
    parameters: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def sections(self) -> frozenset[str]:
        """The sub-messages that mean something to this type."""
        return frozenset({self.section, *(row.section for row in self.rows)} - {"", LAYER})

    def speaks_for(self, kind: Kind) -> bool:
        """Whether this row writes layers such as `kind`."""
        return type(kind) is self.kind

    def read(self, layer: Message, notes: Notes) -> Kind:
        """Our layer for one of Caffe's.

        Raises: DescriptionError at the entry that cannot be.
        """
        values = {
            row.attribute: row.read(section(layer, row.section or self.section), notes) for row in self.rows
        }
        return self.kind(**values)

    def write(self, kind: Setting, layer: Message, notes: Notes) -> None:
        """Add the settings of `kind` to `layer`, without those that are Caffe's defaults.

        Raises: DescriptionError for a setting that Caffe has no words for.
        """
        written: dict[str, Message] = {}
        for row in self.rows:
            name = row.section or self.section
            fields = written.get(name) or (
                layer if name == LAYER else new_message(layer.field(name).type, layer.where)
            )
            written[name] = fields
            row.write(getattr(kind, row.attribute), fields)
        for name, fields in written.items():
            if name != LAYER and fields.entries:
                layer.add(name, fields)


_WEIGHTS = ("weight", "bias")
_FILLERS = (Fill("weight_filler", "weight_filler"), Fill("bias_filler", "bias_filler"))
_METHODS = {"MAX": "max", "AVE": "average", "STOCHASTIC": "stochastic"}
_REGIONS = {"ACROSS_CHANNELS": "across", "WITHIN_CHANNEL": "within"}
_NORMALIZATIONS = {name.upper(): name for name in ("full", "valid", "batch_size", "none")}
_OPERATIONS = {"PROD": "product", "SUM": "sum", "MAX": "max"}

LAYER_SPELLINGS = (
    Spelling("Input", Input, "input_param", (InputShapes("shapes", "shape", LAYER),)),
    Spelling(
        "Convolution",
        Convolution,
        "convolution_param",
        (
            Plain("outputs", "num_output", required=True, least=1),
            Axes("window", "kernel_size", pair=("kernel_h", "kernel_w")),
            Axes("stride", "stride", pair=("stride_h", "stride_w"), default=(1,)),
            Axes("pad", "pad", pair=("pad_h", "pad_w"), default=(0,), least=0, alone=True),
            Axes("dilation", "dilation", default=(1,)),
            Plain("groups", "group", least=1),
            Plain("bias", "bias_term"),
            Plain("axis", "axis"),
            *_FILLERS,
        ),
        _WEIGHTS,
        idle=("engine", "force_nd_im2col"),
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
    Spelling("ReLU", ReLU, "relu_param", (Plain("slope", "negative_slope"),), idle=("engine",)),
    Spelling("TanH", TanH, "tanh_param", idle=("engine",)),
    Spelling("Sigmoid", Sigmoid, "sigmoid_param", idle=("engine",)),
    Spelling("Dropout", Dropout, "dropout_param", (Plain("ratio", "dropout_ratio"),)),
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
    Spelling("Softmax", Softmax, "softmax_param", (Plain("axis", "axis"),), idle=("engine",)),
    Spelling(
        "SoftmaxWithLoss",
        SoftmaxLoss,
        "softmax_param",
        (
            Plain("axis", "axis"),
            Plain("ignore_label", "ignore_label", "loss_param"),
            Normalization("normalization", "normalization", "loss_param", words=_NORMALIZATIONS),
            SecondOutput("probabilities", "top", LAYER),
        ),
        idle=("engine",),
    ),
    Spelling(
        "Accuracy",
        Accuracy,
        "accuracy_param",
        (
            Plain("top_k", "top_k", least=1),
            Plain("axis", "axis"),
            Plain("ignore_label", "ignore_label"),
            SecondOutput("per_class", "top", LAYER),
        ),
    ),
    Spelling("Split", Split, rows=(OutputCount("copies", "top", LAYER),)),
    Spelling("Flatten", Flatten, "flatten_param", (Plain("axis", "axis"), Plain("end_axis", "end_axis"))),
    Spelling("Concat", Concat, "concat_param", (Renamed("axis", "axis", old="concat_dim"),)),
    Spelling(
        "Eltwise",
        Eltwise,
        "eltwise_param",
        (
            Choice("method", "operation", words=_OPERATIONS),
            Several("coefficients", "coeff"),
            Plain("stable", "stable_prod_grad"),
        ),
    ),
    Spelling("Silence", Silence),
)

#: every type of layer that can be read, run and written, by Caffe's word for it
SPELLINGS: Mapping[str, Spelling | FeedSpelling] = {
    spelling.word: spelling for spelling in (*FEED_SPELLINGS, *LAYER_SPELLINGS)
}

#: words that older files use for a type, without underscores and case
_OLDER = {"softmaxloss": "SoftmaxWithLoss", "conv": "Convolution", "pool": "Pooling"}
_LOWER = {name.lower(): name for name in SPELLINGS} | _OLDER


def spelling_of(layer: Message, notes: Notes) -> Spelling | FeedSpelling | None:
    """The row for a layer's type, None if there is none; another case or an older name gets a warning."""
    type, name = str(layer.get("type", "")), layer.get("name", "")
    if type in SPELLINGS:
        return SPELLINGS[type]
    meant = _LOWER.get(type.lower().replace("_", ""))
    if meant:
        notes.warn(f"layer '{name}': type '{type}' is read as '{meant}'", place(layer, "type"))
        return SPELLINGS[meant]
    hint = did_you_mean(type, SPELLINGS)
    reason = f"layer '{name}': type '{type}' is unknown: it is kept as it is, but cannot run"
    notes.warn(reason, place(layer, "type"), hint)
    return None


def spelling_for(kind: Kind) -> Spelling | FeedSpelling | None:
    """The row that writes such a layer, None if Caffe has no such layer."""
    return next((spelling for spelling in SPELLINGS.values() if spelling.speaks_for(kind)), None)


def parameter_names(type: str, count: int) -> tuple[str, ...]:
    """The names of a layer's blobs, "0", "1", ... where the type has no names for them.

    >>> parameter_names("Convolution", 1), parameter_names("BatchNorm", 3)
    (('weight',), ('0', '1', '2'))
    """
    spelling = SPELLINGS.get(type)
    names = spelling.parameters if spelling else ()
    return names[:count] if count <= len(names) else tuple(str(index) for index in range(count))
