"""`lenet data matshow|narrow|mconvert ...`: EBLearn's matrices looked at, cut and made of text."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli.data_sets import add_options, limits_of
from lenet.cli.messages import telling
from lenet.dialects.eblearn.dataset_options import TOOLS, check_support
from lenet.errors import DataError, UsageError, Where
from lenet.formats.files import whole_file
from lenet.formats.number_table import read_number_table
from lenet.shapes import text

if TYPE_CHECKING:
    from lenet.shapes import Array

WORKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "matshow": ("tell what matrices hold", ("FILE...",)),
    "narrow": ("cut a part out of a matrix along one axis", ("FILE",)),
    "mconvert": ("make a matrix of a text file of numbers (csv)", ("FILE", "OUT")),
}
_SHORT = 100  # values that are printed without being asked for
_MOST = 100  # pictures drawn of one command


def add_works(works: _SubParsersAction[ArgumentParser]) -> None:
    """Declare the tools, each with the options of its table."""
    for name, (words, _) in WORKS.items():
        parser = works.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        if name == "matshow":
            parser.add_argument("files", metavar="FILE", nargs="+", help="matrices (.mat) or idx files")
        else:
            parser.add_argument("file", metavar="FILE")
        if name == "mconvert":
            parser.add_argument("out", metavar="OUT", nargs="?", help="(default: FILE with the suffix .mat)")
        add_options(parser, TOOLS[name])


def run(args: Namespace) -> None:
    """Do what a tool does.

    Raises: LenetError for what cannot be read or written.
    """
    works: dict[str, Callable[[Namespace], None]] = {
        "matshow": _show,
        "narrow": _narrow,
        "mconvert": _convert,
    }
    with telling() as notes:
        check_support(args.work, vars(args), notes)
        works[args.work](args)


def _show(args: Namespace) -> None:
    from lenet.dialects.eblearn.dataset_files import refuse_existing

    if args.out:
        refuse_existing([Path(args.out)], args.force)
    found = [(path, each) for path in args.files for each in _matrices(path)]
    if args.diff:
        found = [_difference(found)]
    for name, array in found:
        print(f"{name}: {_told(array)}")
        if array.size and (args.print or array.size <= _SHORT):
            print(_values(array))
    if args.out:
        _draw(found, Path(args.out), args.range)


def _matrices(path: str) -> list[Array]:
    from lenet.formats.matrices import MatrixFile, holds_several
    from lenet.formats.matrix import is_matrix, read_array

    if not (is_matrix(path) and holds_several(path)):
        return [read_array(path)]
    with MatrixFile(path) as matrices:
        found = [matrix for matrix in matrices if matrix is not None]
        print(f"{path}: a file of {len(matrices):,} matrices")
    return found


def _difference(found: Sequence[tuple[str, Array]]) -> tuple[str, Array]:
    if len(found) != 2 or found[0][1].shape != found[1][1].shape:
        sizes = " and ".join(text(array.shape) for _, array in found[:3]) or "nothing"
        raise UsageError(f"--diff is of two matrices of one size, these are {sizes}")
    (first, left), (second, right) = found
    return f"{first} - {second}", left.astype("float64") - right.astype("float64")


def _told(array: Array) -> str:
    from lenet.formats.matrix import type_of

    told = f"{text(array.shape) or 'a single number'} of {type_of(array.dtype)}"
    if not array.size:
        return f"{told}, no values"
    return f"{told}, least {array.min():.6g}, greatest {array.max():.6g}, mean {array.mean():.6g}"


def _values(array: Array) -> str:
    import sys

    import numpy as np

    return str(np.array2string(array, threshold=sys.maxsize, max_line_width=100))


def _draw(found: Sequence[tuple[str, Array]], path: Path, limits: str | None) -> None:
    """All matrices as pictures; of one of more axes, those along the first."""
    from lenet.report.labelled import labelled
    from lenet.report.style import png

    images, names = [], []
    for name, array in found:
        for image in _pictures(array):
            images.append(image)
            names.append(Path(name).stem)
    if not images:
        raise DataError("there are no values to draw", Where(found[0][0]))
    files = list(dict.fromkeys(name for name, _ in found))
    title = Path(files[0]).name + f" and {len(files) - 1} more" * (len(files) > 1)
    subtitle = text(found[0][1].shape) if len(found) == 1 else f"{len(found):,} matrices"
    subtitle += f"; the first {_MOST} pictures" * (len(images) > _MOST)
    figure = labelled(
        images[:_MOST], names[:_MOST] if len(files) > 1 else [""], title, subtitle, limits=limits_of(limits)
    )
    content = png(figure)
    with whole_file(path) as file:
        file.write(content)
    print(path)


def _pictures(array: Array) -> list[Array]:
    """A matrix as pictures (C, H, W)."""
    if not array.size:
        return []
    if array.ndim < 3:
        return [array.reshape(1, array.shape[0] if array.ndim == 2 else 1, -1)]
    if array.ndim == 3:
        if array.shape[2] in (1, 3) and array.shape[0] not in (1, 3):
            return [array.transpose(2, 0, 1)]
        return [array] if array.shape[0] in (1, 3) else [each[None] for each in array]
    return [image for each in array for image in _pictures(each)]


def _narrow(args: Namespace) -> None:
    from lenet.dialects.eblearn.dataset_files import refuse_existing
    from lenet.formats.matrices import holds_several, write_matrices
    from lenet.formats.matrix import is_matrix, write_matrix

    numbers = {name: _number(name, getattr(args, name)) for name in ("dim", "size", "off")}
    axis, start = numbers["dim"] or 0, numbers["off"] or 0
    size = numbers["size"]
    if not size:
        raise UsageError("narrow needs --size", hint="how much of the axis is kept")
    path = Path(args.out or f"{args.file}_narrowed.mat")
    refuse_existing([path], args.force)
    found, where = _matrices(args.file), Where(args.file)
    if is_matrix(args.file) and holds_several(args.file):
        _check_part((len(found),), axis, start, size, where)
        write_matrices(path, found[start : start + size])
        print(f"{path}: {size:,} of {len(found):,} matrices")
        return
    array = found[0]
    _check_part(array.shape, axis, start, size, where)
    part = array[(slice(None),) * axis + (slice(start, start + size),)]
    write_matrix(path, part)
    print(f"{path}: {text(part.shape)} of {text(array.shape)}")


def _check_part(shape: Sequence[int], axis: int, start: int, size: int, where: Where) -> None:
    if axis >= len(shape):
        raise DataError(f"there is no axis {axis}: the matrix is {text(tuple(shape))}", where)
    if start + size > shape[axis]:
        what = f"{size} from {start} on are not there: axis {axis} has {shape[axis]}"
        raise DataError(what, where, "give less --size or --off")


def _number(name: str, word: str | None) -> int | None:
    if word is None:
        return None
    if not word.isdecimal():
        raise UsageError(f"--{name} {word} cannot be", hint="a whole number is wanted")
    return int(word)


def _convert(args: Namespace) -> None:
    import numpy as np

    from lenet.dialects.eblearn.dataset_files import refuse_existing
    from lenet.formats.matrix import write_matrix

    path = Path(args.out or Path(args.file).with_suffix(".mat"))
    if path == Path(args.file):
        raise UsageError("the matrix would replace the text", hint="name the new file")
    refuse_existing([path], args.force)
    array = read_number_table(args.file).astype(np.float32)
    write_matrix(path, array)
    print(f"{path}: {text(array.shape)} of float")
