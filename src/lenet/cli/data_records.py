"""Looking into a data set: what `lenet data ls`, `head` and `export` show of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lenet.errors import DataError, FileError, UsageError, Where, did_you_mean
from lenet.formats.files import whole_directory
from lenet.report.table import Table
from lenet.shapes import Array, text

if TYPE_CHECKING:
    from lenet.data.mnist import Part
    from lenet.data.source import Reader

KNOWN = "an LMDB or LevelDB directory, an idx file, mnist:train or mnist:test"

_CHUNK = 1000  # records read at once
_BAR = 30  # columns of the longest bar
_LINE = 80  # columns of a terminal
_PICTURE = 28  # columns of a picture
_SHADES = " .:-=+*#%@"
_BUILT_IN = ("mnist:train", "mnist:test")


@dataclass(frozen=True)
class Records:
    """An open data set: its name, what it is, its samples, their keys, and whether colours are BGR."""

    name: str
    what: str
    reader: Reader
    key: Callable[[int], str]
    blue_first: bool = False


@contextmanager
def opened(name: str) -> Iterator[Records]:
    """Open what `name` stands for: a database, an idx file, or the built-in MNIST.

    Raises: FileError if it is none of them; UsageError for an unknown built-in set.
    """
    records = _open(name)
    try:
        yield records
    finally:
        records.reader.close()


def _open(name: str) -> Records:
    from lenet.data.database import DatabaseReader, backend_of, open_database
    from lenet.data.mnist import Mnist

    if name in _BUILT_IN:
        part = cast("Part", name.split(":")[1])
        return Records(name, "the built-in MNIST", Mnist(part).open(), _numbered)
    path = Path(name)
    if name.startswith("mnist:"):
        hint = did_you_mean(name, _BUILT_IN) or f"known: {', '.join(_BUILT_IN)}"
        raise UsageError(f"no built-in set '{name}' is known", hint=hint)
    if path.is_file() and path.suffix != ".mdb":
        return _open_idx(name)
    backend = backend_of(path)
    if backend is None and path.is_dir():
        what = "the directory is no database: neither data.mdb (LMDB) nor CURRENT (LevelDB) is in it"
        raise FileError(what, Where(name), f"give {KNOWN}")
    backend = backend or "lmdb"
    reader = DatabaseReader(open_database(name, backend))
    what = {"lmdb": "an LMDB database", "leveldb": "a LevelDB database"}[backend]
    return Records(name, what, reader, reader.key, blue_first=True)


def _open_idx(name: str) -> Records:
    """An idx file; images come with the labels of the file beside them, if there is one."""
    from lenet.data.arrays import ArrayReader
    from lenet.data.idx import Idx
    from lenet.formats.idx import is_idx, read_idx, read_idx_header

    if not is_idx(name):
        raise FileError("this is neither a database nor an idx file", Where(name), f"give {KNOWN}")
    shape = read_idx_header(name).shape
    if len(shape) in (3, 4):
        labels = Path(name).with_name(Path(name).name.replace("images-idx3", "labels-idx1"))
        has_labels = labels != Path(name) and labels.exists()
        return Records(name, "an idx file", Idx(name, str(labels) if has_labels else "").open(), _numbered)
    if not shape:
        raise DataError("the idx file holds a single value, no records", Where(name))
    return Records(name, "an idx file", ArrayReader(read_idx(name)), _numbered)


def _numbered(index: int) -> str:
    return f"{index:08d}"


def summary(records: Records) -> str:
    """How many records there are, of which shape, and how many of each label."""
    reader = records.reader
    lines = [f"{records.name}: {records.what}", f"  records  {len(reader):,}"]
    if reader.shapes[0]:
        lines.append(f"  image    {text(reader.shapes[0])}, {reader.dtypes[0]}")
    labels = _labels(reader)
    if labels:
        lines += ["", _histogram(labels)]
    return "\n".join(lines)


def _labels(reader: Reader) -> Counter[int]:
    """How many records have each label: the last output, if it is one whole number."""
    from tqdm import tqdm

    counts: Counter[int] = Counter()
    if reader.shapes[-1] or reader.dtypes[-1].kind not in "iu":
        return counts
    for start in tqdm(range(0, len(reader), _CHUNK), unit_scale=_CHUNK, leave=False, disable=None):
        labels = reader.read_many(range(start, min(start + _CHUNK, len(reader))))[-1]
        counts.update(labels.tolist())
    return counts


def _histogram(counts: Counter[int]) -> str:
    total, most = counts.total(), max(counts.values())
    rows = (
        (str(label), f"{count:,}", f"{100 * count / total:.1f} %", "#" * round(_BAR * count / most))
        for label, count in sorted(counts.items())
    )
    return Table(("label", "records", "share", ""), tuple(rows)).text()


def first_records(records: Records, number: int) -> str:
    """Key, label, shape and a small picture, or the numbers, of the first records."""
    blocks = [_block(records, index) for index in range(min(number, len(records.reader)))]
    width = max((len(line) for block in blocks for line in block), default=0) + 2
    columns = max(1, (_LINE + 2) // width)
    rows = [blocks[start : start + columns] for start in range(0, len(blocks), columns)]
    return "\n\n".join(
        "\n".join(
            "".join(line.ljust(width) for line in lines).rstrip() for lines in zip_longest(*row, fillvalue="")
        )
        for row in rows
    )


def _block(records: Records, index: int) -> list[str]:
    first, *others = records.reader.read(index)
    label = f"  label {others[-1]}" if others and not others[-1].shape else ""
    lines = [f"{records.key(index)}{label}", *([text(first.shape)] if first.shape else [])]
    if first.ndim == 3 and min(first.shape) > 0:
        return lines + _picture(_grey(first))
    return [*lines, " ".join(f"{value:g}" for value in first.ravel()[:10])]


def _grey(image: Array) -> Array:
    return cast(Array, image.mean(axis=0))


def _picture(image: Array) -> list[str]:
    """An image (H, W) in characters, which are twice as high as wide; the darkest value is blank."""
    import numpy as np

    height, width = image.shape
    columns = min(width, _PICTURE)
    rows = max(1, round(height * columns / width / 2))
    vertical = np.linspace(0, height, rows + 1).astype(int)[:-1]
    horizontal = np.linspace(0, width, columns + 1).astype(int)[:-1]
    low, high = float(image.min()), float(image.max())
    cells = np.maximum.reduceat(np.maximum.reduceat(image, vertical, axis=0), horizontal, axis=1)
    shades = ((cells - low) / ((high - low) or 1) * (len(_SHADES) - 1)).round().astype(int)
    return ["".join(_SHADES[shade] for shade in row).rstrip() for row in shades]


def export(records: Records, folder: Path, number: int | None, force: bool) -> int:
    """Write the images as INDEX_LABEL.png; returns how many.

    Raises: FileError if the folder has something in it and not `force`, or cannot be written;
    DataError if the records are no images of 1 or 3 channels.
    """
    shape = records.reader.shapes[0]
    if len(shape) != 3 or shape[0] not in (1, 3, 4):
        raise DataError(f"records of {text(shape)} are no images", Where(records.name))
    number = min(number or len(records.reader), len(records.reader))
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        if not force or not folder.is_dir():
            raise FileError(
                "it exists already", Where(str(folder)), "give a new directory, or --force to add to it"
            )
        _write_images(records, folder, number)
        return number
    with whole_directory(folder, flush=False) as temporary:
        _write_images(records, temporary, number)
    return number


def _write_images(records: Records, folder: Path, number: int) -> None:
    from tqdm import tqdm

    from lenet.formats.image import encode_png

    digits = len(str(number - 1))
    for index in tqdm(range(number), leave=False, disable=None):
        image, *labels = records.reader.read(index)
        name = "_".join([f"{index:0{digits}d}", *(str(label) for label in labels[:1])])
        (folder / f"{name}.png").write_bytes(encode_png(_pixels(image, records.blue_first)))


def _pixels(image: Array, blue_first: bool) -> Array:
    """An image (C, H, W) as a PNG file holds it, (H, W) or (H, W, C) with red first, uint8."""
    import numpy as np

    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        inside = low >= 0 and high <= 255
        image = image if inside else (image - low) * (255 / ((high - low) or 1))
        image = image.round().astype(np.uint8)
    if len(image) == 1:
        return cast(Array, image[0])
    order = [2, 1, 0, 3][: len(image)] if blue_first else list(range(len(image)))
    return np.ascontiguousarray(image[order].transpose(1, 2, 0))
