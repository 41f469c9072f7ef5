"""Sets of samples as EBLearn keeps them: NAME_data.mat, NAME_labels.mat and NAME_classes.mat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lenet.errors import DataError, FileError, Notes, Where
from lenet.formats.class_names import read_class_names, write_class_names
from lenet.formats.files import file_error, files_together, whole_file
from lenet.formats.image import encode_image
from lenet.formats.matrices import MatrixFile, holds_several, write_matrices
from lenet.formats.matrix import is_matrix, matrix_bytes, read_array, write_matrix
from lenet.shapes import Array, Shape, text

PARTS = ("data", "labels", "classes")
IMAGES = ("png", "ppm", "jpg", "bmp")
FORMS = ("dynset", "dataset", "mat", *IMAGES)


@dataclass(frozen=True)
class DataSet:
    """Samples (C, H, W), one array each, their labels from 0, and the names of the classes."""

    samples: tuple[Array, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]

    def counts(self) -> tuple[int, ...]:
        """The number of samples of each class."""
        found = Counter(self.labels)
        return tuple(found[label] for label in range(len(self.classes)))

    def shapes(self) -> list[Shape]:
        """The sizes that samples have, sorted."""
        return sorted({sample.shape for sample in self.samples})

    def sizes(self) -> str:
        """The same in words, such as `1 x 32 x 32 float32`; of many sizes the least and the greatest."""
        shapes = self.shapes()
        kinds = ", ".join(sorted({str(sample.dtype) for sample in self.samples}))
        ends = [text(shape) for shape in (shapes[:1] + shapes[1:][-1:])]
        return f"{' to '.join(ends)} {kinds}".strip()

    def taken(self, indices: Sequence[int]) -> DataSet:
        """Some of the samples, in this order, with all classes."""
        samples = tuple(self.samples[index] for index in indices)
        return replace(self, samples=samples, labels=tuple(self.labels[index] for index in indices))


def set_path(name: str | Path, part: str) -> Path:
    """The file of a part of a set.

    >>> set_path("out/ds", "labels").as_posix()
    'out/ds_labels.mat'
    """
    return Path(f"{name}_{part}.mat")


def read_set(name: str | Path) -> DataSet:
    """A set of samples by its name, a path without `_data.mat`.

    Without a file of classes they are called by their numbers.

    Raises: FileError if a file is missing or damaged; DataError if they do not fit each other.
    """
    path = set_path(name, "data")
    samples = _read_samples(path)
    labels = read_array(set_path(name, "labels"))
    where = Where(str(set_path(name, "labels")))
    if labels.ndim != 1 or len(labels) != len(samples):
        what = f"{text(labels.shape)} labels for {len(samples)} samples"
        raise DataError(what, where, "are these files of one set?")
    if len(labels) and (labels.min() < 0 or (labels != labels.astype("int64")).any()):
        raise DataError("labels are whole numbers from 0, these are not", where)
    numbers = tuple(int(label) for label in labels)
    return DataSet(samples, numbers, _read_classes(set_path(name, "classes"), numbers, where))


def _read_samples(path: Path) -> tuple[Array, ...]:
    if not (is_matrix(path) and holds_several(path)):
        values = read_array(path)
        if values.ndim < 2:
            raise DataError(
                f"samples lie along the first axis, this is {text(values.shape)}", Where(str(path))
            )
        return tuple(values)
    with MatrixFile(path) as matrices:
        if len(matrices.shape) > 1:
            what = f"samples of several matrices each, {text(matrices.shape)}, are not supported"
            raise DataError(what, Where(str(path)))
        samples = tuple(sample for sample in matrices if sample is not None)
        if len(samples) < len(matrices):
            raise DataError(f"{len(matrices) - len(samples)} samples are missing", Where(str(path)))
    return samples


def _read_classes(path: Path, labels: tuple[int, ...], where: Where) -> tuple[str, ...]:
    if not path.exists():
        return tuple(str(label) for label in range(max(labels, default=-1) + 1))
    classes = read_class_names(path)
    if max(labels, default=0) >= len(classes):
        raise DataError(f"label {max(labels)} where there are {len(classes)} classes", where)
    return classes


def check_set(data: DataSet, form: str, where: Where) -> None:
    """Refuse a set that cannot be written in this form.

    Raises: DataError.
    """
    if not data.samples:
        raise DataError("there is no sample to save", where)
    if form == "dataset" and len(data.shapes()) > 1:
        raise DataError(
            f"samples of different sizes, {data.sizes()}, do not fit in one matrix",
            where,
            "give --dims, or save them as dynset",
        )


def write_set(name: Path, data: DataSet, force: bool = False, form: str = "dynset") -> list[Path]:
    """Write a set: all its files, or none.

    `form` is "dynset", a matrix for each sample, "dataset", one for all, or one of single files,
    CLASS/CLASS_NUMBER, "mat" or a kind of image.

    Differs: EBLearn writes NAME_scales.mat, too, of numbers that were never set, and does not read it.

    Raises: FileError if a file is there and not `force`, or cannot be written; DataError for a set
    that the form cannot hold.
    """
    check_set(data, form, Where(str(set_path(name, "data"))))
    if form in ("mat", *IMAGES):
        return _write_singly(name.parent, data, force, form)
    refuse_sets([name], force)
    paths = [set_path(name, part) for part in PARTS]
    made_folder(name.parent)
    import numpy as np

    with files_together(name.parent) as folder:
        inside = [folder / path.name for path in paths]
        if form == "dataset":
            write_matrix(inside[0], np.stack(data.samples))
        else:
            write_matrices(inside[0], data.samples)
        write_matrix(inside[1], np.array(data.labels, np.int32), "int")
        write_class_names(inside[2], data.classes)
    return paths


def _write_singly(folder: Path, data: DataSet, force: bool, form: str) -> list[Path]:
    names = [data.classes[label] for label in data.labels]
    unsafe = next((name for name in names if name in (".", "..") or "/" in name or "\\" in name), None)
    if unsafe is not None:
        raise DataError(f"the class '{unsafe}' cannot be a folder", hint="save the set as dynset")
    paths = [folder / name / f"{name}_{index}.{form}" for index, name in enumerate(names)]
    refuse_existing(paths, force)
    for path, sample in zip(paths, data.samples, strict=True):
        content = matrix_bytes(sample) if form == "mat" else encode_image(_pixels(sample), form)
        made_folder(path.parent)
        with whole_file(path) as file:
            file.write(content)
    return sorted({path.parent for path in paths})


def _pixels(sample: Array) -> Array:
    """A sample (C, H, W) as an image, uint8; values beyond 0 to 255 or below 0 are stretched to fill it."""
    import numpy as np

    if sample.shape[0] not in (1, 3):
        raise DataError(f"a sample of {text(sample.shape)} is no image")
    low, high = float(sample.min()), float(sample.max())
    if low < 0 or high > 255:
        sample = (sample - low) * (255 / ((high - low) or 1))
    pixels = np.rint(sample).astype(np.uint8).transpose(1, 2, 0)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def refuse_existing(paths: Sequence[Path], force: bool) -> None:
    """Refuse, before anything is written, to replace what is there.

    Raises: FileError that names it.
    """
    for path in paths:
        if path.exists() and not force:
            raise FileError("it exists already", Where(str(path)), "use --force to replace it")


def refuse_sets(names: Sequence[Path], force: bool) -> None:
    """The same for all files of sets."""
    refuse_existing([set_path(name, part) for name in names for part in PARTS], force)


def made_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises: FileError if that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(error, folder) from None


def merged(first: DataSet, second: DataSet, notes: Notes, where: Where) -> DataSet:
    """The samples of two sets, one after the other; classes of the same name are one.

    Raises: DataError for samples of different sizes.
    """
    if not _alike(first.shapes(), second.shapes()):
        what = f"samples of {first.sizes()} and of {second.sizes()} are no one set"
        raise DataError(what, where, "compile both with the same --dims and --channels")
    new = [name for name in second.classes if name not in first.classes]
    if new:
        notes.inform(f"the second set adds {', '.join(new)}")
    classes = (*first.classes, *new)
    labels = tuple(classes.index(second.classes[label]) for label in second.labels)
    return DataSet(first.samples + second.samples, first.labels + labels, classes)


def _alike(first: list[Shape], second: list[Shape]) -> bool:
    """Whether sizes go together: one size, or several of as many channels."""
    if len(first) == len(second) == 1:
        return first == second
    return len({shape[:-2] for shape in first + second}) == 1


def split(data: DataSet, most: int | None, order: Sequence[int]) -> tuple[DataSet, DataSet]:
    """Two sets: the first `most` samples of each class in this order, None for all, and the rest."""
    kept: Counter[int] = Counter()
    first: list[int] = []
    second: list[int] = []
    for index in order:
        label = data.labels[index]
        fits = most is None or kept[label] < most
        kept[label] += fits
        (first if fits else second).append(index)
    return data.taken(first), data.taken(second)
