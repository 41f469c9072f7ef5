"""The data of a configuration: files of samples and labels, or the MNIST in the package for its names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lenet.data.feed import Feed
from lenet.data.labelled import LabelledMatrices, Part
from lenet.data.mnist import FILES, Mnist
from lenet.data.source import Source
from lenet.data.transforms import Transform
from lenet.dialects.eblearn.places import locate, needed
from lenet.errors import FileError, Notes
from lenet.formats.class_names import read_class_names
from lenet.formats.conf_values import Values
from lenet.shapes import Array


def feed_of(values: Values, name: str, notes: Notes) -> Feed:
    """What brings the samples of a set, "train" or "val", into the network one by one.

    Raises: FileError, at the variable's place, for a file that is not here; DescriptionError for a
    variable that is needed.
    """
    bias = values.number("data_bias", 0.0)
    transform = Transform(scale=values.number("data_coeff", 1.0), mean_values=(-bias,) if bias else ())
    return Feed(source_of(values, name, notes), 1, transform)


def source_of(values: Values, name: str, notes: Notes) -> Source:
    """The samples and labels of a set; see :func:`feed_of`."""
    if values.exists("limit_classes_random"):
        notes.inform("the first classes stay, not random ones", values.where("limit_classes_random"))
    limit = values.integer("limit_classes", 0) or None
    size = values.integer(f"{name}_size", 0) or None
    return Part(_whole(values, name, notes), size, limit)


def labels_of(feed: Feed) -> Array:
    """All labels of a feed, (N,).

    Raises: FileError or DataError if the source cannot be read.
    """
    reader = feed.source.open()
    try:
        return reader.read_all()[1]
    finally:
        reader.close()


def all_labels(feed: Feed) -> Array:
    """All labels of the files of a feed, also of samples that are left out."""
    source = feed.source.source if isinstance(feed.source, Part) else feed.source
    return labels_of(replace(feed, source=source))


def class_names(values: Values, notes: Notes) -> tuple[str, ...]:
    """The names of the classes, from the sets' files or else from that of `classes`; none if there is none.

    Raises: FileError if a set's file is not here, or one cannot be read.
    """
    if not values.exists_true("classification"):
        return ()
    for variable in ("val_classes", "train_classes"):
        if values.exists(variable):
            return read_class_names(needed(values, variable, notes))
    found = locate(values, "classes", notes) if values.exists("classes") else None
    if values.exists("classes") and not found:
        told = f"'classes': '{values.string('classes')}' does not exist, classes go by their numbers"
        notes.inform(told, values.where("classes"))
    return read_class_names(found) if found else ()


def needed_files(values: Values, variable: str, notes: Notes) -> list[Path]:
    """The files that a variable lists.

    Raises: FileError, at the variable's place, if one is not here.
    """
    names = values.strings(variable)
    found = [locate(values, variable, notes, name) for name in names]
    for name, path in zip(names, found, strict=True):
        if path is None:
            raise FileError(f"'{variable}': the file '{name}' does not exist", values.where(variable))
    return [path for path in found if path]


def _whole(values: Values, name: str, notes: Notes) -> Source:
    samples, labels = (locate(values, variable, notes) for variable in (name, f"{name}_labels"))
    if samples and labels:
        numbers = not values.exists_true("classification")
        return LabelledMatrices(
            str(samples),
            str(labels),
            values.exists_true("add_features_dimension"),
            numbers,
            values.number("label_bias", 0.0) if numbers else 0.0,
            values.number("label_coeff", 1.0) if numbers else 1.0,
        )
    wanted = values.string(name)
    part = Path(wanted).name.split("-")[0]
    if samples is None and Path(wanted).name in FILES and values.exists_true("add_features_dimension"):
        told = f"'{name}': '{wanted}' does not exist, the MNIST in the package is used"
        notes.inform(told, values.where(name))
        return Mnist("train" if part == "train" else "test", instead_of=wanted)
    missing = f"{name}_labels" if samples else name
    raise FileError(
        f"'{missing}': the file '{values.string(missing)}' does not exist",
        values.where(missing),
        "set the folder that it lies in, with --set or in the environment if that is where it comes from",
    )
