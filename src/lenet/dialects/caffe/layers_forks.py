"""Spellings of the layers that Caffe's forks added: SSD's, Fast R-CNN's, DeepLab's, SegNet's and others'.

Where two forks have one word for different layers, its settings tell which is meant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lenet.dialects.caffe.fillers import Fill
from lenet.dialects.caffe.fork_rows import (
    Factors,
    InterpCut,
    InterpSize,
    Numbers,
    OrElse,
    Pair,
    Switches,
    Within,
)
from lenet.dialects.caffe.layer_spelling import Spelling
from lenet.dialects.caffe.layers_windows import WINDOW_SPELLINGS
from lenet.dialects.caffe.limits import MOST_PIXELS
from lenet.dialects.caffe.spelling import Choice, Plain, Row, Setting, Several, section
from lenet.errors import DescriptionError, Notes
from lenet.formats.message import Message
from lenet.layers.activation_gated import Mish
from lenet.layers.affine import Scale
from lenet.layers.affine_batch_norm import AffineBatchNorm
from lenet.layers.arithmetic import Clip
from lenet.layers.axpy import Axpy
from lenet.layers.channel_shuffle import ChannelShuffle
from lenet.layers.convolution import Convolution
from lenet.layers.detection_output import DetectionOutput
from lenet.layers.fillers import Constant
from lenet.layers.interpolate import Interpolate
from lenet.layers.l2_normalization import L2Normalization
from lenet.layers.prior_boxes import PriorBoxes
from lenet.layers.region_pooling import RegionPooling
from lenet.layers.reorganize import Reorganize
from lenet.layers.sensitive_pooling import SensitiveRegionPooling
from lenet.layers.transpose import Transpose
from lenet.layers.unpooling import Unpooling
from lenet.layers.upsample import Upsample
from lenet.net import Kind

_CODINGS = {"CORNER": "corner", "CENTER_SIZE": "centre", "CORNER_SIZE": "corner_size"}
_ONE = Constant(1)
_SEGNET = ("scale_filler", "shift_filler", "bn_mode")
_SEGNET_EPS = 1e-9


@dataclass(frozen=True)
class UpsampleSpelling(Spelling):
    """SegNet's Upsample has two bottoms, the second tells places; U-Net's has one and repeats pixels."""

    repeated: tuple[Row, ...] = ()

    def speaks_for(self, kind: Kind) -> bool:
        return isinstance(kind, Unpooling | Upsample)

    def _own(self, places: bool) -> Spelling:
        if places:
            return Spelling(self.word, Unpooling, self.section, self.rows)
        return Spelling(self.word, Upsample, self.section, self.repeated)

    def read(self, layer: Message, notes: Notes) -> Kind:
        return self._own(len(layer.entries_of("bottom")) > 1).read(layer, notes)

    def write(self, kind: Setting, layer: Message, notes: Notes) -> None:
        if isinstance(kind, Upsample) and (kind.method != "nearest" or len(kind.factors) > 2):
            raise DescriptionError(f"Caffe's forks only repeat the pixels of images, this one is {kind}")
        self._own(isinstance(kind, Unpooling)).write(kind, layer, notes)


@dataclass(frozen=True)
class BNSpelling(Spelling):
    """Wang's BN stores mean and variance; SegNet's takes the batch's, or only scales (bn_mode: INFERENCE)."""

    def read(self, layer: Message, notes: Notes) -> Kind:
        fields = section(layer, self.section)
        if not any(fields.has(name) for name in _SEGNET):
            kind = super().read(layer, notes)
            return replace(kind, fraction=1.0) if fields.value("frozen") else kind  # type: ignore[type-var]
        weight, bias = (
            Fill("", name, default=default).read(fields, notes)
            for name, default in (("scale_filler", _ONE), ("shift_filler", Constant(0)))
        )
        if fields.value("bn_mode") == "INFERENCE":
            return Scale(weight_filler=weight, bias=True, bias_filler=bias)
        return AffineBatchNorm(False, eps=_SEGNET_EPS, weight_filler=weight, bias_filler=bias)

    def write(self, kind: Setting, layer: Message, notes: Notes) -> None:
        if kind.stored:
            frozen = kind.fraction == 1
            super().write(replace(kind, fraction=0.9) if frozen else kind, layer, notes)
            if frozen:
                (layer.get(self.section) or layer.add_message(self.section)).add("frozen", True)
            return
        if kind.eps != _SEGNET_EPS:
            raise DescriptionError(
                f"Caffe's forks take the batch's own variance with eps 1e-9, not {kind.eps:g}"
            )
        fields = layer.add_message(self.section)
        Fill("", "scale_filler", default=_ONE).write(kind.weight_filler, fields)
        Fill("", "shift_filler").write(kind.bias_filler, fields)
        fields.add("bn_mode", "LEARN")


@dataclass(frozen=True)
class DepthwiseSpelling(Spelling):
    """A convolution with as many groups as outputs, which need not be said."""

    def read(self, layer: Message, notes: Notes) -> Kind:
        kind = super().read(layer, notes)
        given = section(layer, self.section).entry("group")
        if isinstance(kind, Convolution) and given is None:
            return replace(kind, groups=kind.outputs)
        return kind


@dataclass(frozen=True)
class FixedSpelling(Spelling):
    """A layer without settings, which is one of ours with some."""

    meant: Kind = Clip(0.0, 6.0)

    def read(self, layer: Message, notes: Notes) -> Kind:
        return self.meant


_CONVOLUTION = next(spelling for spelling in WINDOW_SPELLINGS if spelling.word == "Convolution")

FORK_SPELLINGS = (
    Spelling("Permute", Transpose, "permute_param", (Several("order", "order"),)),
    Spelling(
        "Normalize",
        L2Normalization,
        "norm_param",
        (
            Plain("across", "across_spatial"),
            Plain("shared", "channel_shared"),
            Plain("eps", "eps"),
            Fill("weight_filler", "scale_filler", default=_ONE),
        ),
        ("weight",),
    ),
    Spelling(
        "PriorBox",
        PriorBoxes,
        "prior_box_param",
        (
            Several("least", "min_size", most=MOST_PIXELS),
            Several("most", "max_size", most=MOST_PIXELS),
            Several("ratios", "aspect_ratio"),
            Plain("flip", "flip"),
            Plain("clip", "clip"),
            Numbers("variances", "variance", other=(0.1,)),
            Pair("image", "img_size", pair=("img_h", "img_w"), most=MOST_PIXELS),
            Pair("step", "step", pair=("step_h", "step_w"), most=MOST_PIXELS),
            Plain("offset", "offset"),
        ),
    ),
    Spelling(
        "DetectionOutput",
        DetectionOutput,
        "detection_output_param",
        (
            Plain("classes", "num_classes", required=True),
            Choice("boxes", "share_location", words={True: "one", False: "per_class"}),  # type: ignore[dict-item]
            Plain("background", "background_label_id"),
            Choice("coding", "code_type", words=_CODINGS),
            Plain("scaled", "variance_encoded_in_target"),
            Plain("confidence", "confidence_threshold"),
            Within("overlap", "nms_param", row=Plain("", "nms_threshold")),
            Within("shrinking", "nms_param", row=Plain("", "eta")),
            Within("most", "nms_param", row=OrElse("", "top_k")),
            Plain("kept", "keep_top_k"),
        ),
        idle=("save_output_param", "visualize", "visualize_threshold", "save_file"),
    ),
    Spelling(
        "ROIPooling",
        RegionPooling,
        "roi_pooling_param",
        (
            Pair("grid", "", pair=("pooled_h", "pooled_w"), required=True, most=MOST_PIXELS),
            Plain("scale", "spatial_scale"),
        ),
    ),
    Spelling(
        "PSROIPooling",
        SensitiveRegionPooling,
        "psroi_pooling_param",
        (
            Plain("scale", "spatial_scale", required=True),
            Plain("outputs", "output_dim", required=True),
            Plain("cells", "group_size", required=True, most=MOST_PIXELS),
        ),
    ),
    Spelling(
        "Reorg",
        Reorganize,
        "reorg_param",
        (Plain("stride", "stride", required=True, most=MOST_PIXELS), Plain("reverse", "reverse")),
    ),
    Spelling("ShuffleChannel", ChannelShuffle, "shuffle_channel_param", (Plain("groups", "group"),)),
    Spelling("Axpy", Axpy),
    Spelling("Mish", Mish),
    Spelling(
        "Interp",
        Interpolate,
        "interp_param",
        (
            InterpSize("size", ""),
            Plain("shrink", "shrink_factor", least=1),
            Plain("zoom", "zoom_factor", least=1),
            InterpCut("cut", ""),
        ),
    ),
    UpsampleSpelling(
        "Upsample",
        Unpooling,
        "upsample_param",
        (
            Factors("factors", "scale"),
            Switches("less", "", names=("pad_out_h", "pad_out_w")),
            Pair("size", "", pair=("upsample_h", "upsample_w")),
        ),
        repeated=(Factors("factors", "scale", required=True),),
    ),
    BNSpelling(
        "BN",
        AffineBatchNorm,
        "bn_param",
        (
            Plain("fraction", "momentum"),
            Plain("eps", "eps"),
            Fill("weight_filler", "slope_filler", default=_ONE),
            Fill("bias_filler", "bias_filler"),
        ),
        ("weight", "bias", "mean", "variance"),
        idle=("engine", "frozen", *_SEGNET),
    ),
)

#: words for layers that are written with Caffe's own
READ_ONLY_SPELLINGS = (
    FixedSpelling("ReLU6", Clip),
    *(
        DepthwiseSpelling(word, Convolution, _CONVOLUTION.section, _CONVOLUTION.rows, _CONVOLUTION.parameters)
        for word in ("DepthwiseConvolution", "ConvolutionDepthwise", "DepthwiseConv")
    ),
)
