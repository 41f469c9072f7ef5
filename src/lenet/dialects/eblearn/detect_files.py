"""Where EBLearn's `detect` takes images from and what it writes: boxes, windows, output maps, data sets."""

from __future__ import annotations

from dataclasses import dataclass

from lenet.data.pictures import PATTERN
from lenet.data.source import Source
from lenet.detection import Bootstrapping, Size, TrueBoxes
from lenet.dialects.eblearn.sources import source_of
from lenet.errors import DescriptionError, Notes, did_you_mean
from lenet.formats.conf_values import Values

#: where images may come from; OpenCV reads all cameras
CAMERAS = ("directory", "opencv", "v4l2", "mac", "mcams", "kinect", "shmem", "video", "datasource")
_SAVED: dict[int, tuple[str, ...]] = {
    0: (),
    1: ("eblearn", "caltech"),
    2: ("eblearn",),
    3: ("caltech",),
    4: ("class",),
}


@dataclass(frozen=True)
class Pictures:
    """Which images: of a folder (all that fit `pattern`, or `names`), a video, a camera, or a data set.

    `before` is a folder of images that come first; `labelled` the data set, with `camera` "datasource".
    """

    camera: str
    folder: str
    names: tuple[str, ...] = ()
    pattern: str = PATTERN
    shuffled: bool = False
    passes: int = 1
    skipped: int = 0
    seconds_between: float = 0.0
    seconds: float = 0.0
    before: str = ""
    labelled: Source | None = None
    seed: int | None = None  # of the order, if it is to be the same each time
    device: str = ""


@dataclass(frozen=True)
class Results:
    """What is written into `folder`: boxes in `forms`, every `period` images; windows; output maps.

    `most` and `most_per_image` windows are written, 0: all.  `command` is run in the folder at the
    end; `progress`: the files for `metarun` are written.
    """

    folder: str
    forms: tuple[str, ...] = ()
    period: int = 500
    windows: bool = False
    most: int = 0
    most_per_image: int = 0
    maps: bool = False
    command: str = ""
    progress: bool = True


@dataclass(frozen=True)
class Collecting:
    """What is collected to train with: by which rules, the folder of the true boxes, the set's name."""

    how: Bootstrapping
    which: TrueBoxes
    truth: str
    name: str = ""
    saved: bool = True

    @property
    def set_name(self) -> str:
        """The first part of the names of the set's files."""
        return f"bootstrapping_{self.name}" if self.name else "bootstrapping"


def read_pictures(values: Values, notes: Notes) -> Pictures:
    """Which images a configuration names.

    Raises: LenetError if the data set of `camera = datasource` cannot be had.
    """
    folder = values.string("input_dir", "")
    camera = values.string("camera", "directory" if folder else "v4l2")
    if camera not in CAMERAS:
        hint = did_you_mean(camera, CAMERAS) or f"one of {', '.join(CAMERAS)}"
        raise DescriptionError(f"there is no camera '{camera}'", values.where("camera"), hint)
    return Pictures(
        camera,
        folder,
        values.strings("input_list", ()),
        values.string("file_pattern", PATTERN),
        values.exists_true("input_random"),
        max(1, values.integer("input_npasses", 1)),
        max(0, values.integer("skip_frames", 0)),
        values.number("input_video_sstep", 0.0),
        values.number("input_video_max_duration", 0.0),
        values.string("precamdir", "") if values.exists_true("precamera") else "",
        source_of(values, "val", notes) if camera == "datasource" else None,
        0 if values.exists_true("fixed_randomization") else None,
        values.string("device", ""),
    )


def read_results(values: Values) -> Results:
    """The folder of the results is `detections` beside the configuration, unless it says otherwise."""
    number = values.integer("bbox_saving", 0)
    if number not in _SAVED:
        raise DescriptionError(f"bbox_saving = {number} is not one of 0 to 4", values.where("bbox_saving"))
    above = values.string("output_dir", "") or values.string("current_dir", "./")
    name = values.string("detections_dir", "/detections")
    between = "" if above.endswith("/") or name.startswith("/") else "/"
    return Results(
        f"{above}{between}{name}",
        _SAVED[number],
        max(1, values.integer("save_bbox_period", 500)),
        values.exists_true("save_detections"),
        values.integer("save_max", 0),
        values.integer("save_max_per_frame", 0),
        values.exists_true("dump_outputs"),
        values.string("evaluate_cmd", "") if values.exists_true("evaluate") else "",
        not values.exists_false("save_progress"),
    )


def read_collecting(values: Values, background: int | None) -> Collecting | None:
    """What windows a configuration wants collected; None if none.

    Raises: DescriptionError if it cannot be done: no true boxes are named, or there is no background.
    """
    if not values.exists_true("bootstrapping"):
        return None
    if not values.exists("gt_path"):
        hint = "name the folder of the annotations, IMAGE.xml for each image"
        raise DescriptionError("'bootstrapping' needs 'gt_path'", values.where("bootstrapping"), hint)
    how = _rules(values)
    if not (how.positives or how.negatives):
        hint = "set gt_extract_pos or gt_extract_neg to 1"
        raise DescriptionError("'bootstrapping' collects nothing", values.where("bootstrapping"), hint)
    if how.negatives and background is None:
        where = values.where("gt_extract_neg")
        raise DescriptionError("windows without objects need a class", where, "set background_name")
    return Collecting(
        how,
        _which(values),
        values.string("gt_path"),
        values.string("gt_name", ""),
        not values.exists_false("bootstrapping_save"),
    )


def _rules(values: Values) -> Bootstrapping:
    return Bootstrapping(
        values.exists_true("gt_extract_pos"),
        values.exists_true("gt_extract_neg"),
        values.number("gt_neg_threshold", 0.0001),
        values.integer("gt_neg_max", 5),
        values.number("gt_neg_matching", 0.5),
        values.number("gt_negneg_matching", 0.5),
        values.number("gt_pos_matching", 0.5),
        values.number("gt_min_context", 1.0),
        values.exists_true("gt_neg_gt_only"),
        values.exists_true("gt_mirror_pos"),
        values.numbers("gt_scales", ()),
        values.integer("bootstrapping_max", 0) or None,
    )


def _which(values: Values) -> TrueBoxes:
    return TrueBoxes(
        values.strings("gt_included", ()),
        _size(values, "gt_mindims"),
        _size(values, "gt_minborders") if values.exists("gt_minborders") else None,
        values.number("gt_min_aspect_ratio", 0.0),
        values.number("gt_max_aspect_ratio", float("inf")),
    )


def _size(values: Values, name: str) -> Size:
    sizes = values.dims(name, (0, 0))
    return sizes[0], sizes[-1]
