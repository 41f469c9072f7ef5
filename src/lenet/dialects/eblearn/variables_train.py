"""Variables about the network and its training."""

from __future__ import annotations

from functools import partial

from lenet.dialects.eblearn.variable import BOTH, EVERY, TRAIN, Variable

_row = partial(Variable, tools=TRAIN)
_common = partial(Variable, tools=BOTH)

TRAINING = (
    _common("arch", "list of names", "the modules of the network, first to last", required=True),
    _common("run_type", "name", "which program runs: train, detect or fprop", note="set by the program"),
    _common(
        "current_dir", "file", "directory of the configuration, with / at its end", note="set by the program"
    ),
    _common(
        "answer", "name", "the module that makes answers of outputs, such as class_answer", required=True
    ),
    _row("trainer", "name", "the module that compares outputs with targets: trainable_module", required=True),
    _row("input_thickness", "whole number", "feature maps of the input", "-1"),
    _common("manual_load", "switch", "load the weights of single modules, from NAME_weights", "0"),
    _common("mirror", "switch", "normalisation modules mirror the borders instead of adding zeros", "0"),
    _common("fixed_randomization", "switch", "start all random numbers from seed 0", "0"),
    _common("show_conf", "switch", "print all variables after resolving them", "0"),
    _row("show_configuration", "switch", "print all variables before resolving them", "0"),
    Variable(
        "meta_comments",
        "text",
        "marks comments in the lines that follow",
        "#",
        tools=EVERY,
        note="';;' marks comments, too, and cannot be changed",
    ),
    _row("training_precision", "name", "float or double", "double"),
    _row("eta", "number", "learning rate, multiplied by each parameter's own rate", required=True),
    _row("reg_l1", "number", "L1 regularisation: this times the sign is added to each gradient", "0"),
    _row("reg_l2", "number", "L2 regularisation: this times the parameter is added to its gradient", "0"),
    _row("reg_time", "whole number", "samples before regularisation begins", "0", effect=False),
    _row(
        "inertia",
        "number",
        "momentum m: the step is m times the last one and 1 - m times the gradient",
        "0",
    ),
    _row("anneal_period", "whole number", "samples after which the learning rate falls", "0"),
    _row(
        "anneal_value",
        "number",
        "after n periods the learning rate is divided by 1 + n times this",
        "0",
        note="it divides the rate that the earlier periods have left",
    ),
    _row("gradient_threshold", "number", "least gradient", "0", effect=False, note="read and printed only"),
    _row("iterations", "whole number", "epochs", required=True),
    _row(
        "ndiaghessian",
        "whole number",
        "samples to estimate second derivatives with; 0: all rates are 1",
        "100",
    ),
    _row("hessian_period", "whole number", "estimate again after so many samples, and at each epoch", "4000"),
    _row("no_training_test", "switch", "do not test with the training samples", "0"),
    _row("no_testing_test", "switch", "do not test with the validation samples", "0"),
    _row(
        "max_testing",
        "whole number",
        "test with so many samples only",
        "0",
        note="one more is tested; 0: all",
    ),
    _row(
        "test_only",
        "switch",
        "test, do not train",
        "0",
        note="EBLearn mostly crashes: it has no training set then",
    ),
    _row("test_display_modulo", "whole number", "report every so many tested samples; 0: never", "0"),
    _common("name", "text", "first part of the names of files"),
    _row("job_name", "text", "first part of the names of files, instead of name", note="set by metarun"),
    _row("save_weights", "whole number", "0: never; 1: after each epoch; k: from epoch k on", "1"),
    _row("save_answers", "switch", "save the answers to all samples as csv", "0"),
    _row("save_confusion", "switch", "save the confusion matrix of each test", "0"),
    _row(
        "save_pickings",
        "switch",
        "save how often samples were shown",
        "0",
        note="EBLearn stops: not implemented",
    ),
    _row("retrain", "switch", "start from weights instead of random ones", "0"),
    _row("retrain_weights", "list of files", "the weights to start from, put together in this order"),
    _row("retrain_iteration", "whole number", "the epoch to go on with"),
    _row("detection_test", "switch", "run detect after each test", "0"),
    _row("detection_test_nthreads", "whole number", "its threads", "1"),
    _row("detection_params", "text", "lines to add to its configuration, separated by \\n"),
    _common("ipp_cores", "whole number", "cores for Intel's library", "1", effect=False),
)
