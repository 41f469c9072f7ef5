"""How images become samples: the options of dscompile, checked, and the layer that prepares an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from lenet.data.pictures import PATTERN
from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.dataset_files import FORMS
from lenet.dialects.eblearn.dataset_options import DSCOMPILE, Option
from lenet.dialects.eblearn.dataset_values import READERS
from lenet.dialects.eblearn.instance import Instance
from lenet.dialects.eblearn.preparing import resizepp
from lenet.errors import Notes, UsageError, Where, did_you_mean
from lenet.formats.conf import Conf
from lenet.layers.fit import Fit

T = TypeVar("T")

TYPES = ("regular", "patch", "grid", "pascal")
_LARGEST = 2**26  # pixels of a sample
_OTHER_TYPES = ("pascalbg", "pascalclear", "pascalfull")
PRECISIONS = {"float": "float32", "double": "float64", "ubyte": "uint8"}
METHODS = ("bilinear", "mean")
#: --channels -> the module that prepares, the number of its maps
CHANNELS = {
    "RGB": ("rgb_to_rgb", 3),
    "RGBn": ("rgb_to_rgbp", 3),
    "YUV": ("rgb_to_yuv", 3),
    "Yp": ("rgb_to_yp", 1),
    "Yn": ("rgb_to_yp", 1),
    "YpUV": ("rgb_to_ypuv", 3),
    "YnUV": ("rgb_to_ypuv", 3),
    "YnUVn": ("rgb_to_ypuvp", 3),
    "YUVn": ("rgb_to_yuvp", 3),
}
#: options that can only have the value that changes nothing
_FIXED = ("divnorm", "divnorm2", "colornorm", "fovea", "lpyramid")


_WORDS = {
    "type": TYPES,
    "precision": tuple(PRECISIONS),
    "channels": tuple(CHANNELS),
    "resize": METHODS,
    "save": FORMS,
}


@dataclass(frozen=True)
class Jittering:
    """The distortions that are drawn from, each (down, right, size, degrees), and how many per sample."""

    number: int
    choices: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Recipe:
    """All that dscompile was told; sizes are (height, width) in pixels, None where nothing is asked."""

    root: Path
    outdir: Path
    name: str
    type: str
    size: tuple[int, int] | None
    channels: int | None
    fit: Fit
    precision: str
    form: str
    options: Mapping[str, Any]
    jitter: Jittering | None
    scales: tuple[float, ...]
    grid: tuple[int, int] | None
    box_factors: tuple[float, float]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 options have different types
        """The value of an option by EBLearn's name."""
        return self.options[name]

    def includes(self, class_name: str) -> bool:
        """Whether samples of a class are wanted."""
        wanted = not self["include"] or class_name in self["include"]
        return wanted and class_name not in self["exclude"]


def recipe_of(root: str, given: Mapping[str, Any], notes: Notes) -> Recipe:
    """The recipe for images below `root`; `given` are values by EBLearn's names, as they were written.

    What :func:`lenet.dialects.eblearn.dataset_options.check_support` refuses is not looked at again.

    Raises: UsageError for a value that cannot be.
    """
    _refuse_values(given)
    options = _typed(given)
    size, channels = _dims(options)
    outdir = options["outdir"]
    if outdir and Path(outdir).resolve() == Path(root).resolve():
        raise UsageError("--outdir is the folder of the images", hint="give another one, or none at all")
    if options["form"] not in ("dynset", "dataset") and not outdir and not options["nosave"]:
        raise UsageError(f"--save {options['form']} would put samples among the images", hint="give --outdir")
    return Recipe(
        root=Path(root),
        outdir=Path(outdir or root),
        name=options["dname"],
        type=options["type"],
        size=size,
        channels=channels,
        fit=_fit(options, size, notes),
        precision=PRECISIONS[options["precision"]],
        form=options["form"],
        options=options,
        jitter=_jittering(options),
        scales=options["scales"],
        grid=options["gridsz"],
        box_factors=_box_factors(options),
    )


def _refuse_values(given: Mapping[str, Any]) -> None:
    """Refuse values other than the one that changes nothing."""
    for option in DSCOMPILE:
        if option.name in _FIXED and given.get(option.name) not in (None, option.default):
            raise UsageError(f"{option.word} {given[option.name]} is not supported", hint="leave it out")


def _typed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options with their defaults, each in its type; `form` is --save."""
    words = {option.name: given.get(option.name) or _default(option) for option in DSCOMPILE}
    options: dict[str, Any] = dict(words)
    for name, values in _WORDS.items():
        options[name] = _one_of(name, words[name], values)
    for name, read in READERS.items():
        options[name] = _read(name, words[name], read) if words[name] else None
    options["form"] = options["save"]
    options["image_pattern"] = words["image_pattern"] or PATTERN
    for name in ("aspect_ratio", "global_norm"):
        options[name] = bool(_read(name, words[name], int))
    if "/" in words["dname"] or "\\" in words["dname"]:
        raise UsageError(f"--dname {words['dname']} is no name of files", hint="give the folder as --outdir")
    return options


def _default(option: Option) -> Any:  # noqa: ANN401
    return [] if option.several else option.default if option.value else False


def _one_of(name: str, word: str, known: tuple[str, ...]) -> str:
    if name == "type" and word in _OTHER_TYPES:
        told = f"--type {word} is not supported: which regions EBLearn takes was never recorded"
        raise UsageError(told, hint=f"known: {', '.join(known)}")
    if word not in known:
        hint = did_you_mean(word, known) or f"known: {', '.join(known)}"
        raise UsageError(f"--{name} {word} is not known here", hint=hint)
    return word


def _read(name: str, word: str, read: Callable[[str], T]) -> T:
    try:
        return read(word)
    except ValueError:
        raise UsageError(f"--{name} {word} cannot be", hint=_wanted(name)) from None


def _wanted(name: str) -> str:
    option = next(option for option in DSCOMPILE if option.name == name)
    return f"write {option.word} {option.value}, {option.help}"


def _dims(options: Mapping[str, Any]) -> tuple[tuple[int, int] | None, int | None]:
    """The size of a sample and its channels, None where they are not told."""
    dims = options["dims"]
    if options["type"] == "grid" and not options["gridsz"]:
        raise UsageError("--type grid needs the size of its cells", hint=_wanted("gridsz"))
    if dims is None:
        if options["type"] == "patch":
            raise UsageError("--type patch needs the size of its patches", hint=_wanted("dims"))
        return None, None
    if len(dims) not in (2, 3) or dims[2:] not in ((), (1,), (3,)) or dims[0] * dims[1] > _LARGEST:
        raise UsageError(f"--dims {'x'.join(map(str, dims))} cannot be", hint=_wanted("dims"))
    channels = dims[2] if len(dims) == 3 else None
    made = CHANNELS[options["channels"]][1]
    if not options["nopp"] and channels is not None and made > channels:
        what = f"--channels {options['channels']} gives {made} channels, --dims wants {channels}"
        raise UsageError(what, hint=f"--dims {dims[0]}x{dims[1]}x{made}, or --channels Yp")
    return (dims[0], dims[1]), channels


def _fit(options: Mapping[str, Any], size: tuple[int, int] | None, notes: Notes) -> Fit:
    """The module that EBLearn would be told of in a configuration, as our layer."""
    module = f"{CHANNELS[options['channels']][0]}0"
    conf = Conf("")
    settings = {
        "resizepp0_mode": options["resize"],
        "resizepp0_preserve_ratio": str(int(options["aspect_ratio"])),
        "resizepp0_pp": "" if options["nopp"] else module,
        f"{module}_kernel": "x".join(map(str, options["kernelsz"])),
        f"{module}_global_norm": str(int(options["global_norm"])),
    }
    if size is not None:
        settings["resizepp0_size"] = f"{size[0]}x{size[1]}"
    for name, value in settings.items():
        conf.set(name, value)
    values = read_values(conf, notes, environment={})
    layer = resizepp(Instance("resizepp0", values, notes, Where()))
    assert isinstance(layer, Fit)
    return layer


def _box_factors(options: Mapping[str, Any]) -> tuple[float, float]:
    """What height and width of a box are multiplied by."""
    both = options["bboxfact"] or 1.0
    return options["bboxhfact"] or both, options["bboxwfact"] or both


def _jittering(options: Mapping[str, Any]) -> Jittering | None:
    """Every move with every size and every turn; a move counts more where the box is larger."""
    names = [name for name in ("translation", "rotation", "scale") if options[f"jitter_{name}"]]
    if not options["njitter"]:
        if names:
            raise UsageError(f"--jitter-{names[0]} needs --njitter", hint=_wanted("njitter"))
        return None
    step, hmin, hmax, wmin, wmax = options["jitter_translation"] or (1, 0, 0, 0, 0)
    turns, degrees = options["jitter_rotation"] or (1, 0.0)
    steps, least, most = options["jitter_scale"] or (1, 1.0, 1.0)
    moves = [
        (down, right)
        for down, right in product(range(-hmax, hmax + 1, step), range(-wmax, wmax + 1, step))
        if abs(down) >= hmin or abs(right) >= wmin
    ]
    choices = tuple(
        (down * max(1.0, factor), right * max(1.0, factor), factor, turn)
        for turn in _even(-degrees / 2, degrees / 2, turns)
        for factor in _even(least, most, steps)
        for down, right in moves
    )
    if not choices or not names:
        raise UsageError("--njitter has no distortions to draw from", hint=_wanted("jitter_translation"))
    return Jittering(options["njitter"], choices)


def _even(first: float, last: float, number: int) -> list[float]:
    """So many numbers, evenly spaced; a single one in the middle."""
    if number == 1:
        return [(first + last) / 2]
    return [first + (last - first) * index / (number - 1) for index in range(number)]
