"""The options of EBLearn's data set tools: one table each, read with one dash or with two.

`lenet eblearn dscompile ... -image_pattern X` and `lenet data dscompile ... --image-pattern X` are the
same row.  An option is done, has nothing left to do here (`vain`, with the reason), or is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lenet.errors import Notes, UsageError, did_you_mean


@dataclass(frozen=True)
class Option:
    """An option: EBLearn's name without the dash, its value's name ("" for a switch), and what it does.

    `default` is what holds without it; `several` whether it may be given more than once; `values` how
    many words follow it.  `vain` says why it changes nothing, `refused` why it cannot be done;
    `ours` that EBLearn has no such option; `types` are the -type that it is for, "" all.
    """

    name: str
    value: str = ""
    help: str = ""
    default: str = ""
    several: bool = False
    values: int = 1
    vain: str = ""
    refused: str = ""
    ours: bool = False
    types: str = ""

    @property
    def word(self) -> str:
        """The option as our verbs spell it.

        >>> Option("image_pattern", "PATTERN").word
        '--image-pattern'
        """
        return "--" + self.name.replace("_", "-")


_BOXES = "regular grid pascal"
_SEED = Option("seed", "N", "of random numbers", "0", ours=True)
_FORCE = Option("force", help="replace what is there", ours=True)
_NO_SCALES = "a sample has one scale here"
_NO_WINDOW = "nothing opens a window that it could slow down"

DSCOMPILE: tuple[Option, ...] = (
    Option("type", "TYPE", "what becomes a sample: regular, patch, grid or pascal", "regular"),
    Option("precision", "TYPE", "of the samples: float, double or ubyte", "float"),
    Option("channels", "MODE", "RGB, RGBn, YUV, Yp, YpUV, YnUVn or YUVn", "RGB"),
    Option("dims", "HxWxC", "size of a sample; without it images keep their own"),
    Option("kernelsz", "HxW", "window of the local normalisation", "7x7"),
    Option("resize", "METHOD", "bilinear or mean", "bilinear"),
    Option("aspect_ratio", "0|1", "keep the shape of what is resized", "1"),
    Option("global_norm", "0|1", "make mean and deviation of what is not locally normalised 0 and 1", "1"),
    Option("nopp", help="no conversion of colours, no normalisation"),
    Option("maxperclass", "N", "at most so many samples of a class; of patches: of an image and scale"),
    Option("maxdata", "N", "at most so many samples"),
    Option("include", "CLASS", "only this class", several=True),
    Option("exclude", "CLASS", "all but this class", several=True),
    Option("forcelabel", "NAME", "one class for all samples"),
    Option("shuffle", help="put the samples in random order"),
    Option("image_pattern", "REGEX", "what names of images look like"),
    Option("gridsz", "HxW", "cells of type grid, in pixels of the image", types="grid"),
    Option("scales", "LIST", "of type patch: the image in units of dims", "1,2,4", types="patch"),
    Option("annotations", "DIR", "of type pascal: the xml files (ROOT/Annotations)", types="pascal"),
    Option("ignore_difficult", help="leave out objects that are marked so", types="pascal"),
    Option("ignore_truncated", help="leave out objects that are marked so", types="pascal"),
    Option("ignore_occluded", help="leave out objects that are marked so", types="pascal"),
    Option("ignore_bbox", help="the whole image for each object", types="pascal"),
    Option("usepose", help="classes by pose, such as car_Left", types="pascal"),
    Option("useparts", help="parts of objects, too, such as a person's head", types="pascal"),
    Option("partsonly", help="only parts of objects", types="pascal"),
    Option("mindims", "HxW", "leave out what is smaller", types=_BOXES),
    Option("maxdims", "HxW", "leave out what is larger", types=_BOXES),
    Option("minborders", "HxW", "leave out boxes nearer to the border of the image", types=_BOXES),
    Option("min_aspect_ratio", "RATIO", "least width to height of a box", types=_BOXES),
    Option("max_aspect_ratio", "RATIO", "greatest width to height of a box", types=_BOXES),
    Option("nopadded", help="leave out samples that do not fill dims without zeros around them"),
    Option("bboxfact", "FACTOR", "make boxes larger or smaller", types=_BOXES),
    Option("bboxhfact", "FACTOR", "make boxes higher or lower", types=_BOXES),
    Option("bboxwfact", "FACTOR", "make boxes wider or narrower", types=_BOXES),
    Option("bbox_woverh", "RATIO", "make boxes as wide as their height times this", types=_BOXES),
    Option("njitter", "N", "so many distorted samples in place of each", types=_BOXES),
    Option("jitter_translation", "STEP,HMIN,HMAX,WMIN,WMAX", "moves, in pixels of the sample", types=_BOXES),
    Option("jitter_rotation", "STEPS,DEGREES", "turns, over so many degrees in all", types=_BOXES),
    Option("jitter_scale", "STEPS,MIN,MAX", "sizes of the box", types=_BOXES),
    Option("wmirror", help="each sample mirrored, too"),
    Option(
        "deformations",
        "N",
        "so many elastically bent copies, too (EBLearn makes none)",
        types=_BOXES,
    ),
    Option("save", "FORM", "dynset, dataset, mat, png, ppm, jpg or bmp", "dynset"),
    Option("nosave", help="only count and tell"),
    Option("stats", help="only write DNAME_stats.csv: a line for each region"),
    Option("load", "NAME", "only tell what the set ROOT/NAME_*.mat holds"),
    Option("dname", "NAME", "name of the set", "ds"),
    Option("outdir", "DIR", "where it goes (ROOT)"),
    Option("disp", help="draw the first samples into DNAME.png"),
    Option("skip_bad", help="leave out images that cannot be read, with a warning", ours=True),
    _SEED,
    _FORCE,
    Option("sleep", "MS", vain=_NO_WINDOW),
    Option("tmpout", "DIR", vain="no temporary files are needed"),
    Option("nocount", vain="images are listed, not read, to count them"),
    Option("noindividualsave", vain="samples are not saved one by one, unless with --save mat"),
    Option("planar_loading", vain="matrices of images are told apart by their sizes"),
    Option("divnorm", "0|1", "", "1"),
    Option("divnorm2", "0|1", "", "0"),
    Option("colornorm", "0|1", "", "0"),
    Option("colornorm_across", "0|1", "", "1"),
    Option("fovea", "0|1", "", "0"),
    Option("lpyramid", "N", "", "0"),
    Option("fovea_scales", "LIST", values=2, refused=_NO_SCALES),
    Option("addpp", refused="a sample is prepared in one way; make two sets"),
    Option("save_layers_separately", refused=_NO_SCALES),
    Option("stereo", refused="pairs of images are not joined"),
    Option("stereo_lpattern", "PATTERN", refused="pairs of images are not joined"),
    Option("stereo_rpattern", "PATTERN", refused="pairs of images are not joined"),
    Option("ignore_path", "DIR", refused="annotations of what to ignore are not read"),
    Option("minvisibility", "RATIO", refused="PASCAL VOC's annotations do not tell what can be seen"),
    Option("max_jitt_match", "RATIO", refused="distorted boxes are not compared with other objects"),
    Option("videobox", "N,STRIDE", refused="images do not follow each other as a video"),
    Option("mexican_hat_size", "N", refused="it has no effect in EBLearn either"),
    Option("savedisplay", "DIR", values=2, refused="there is no window; --disp draws a picture"),
)

DSSPLIT: tuple[Option, ...] = (
    Option(
        "maxperclass", "N", "so many samples of each class go into the first set, the rest into the other"
    ),
    Option("draws", "N", "so many pairs of sets, numbered"),
    Option("exclude", "CLASS", "leave out this class", several=True),
    _SEED,
    _FORCE,
)

DSMERGE: tuple[Option, ...] = (Option("full", help="names come with their paths; ROOT is not used"), _FORCE)

DSDISPLAY: tuple[Option, ...] = (
    Option("info", help="only tell what the set holds"),
    Option("size", help="only print the number of samples"),
    Option("dims", "RxC", "rows and columns of the picture", "4x8"),
    Option("range", "LOW,HIGH", "values that are black and white (the least and the greatest)"),
    Option("channel", "N", "only one channel, counted from 0"),
    Option("out", "FILE", "the picture (NAME.png)", ours=True),
    _FORCE,
    Option("fontsize", "N", refused="letters have one size in all pictures"),
)

MATSHOW: tuple[Option, ...] = (
    Option("print", help="print all values"),
    Option("diff", help="the differences of two matrices instead"),
    Option("range", "LOW,HIGH", "values that are black and white (the least and the greatest)"),
    Option("out", "FILE", "draw the matrices into this picture", ours=True),
    _FORCE,
    Option("conf", refused="it reads a configuration of windows"),
    Option("zoom", "FACTOR", refused="there is no window; --out draws a picture"),
    Option("maxwidth", "N", refused="there is no window; --out draws a picture"),
    Option("video", refused="there is no window; --out draws a picture"),
    Option("filename", refused="there is no window; --out draws a picture"),
    Option("interleaved", refused="images are told apart by their sizes"),
    Option("save_individually", refused="--out draws one picture of all"),
)

NARROW: tuple[Option, ...] = (
    Option("dim", "N", "the axis, counted from 0", "0"),
    Option("size", "N", "how much of it is kept"),
    Option("off", "N", "where that begins", "0"),
    Option("out", "FILE", "the new file (FILE_narrowed.mat)", ours=True),
    _FORCE,
)

MCONVERT: tuple[Option, ...] = (_FORCE,)

TOOLS: dict[str, tuple[Option, ...]] = {
    "dscompile": DSCOMPILE,
    "dssplit": DSSPLIT,
    "dsmerge": DSMERGE,
    "dsdisplay": DSDISPLAY,
    "matshow": MATSHOW,
    "narrow": NARROW,
    "mconvert": MCONVERT,
}


def check_support(tool: str, given: Mapping[str, Any], notes: Notes) -> None:
    """Refuse what cannot be done, and tell what changes nothing.

    Raises: UsageError that names the option and says why.
    """
    kind = given.get("type") or "regular"
    for option in TOOLS[tool]:
        if not given.get(option.name):
            continue
        if option.refused:
            raise UsageError(f"{option.word} is not supported: {option.refused}")
        if option.types and kind not in option.types.split():
            known = " or ".join(option.types.split())
            raise UsageError(f"{option.word} is not for --type {kind}", hint=f"it is for --type {known}")
        if option.vain:
            notes.inform(f"{option.word} changes nothing: {option.vain}")


def our_words(tool: str, words: Sequence[str]) -> list[str]:
    """A command line of EBLearn's, with one dash, as ours with two.

    Raises: UsageError for an unknown option, or one without its value.

    >>> our_words("dsdisplay", ["out/ds", "-range", "-1,1", "-info"])
    ['out/ds', '--range=-1,1', '--info']
    """
    known = {option.name: option for option in TOOLS[tool]}
    found, rest = [], iter(words)
    for word in rest:
        name = word.lstrip("-")
        if word in ("-h", "-help", "--help"):
            found.append("--help")
        elif not word.startswith("-") or word == "-":
            found.append(word)
        elif name.replace("-", "_") not in known:
            hint = did_you_mean(f"-{name}", [f"-{each}" for each in known])
            hint = hint or f"see lenet eblearn {tool} -help"
            raise UsageError(f"{tool}: unknown option '{word}'", hint=hint)
        else:
            option = known[name.replace("-", "_")]
            given = [next(rest, None) for _ in range(option.values if option.value else 0)]
            if None in given:
                raise UsageError(f"{tool}: {word} needs a value, {option.value}")
            found.append("=".join([option.word, *(str(value) for value in given[:1])]))
    return found
