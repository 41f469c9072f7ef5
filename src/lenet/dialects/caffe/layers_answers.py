"""Spellings of the layers at a network's end: answers and losses."""

from __future__ import annotations

from lenet.dialects.caffe.feed_spelling import FileName
from lenet.dialects.caffe.layer_rows import Normalization, SecondOutput
from lenet.dialects.caffe.layer_spelling import Spelling
from lenet.dialects.caffe.spelling import LAYER, Choice, Plain
from lenet.layers.answer import Accuracy, Softmax
from lenet.layers.class_loss import HingeLoss, InfogainLoss, LogisticLoss, SigmoidLoss
from lenet.layers.distance_loss import ContrastiveLoss, EuclideanLoss
from lenet.layers.loss import SoftmaxLoss
from lenet.layers.reduction import ArgMax

_NORMALIZATIONS = {name.upper(): name for name in ("full", "valid", "batch_size", "none")}
_IGNORED = Plain("ignore_label", "ignore_label", "loss_param")
_NORMALIZATION = Normalization("normalization", "normalization", "loss_param", words=_NORMALIZATIONS)

ANSWER_SPELLINGS = (
    Spelling("Softmax", Softmax, "softmax_param", (Plain("axis", "axis"),), idle=("engine",)),
    Spelling(
        "SoftmaxWithLoss",
        SoftmaxLoss,
        "softmax_param",
        (
            Plain("axis", "axis"),
            _IGNORED,
            _NORMALIZATION,
            SecondOutput("probabilities", "top", LAYER),
        ),
        idle=("engine",),
    ),
    Spelling(
        "InfogainLoss",
        InfogainLoss,
        "infogain_loss_param",
        (
            FileName("source", "source"),
            Plain("axis", "axis"),
            _IGNORED,
            _NORMALIZATION,
            SecondOutput("probabilities", "top", LAYER),
        ),
    ),
    Spelling("MultinomialLogisticLoss", LogisticLoss),
    Spelling(
        "SigmoidCrossEntropyLoss",
        SigmoidLoss,
        "loss_param",
        (
            Plain("ignore_label", "ignore_label"),
            Normalization("normalization", "normalization", words=_NORMALIZATIONS, default="batch_size"),
        ),
    ),
    Spelling(
        "HingeLoss",
        HingeLoss,
        "hinge_loss_param",
        (Choice("squared", "norm", words={"L1": False, "L2": True}),),
    ),
    Spelling("EuclideanLoss", EuclideanLoss),
    Spelling(
        "ContrastiveLoss",
        ContrastiveLoss,
        "contrastive_loss_param",
        (Plain("margin", "margin"), Plain("squared", "legacy_version")),
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
    Spelling(
        "ArgMax",
        ArgMax,
        "argmax_param",
        (
            Plain("top_k", "top_k", least=1),
            Plain("axis", "axis"),
            Plain("values", "out_max_val"),
        ),
    ),
)
