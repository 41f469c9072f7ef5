"""What a Keras network is trained and tested with: MNIST, or what a path names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lenet.data.class_folders import ClassFolders, HeldOut, Turned, class_names
from lenet.data.database import Database
from lenet.data.idx import Idx
from lenet.data.mnist import Mnist
from lenet.data.source import Source
from lenet.errors import DataError, FileError, UsageError, Where
from lenet.formats.keyvalue import backend_of
from lenet.shapes import Shape, text

MNIST = "MNIST"
HELD_OUT = 5  # of so many samples one is tested with, where no set for that is named
_TRAIN, _TEST = ("train", "training"), ("test", "val", "validation", "testing")
_PARTS = ("train", "test")
_IDX = {"train": ("train",), "test": ("t10k", "test")}  # how the names of MNIST's files begin
_KINDS = "a folder with a folder for each class, an LMDB or LevelDB, or a folder of idx files as MNIST's"


@dataclass(frozen=True)
class Sets:
    """Two sources of images and labels; how many samples they have, and how many classes, 0 if unknown.

    `name` is what they are called in messages.
    """

    train: Source
    test: Source
    samples: int
    tested: int
    classes: tuple[str, ...]
    name: str


def mnist_sets() -> Sets:
    """The MNIST of the package."""
    train, test = Mnist("train"), Mnist("test")
    digits = tuple(map(str, range(10)))
    return Sets(train, test, len(train.open()), len(test.open()), digits, MNIST)


def read_sets(words: str, shape: Shape, testing: bool = False) -> Sets:
    """The sets that `TRAIN,TEST` names, or `PATH` alone, for a network that takes samples (C, H, W).

    A path is a folder of folders of images, a database, or a folder of idx files with MNIST's names.  One
    alone may hold folders "train" and "test"; else every fifth sample is held out for testing;
    if it is only for `testing`, all of them are tested with.

    Raises: UsageError for what is none of these; FileError, DataError for what cannot be read, or has
    another shape than the network takes.
    """
    paths = [Path(word.strip()) for word in words.split(",")]
    if len(paths) > 2 or not all(word.strip() for word in words.split(",")):
        raise UsageError(f"'{words}' does not name data", hint="--data TRAIN,TEST or --data PATH")
    for path in paths:
        if not path.exists():
            raise FileError("there is no such folder or database", Where(str(path)), "check the path")
    if len(paths) == 1:
        found = [_within(paths[0], names) for names in (_TRAIN, _TEST)]
        paths = [path for path in found if path] if all(found) else paths
    if len(paths) == 2:
        parts = zip(paths, _PARTS, strict=True)
        sources = [_source(path, shape, part) for path, part in parts]
    elif _idx_file(paths[0], "train", "images") and _idx_file(paths[0], "test", "images"):
        sources = [_source(paths[0], shape, part) for part in _PARTS]
    else:
        whole = _source(paths[0], shape, "train")
        parts_of = [HeldOut(whole, HELD_OUT, kept) for kept in (False, True)]
        sources = [whole, whole] if testing else list(parts_of)
    samples, tested = (_checked(source, shape, words) for source in sources)
    return Sets(sources[0], sources[1], samples, tested, _classes(sources), words)


def _within(path: Path, names: tuple[str, ...]) -> Path | None:
    return next((path / name for name in names if (path / name).is_dir()), None)


def _source(path: Path, shape: Shape, part: str) -> Source:
    if len(shape) != 3:
        raise DataError(f"the network takes {text(shape)}, which is no image", Where(str(path)))
    backend = backend_of(path) if path.is_dir() else None
    if backend:
        database = Database(str(path), backend)
        return Turned(database) if shape[0] == 3 else database  # Caffe's are blue first
    images = _idx_file(path, part, "images") or _only_idx(path, "images")
    labels = _idx_file(path, part, "labels") or _only_idx(path, "labels")
    if images and labels:
        return Idx(str(images), str(labels))
    if path.is_dir() and shape[0] in (1, 3):
        return ClassFolders(str(path), shape[1], shape[2], shape[0])
    raise UsageError("this is no data to train with", Where(str(path)), f"wanted: {_KINDS}")


def _idx_file(path: Path, part: str, kind: str) -> Path | None:
    """MNIST's file of a part, packed or not."""
    names = [f"{prefix}-{kind}[-.]idx*" for prefix in _IDX[part]]
    return next((file for name in names for file in sorted(path.glob(name))), None) if path.is_dir() else None


def _only_idx(path: Path, kind: str) -> Path | None:
    """The one idx file of a kind in a folder of two."""
    found = sorted(path.glob(f"*{kind}*idx*")) if path.is_dir() else []
    return found[0] if len(found) == 1 else None


def _checked(source: Source, shape: Shape, words: str) -> int:
    """How many samples a source has.

    Raises: DataError if they have another shape than the network takes.
    """
    reader = source.open()
    try:
        if reader.shapes[0] != shape:
            found = f"its images are {text(reader.shapes[0])}, the network takes {text(shape)}"
            raise DataError(found, Where(words))
        return len(reader)
    finally:
        reader.close()


def _classes(sources: list[Source]) -> tuple[str, ...]:
    """The names of the classes where folders tell them.

    Raises: DataError if the folders of the two sets have other names.
    """
    wholes = [source.source if isinstance(source, HeldOut) else source for source in sources]
    folders = dict.fromkeys(whole.path for whole in wholes if isinstance(whole, ClassFolders))
    found = [class_names(folder) for folder in folders]
    if len(found) == 2 and found[0] != found[1]:
        train, test = (", ".join(names[:6]) for names in found)
        raise DataError(f"the classes are {test}, those to train with are {train}", Where(list(folders)[1]))
    return found[0] if found else ()
