"""Networks written in the files of a system, checked by running what was written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lenet.api.comparison import largest_difference
from lenet.deploy.equivalents import baked
from lenet.dialects import Dialect, by_suffix
from lenet.errors import DescriptionError, FileError, Notes, WeightsError, Where
from lenet.formats.files import files_together
from lenet.model import Model

TOLERANCE = 1e-4  # of the largest output: float32 keeps 6e-8, deep networks add up
DESCRIPTION = ".json"  # the one form that has room for a network without weights
_WEIGHTS_WANTED = "give the file of its weights beside it: lenet convert NET WEIGHTS OUT"
_WEIGHTS = (".caffemodel", ".caffemodel.h5", ".mat", ".weights.h5", ".pt")


@dataclass(frozen=True)
class Written:
    """The files of a network; `model` is what they hold, `difference` how far its outputs are off.

    The difference is a part of the largest output, None if it was not asked for.
    """

    files: tuple[Path, ...]
    model: Model
    difference: float | None


def write_checked(
    model: Model,
    target: Path,
    notes: Notes,
    *,
    to: Dialect | None = None,
    bake: bool = False,
    tolerance: float | None = TOLERANCE,
    force: bool = False,
    remedy: str = "",
) -> Written:
    """Write a network in the form that its file's suffix names; the files appear only if outputs agree.

    `to` is the system instead of the suffix's; `bake` makes layers of what is done to images first; without
    a `tolerance` nothing is compared.  `force` replaces files that are there; `remedy` tells how to ask so.

    Raises: FileError if a file is there already, UsageError for a suffix that no form has, DescriptionError
    for what the form cannot say and for outputs that differ, WeightsError for a network without weights; then
    nothing is written.
    """
    to = to or by_suffix(target)
    check_target(target, force, remedy)
    if _bare(model):
        if target.suffix != DESCRIPTION:
            raise WeightsError("is a network without weights", model.net.where, _WEIGHTS_WANTED)
        tolerance = None  # a description alone computes nothing
    given = baked(model) if bake and not _is_layer_anyway(model, to) else model
    difference = None
    with files_together(target.parent) as folder:
        to.load("model").write_model(given, folder / target.name, notes)
        notes.check()
        files = [target.parent / file.name for file in sorted(folder.iterdir())]
        _refuse_existing(files, force, remedy)
        if tolerance is not None:
            difference = largest_difference(model, given, to, _first(folder / target.name))
            if not difference <= tolerance:
                reason = f"the outputs differ by {difference:.2g} of the largest, {tolerance:g} is allowed"
                raise DescriptionError(f"{reason}: nothing was written", Where(str(target)))
    return Written(tuple(files), given, difference)


def _is_layer_anyway(model: Model, to: Dialect) -> bool:
    """Whether the preprocessing becomes a layer that is known again, as Keras' Rescaling is."""
    told = model.preprocessing
    return to.name == "keras" and told is not None and told.mean_image is None


def _bare(model: Model) -> bool:
    """Whether a network that learns has no weights at all."""
    return not model.weights.layers and any(known.parameters for known in model.net.shapes())


def check_target(target: Path, force: bool = False, remedy: str = "") -> None:
    """Refuse a file that cannot be written, before any work is done.

    Raises: FileError if it is there already and not `force`, or its folder is not there.
    """
    if not target.parent.is_dir():
        raise FileError("its folder does not exist", Where(str(target)), f"mkdir -p {target.parent}")
    _refuse_existing([target], force, remedy)


def _refuse_existing(paths: Iterable[Path], force: bool, remedy: str) -> None:
    for path in paths:
        if path.exists() and not force:
            raise FileError("is there already", Where(str(path)), remedy)


def is_weights(path: Path) -> bool:
    """Whether a file is the one of two that holds weights, by its name.

    >>> is_weights(Path("lenet.caffemodel")), is_weights(Path("lenet.prototxt"))
    (True, False)
    """
    return path.name.lower().endswith(_WEIGHTS)


def _first(path: Path) -> Path:
    """The file of a network that was written, whatever suffix its system gives it."""
    if path.exists():
        return path
    return next(file for file in sorted(path.parent.iterdir(), key=is_weights))
