"""Rows of the layers of Caffe's forks: name, layer, inputs, what to know; see image_cases.py."""

from lenet.layers import (
    AffineBatchNorm,
    Axpy,
    ChannelShuffle,
    DetectionOutput,
    Interpolate,
    L2Normalization,
    PriorBoxes,
    RegionPooling,
    Reorganize,
    SensitiveRegionPooling,
    Transpose,
    Unpooling,
)
from lenet.layers.fillers import Gaussian, Uniform

IMAGE = tuple("NCHW")
FLAT = tuple("NC")
FILL = {"weight_filler": Uniform(0.5, 1.5), "bias_filler": Gaussian(std=0.3)}
WEIGHT = {"weight_filler": Uniform(0.5, 1.5)}
NO_SLOPE = {"gradient": False}
ALONE = {"gradient": False, "has_batch": False}
ANSWER = {"classes": 3, "confidence": 3.0}  # above every score, so that there is one row as the shape says

FORK_ROWS = [
    ("transpose", Transpose((0, 2)), (IMAGE,)),
    ("l2_normalization", L2Normalization(**WEIGHT), (IMAGE,)),
    ("l2_normalization", L2Normalization(across=False, shared=False, **WEIGHT), (IMAGE,)),
    ("l2_normalization", L2Normalization(across=False, eps=0.5, **WEIGHT), (FLAT,)),
    ("channel_shuffle", ChannelShuffle(2), ((*"N", 4, *"HW"),)),
    ("channel_shuffle", ChannelShuffle(3), ((*"N", 6),)),
    ("interpolate", Interpolate(size=(3, 7)), (IMAGE,)),
    ("interpolate", Interpolate(zoom=3, cut=(1, 0)), (IMAGE,)),
    ("interpolate", Interpolate(shrink=2, zoom=2), (IMAGE,)),
    ("unpooling", Unpooling(), (IMAGE, IMAGE), NO_SLOPE | {"labels": (1, 1)}),
    ("unpooling", Unpooling((3, 2), (1, 0)), (IMAGE, IMAGE), NO_SLOPE | {"labels": (1, 1)}),
    ("unpooling", Unpooling(size=(9, 4)), (IMAGE, IMAGE), NO_SLOPE | {"labels": (1, 36)}),
    ("axpy", Axpy(), (FLAT, IMAGE, IMAGE)),
    ("axpy", Axpy(), ((*"NC", 1, 1), IMAGE, IMAGE)),
    ("affine_batch_norm", AffineBatchNorm(**FILL), (IMAGE,)),
    ("affine_batch_norm", AffineBatchNorm(eps=0.01, **FILL), (FLAT,), {"training": True, "gradient": False}),
    ("affine_batch_norm", AffineBatchNorm(fraction=1.0, **FILL), (IMAGE,), {"training": True}),
    ("affine_batch_norm", AffineBatchNorm(stored=False, **FILL), ((3, *"CHW"),), ALONE),
    ("prior_boxes", PriorBoxes((30.0,)), (IMAGE, (*"NC", 60, 80)), ALONE),
    (
        "prior_boxes",
        PriorBoxes((3.0, 8.5), (7.0, 9.5), (2.0, 3.0), clip=True, variances=(0.1, 0.1, 0.2, 0.2)),
        (IMAGE, (*"NC", 9, 9)),
        ALONE,
    ),
    ("region_pooling", RegionPooling((2, 3), 0.5), (IMAGE, ("K", 5)), ALONE | {"labels": (1, 1)}),
    (
        "sensitive_region_pooling",
        SensitiveRegionPooling(2, 3, 0.5),
        ((*"N", 18, *"HW"), ("K", 5)),
        ALONE | {"labels": (1, 1)},
    ),
    ("reorganize", Reorganize(2), ((*"N", 4, 6, 8),)),
    ("reorganize", Reorganize(3, reverse=True), ((*"N", 9, *"HW"),)),
    ("detection_output", DetectionOutput(**ANSWER), ((1, 16), (1, 12), (1, 2, 16)), ALONE),
    (
        "detection_output",
        DetectionOutput(boxes="per_class", coding="centre", **ANSWER),
        ((1, 24), (1, 6), (1, 2, 8)),
        ALONE,
    ),
]
