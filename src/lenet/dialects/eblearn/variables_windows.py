"""Variables about what EBLearn shows in windows."""

from __future__ import annotations

from functools import partial

from lenet.dialects.eblearn.variable import DETECT, TRAIN, Variable

_train = partial(Variable, tools=TRAIN)
_detect = partial(Variable, tools=DETECT)

_NOT_DRAWN = "without effect here: grey scales are those of the maps, other windows are not drawn"

WINDOWS = (
    _train("show_train", "switch", "show windows while training", "0", note="display does not do it"),
    _train("show_train_ninternals", "whole number", "samples whose internal states are shown", "1"),
    _train("show_train_errors", "switch", "show the wrong answers to training samples", "0"),
    _train("show_train_correct", "switch", "show the correct answers to training samples", "0"),
    _train("show_val_errors", "switch", "show the wrong answers to validation samples", "0"),
    _train("show_val_correct", "switch", "show the correct answers to validation samples", "0"),
    _train("show_hsample", "whole number", "rows of samples in a window", "5"),
    _train("show_wsample", "whole number", "columns of samples in a window", "5"),
    _train("show_wait_user", "switch", "leave the windows open until they are closed by hand", "0"),
    _train("show_only_images", "switch", "no text on the samples", "0"),
    _train("show_raw_outputs", "switch", "show outputs and targets as bars", "0"),
    _train("show_energies", "switch", "write each sample's energy on it", "0"),
    _train("show_all_jitter", "switch", "show all moved copies of a sample", "0", note=_NOT_DRAWN),
    _train("show_font_size", "whole number", "size of letters", note=_NOT_DRAWN),
    Variable("display", "switch", "show images and boxes", "0", tools=DETECT, note="train does not read it"),
    _detect("display_threads", "switch", "one window for each thread", "0", note=_NOT_DRAWN),
    _detect("minimal_display", "switch", "only the image with its boxes, no scales and output maps", "0"),
    _detect("display_states", "switch", "show the internal states of the network", "0", note=_NOT_DRAWN),
    _detect(
        "display_bootstrapping",
        "switch",
        "show the true boxes while collecting samples",
        "0",
        note=_NOT_DRAWN,
    ),
    _detect("display_zoom", "number", "size of the picture", "1"),
    _detect("display_min", "number", "value of maps that is shown black", "-1.7", note=_NOT_DRAWN),
    _detect("display_max", "number", "value of maps that is shown white", "1.7", note=_NOT_DRAWN),
    _detect("display_in_min", "number", "value of the input that is shown black", "0", note=_NOT_DRAWN),
    _detect("display_in_max", "number", "value of the input that is shown white", "255", note=_NOT_DRAWN),
    _detect("display_max_width", "whole number", "the window is at most so many pixels wide", "3000"),
    _detect(
        "display_bb_transparency", "number", "boxes of low confidence are drawn fainter, from 0 to 1", "0"
    ),
    _detect("display_sleep", "whole number", "milliseconds to wait after each image", "0"),
    _detect("next_on_key", "character", "wait for this key before the next image"),
    _detect("bbox_show_class", "switch", "write the class at each box", "1"),
    _detect("bbox_show_conf", "switch", "write the confidence at each box", "1"),
    _detect("show_parts", "switch", "draw the parts that a box was found by", "0", note=_NOT_DRAWN),
    _detect(
        "show_extracted",
        "whole number",
        "show found windows: 1 preprocessed, 2 as they were",
        "0",
        note=_NOT_DRAWN,
    ),
    _detect("queue1", "switch", "show the last windows found, in a first queue", "0", note=_NOT_DRAWN),
    _detect(
        "qstep1", "whole number", "images between two additions to the first queue", "0", note=_NOT_DRAWN
    ),
    _detect("qheight1", "whole number", "rows of the first queue", "0", note=_NOT_DRAWN),
    _detect("qwidth1", "whole number", "columns of the first queue", "0", note=_NOT_DRAWN),
    _detect("queue2", "switch", "show the last windows found, in a second queue", "0", note=_NOT_DRAWN),
    _detect(
        "qstep2", "whole number", "images between two additions to the second queue", "0", note=_NOT_DRAWN
    ),
    _detect("qheight2", "whole number", "rows of the second queue", "0", note=_NOT_DRAWN),
    _detect("qwidth2", "whole number", "columns of the second queue", "0", note=_NOT_DRAWN),
    _detect(
        "mask_class", "name", "a class whose output map hides the image where it is low", note=_NOT_DRAWN
    ),
    _detect("mask_threshold", "number", "the output below which mask_class hides", "0", note=_NOT_DRAWN),
    Variable("silent", "switch", "print little", "0", tools=DETECT),
    Variable("sync_outputs", "switch", "threads print one after the other", "0", tools=DETECT),
)
