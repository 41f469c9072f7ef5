"""Variables about the data that `train` learns from and tests with."""

from __future__ import annotations

from functools import partial

from lenet.dialects.eblearn.variable import TRAIN, Variable

_row = partial(Variable, tools=TRAIN)

DATA = (
    _row("train", "file", "samples to learn from: a matrix, several matrices, idx or csv", required=True),
    _row("train_labels", "file", "their labels", required=True),
    _row("train_classes", "file", "names of the classes", "(the numbers of the classes)"),
    _row("train_jitters", "file", "where the objects lie in the samples"),
    _row("train_scales", "file", "scales of the samples", effect=False, note="the code is switched off"),
    _row("train_size", "whole number", "only the first samples, so many", "(all)", note="labels stay all"),
    _row("val", "file", "samples to test with", required=True),
    _row("val_labels", "file", "their labels", required=True),
    _row("val_classes", "file", "names of the classes", "(the numbers of the classes)"),
    _row("val_jitters", "file", "where the objects lie in the samples"),
    _row("val_scales", "file", "scales of the samples", effect=False, note="the code is switched off"),
    _row("val_size", "whole number", "only the first samples, so many", "(all)"),
    _row("classification", "switch", "labels are classes; otherwise they are numbers to predict", "0"),
    _row("classification_outputs", "whole number", "outputs of the network", "(the number of classes)"),
    _row("limit_classes", "whole number", "only classes below this one", "(all)"),
    _row("limit_classes_random", "switch", "choose the classes that stay at random", "0"),
    _row("data_bias", "number", "is added to every value of a sample, before data_coeff", "0"),
    _row("data_coeff", "number", "every value of a sample is multiplied by it", "1"),
    _row("label_bias", "number", "is added to every label, before label_coeff", "0"),
    _row("label_coeff", "number", "every label is multiplied by it", "1"),
    _row("add_features_dimension", "switch", "samples H x W become 1 x H x W", "0"),
    _row("keep_outputs", "switch", "keep outputs and answers of all samples, to show them", "0"),
    _row(
        "balanced_training",
        "switch",
        "show every class equally often, the smaller ones repeatedly",
        "1",
        note="every switching on shuffles the samples again: the order depends on how often it was",
    ),
    _row(
        "random_class_order",
        "switch",
        "change the order of the classes at each round through them",
        "1",
        note="0 keeps one random order, in which each class stands two or three times",
    ),
    _row("class_probabilities", "numbers", "how often each class is shown, instead of in turn"),
    _row("sample_probabilities", "switch", "show samples the more often the more they are worth", "0"),
    _row("hardest_focus", "switch", "samples of high energy are worth more; 0: those of low energy", "0"),
    _row("ignore_correct", "switch", "samples that are answered correctly are worth nothing", "0"),
    _row("per_class_norm", "switch", "compare a sample's energy with those of its class only", "0"),
    _row(
        "min_sample_weight",
        "number",
        "least probability of a sample to be shown",
        "0",
        effect=False,
        note="stored, never used",
    ),
    _row("shuffle_passes", "switch", "shuffle the samples of a class when all have been shown", "0"),
    _row(
        "epoch_mode",
        "whole number",
        "0: an epoch is epoch_size samples; 1: it shows every sample at least once",
        "1",
    ),
    _row("epoch_size", "whole number", "samples in an epoch, with epoch_mode 0", "(the number of samples)"),
    _row("epoch_show_modulo", "whole number", "report progress every so many samples"),
)
