"""Variables of old configurations that neither train nor detect nor metarun reads."""

from __future__ import annotations

from lenet.dialects.eblearn.variable import Variable


def _row(name: str, kind: str, meaning: str, instead: str = "") -> Variable:
    return Variable(name, kind, meaning, effect=False, note=f"now: {instead}" if instead else "")


OBSOLETE = (
    _row("threshold", "number", "least confidence of a box", "pre_threshold and post_threshold"),
    _row("gain", "number", "factor of the input", "input_gain"),
    _row("pruning", "switch", "drop overlapping boxes", "nms"),
    _row("bbhfactor", "number", "boxes are made so much higher", "pre_hfact and post_hfact"),
    _row("bbwfactor", "number", "boxes are made so much wider", "pre_wfact and post_wfact"),
    _row("bbh_overlap", "number", "least overlap of heights", "max_overlap and max_hcenter_dist"),
    _row("bbw_overlap", "number", "least overlap of widths", "max_overlap and max_wcenter_dist"),
    _row("cluster_nms", "switch", "merge overlapping boxes", "nms = 2 or 3"),
    _row("confidence_type", "whole number", "formula of the confidence", "class_answer_confidence"),
    _row("binary_target", "switch", "one output for two classes", "class_answer_binary"),
    _row("target_factor", "number", "targets are so large", "class_answer_factor"),
    _row("weights_file", "file", "weights", "weights"),
    _row("net_type", "name", "kind of network", "arch"),
    _row("max_bb_overlap", "number", "boxes that share more suppress each other", "max_overlap"),
    _row("min_hcenter_dist", "number", "least vertical distance of boxes", "max_hcenter_dist"),
    _row("min_wcenter_dist", "number", "least horizontal distance of boxes", "max_wcenter_dist"),
    _row("ninternals", "whole number", "samples whose internal states are shown", "show_train_ninternals"),
    _row("train_display", "switch", "show windows while training", "show_train"),
    _row("tracking_display", "switch", "show what is tracked (the program track)"),
    _row("smooth_factor", "number", "how slowly boxes follow what is tracked (the program track)"),
    _row("mainsleep", "whole number", "milliseconds between two images (the program track)"),
    _row("meta_max_cpus", "whole number", "runs at the same time", "meta_max_jobs"),
)
