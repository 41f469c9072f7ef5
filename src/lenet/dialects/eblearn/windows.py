"""Read what a configuration shows in windows, while training and while detecting."""

from __future__ import annotations

from lenet.formats.conf_values import Values
from lenet.job import DetectionWindows, TrainingWindows

_SETS = ("train", "val")
_LIMITS = (1.0, 0.01, 0.01)  # of states, gradients and second derivatives, as EBLearn draws them


def read_training_windows(values: Values) -> TrainingWindows:
    """The windows of `train`; they open by themselves only with show_train, as in EBLearn.

    Raises: DescriptionError for a value of another type.
    """
    return TrainingWindows(
        opened=values.exists_true("show_train"),
        internals=max(0, values.integer("show_train_ninternals", 1)),
        errors=tuple(name for name in _SETS if values.exists_true(f"show_{name}_errors")),
        correct=tuple(name for name in _SETS if values.exists_true(f"show_{name}_correct")),
        rows=max(1, values.integer("show_hsample", 5)),
        columns=max(1, values.integer("show_wsample", 5)),
        energies=values.exists_true("show_energies"),
        outputs=values.exists_true("show_raw_outputs"),
        words=not values.exists_true("show_only_images"),
        curves=False,
        panels=False,
        limits=_LIMITS,
        wait=values.exists_true("show_wait_user"),
    )


def read_detection_windows(values: Values) -> DetectionWindows:
    """The window of `detect`; it opens by itself only with display.

    Raises: DescriptionError for a value of another type.
    """
    return DetectionWindows(
        opened=values.exists_true("display"),
        plain=values.exists_true("minimal_display"),
        classes=not values.exists_false("bbox_show_class"),
        confidences=not values.exists_false("bbox_show_conf"),
        fading=min(max(values.number("display_bb_transparency", 0.0), 0.0), 1.0),
        zoom=max(values.number("display_zoom", 1.0), 0.1),
        widest=max(100, values.integer("display_max_width", 3000)),
        seconds=max(0, values.integer("display_sleep", 0)) / 1000,
        key=values.character("next_on_key") if values.exists("next_on_key") else "",
    )
