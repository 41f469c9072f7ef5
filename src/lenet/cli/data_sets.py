"""`lenet data dscompile|dssplit|dsmerge|dsdisplay ...`: sets of samples, with EBLearn's tools' options."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenet.cli import examples
from lenet.cli.messages import telling
from lenet.dialects.eblearn.dataset_options import TOOLS, Option, check_support
from lenet.errors import DataError, FileError, UsageError, Where
from lenet.formats.files import whole_file
from lenet.shapes import text

if TYPE_CHECKING:
    from lenet.dialects.eblearn.dataset_compile import Work
    from lenet.dialects.eblearn.dataset_files import DataSet
    from lenet.dialects.eblearn.dataset_recipe import Recipe
    from lenet.errors import Notes

WORKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dscompile": ("make a set of samples of images in folders of their classes", ("ROOT",)),
    "dssplit": ("split a set in two, at random", ("ROOT", "SET", "FIRST", "SECOND")),
    "dsmerge": ("join two sets; classes of the same name are one", ("ROOT", "OUT", "FIRST", "SECOND")),
    "dsdisplay": ("tell what a set holds, and draw its first samples", ("ROOT",)),
}
_EXAMPLES = {
    "dscompile": (
        "lenet data dscompile digits --dims 28x28x1 --nopp --outdir sets --dname digits",
        "lenet data dscompile photographs --type patch --dims 32x32 --channels Yp --forcelabel bg \\",
        "    --maxperclass 3 --scales 1,2,4 --outdir sets --dname bg",
    ),
    "dssplit": ("lenet data dssplit sets digits train test --maxperclass 500",),
    "dsmerge": ("lenet data dsmerge sets faces_bg faces bg",),
    "dsdisplay": (
        "lenet data dsdisplay sets digits --dims 5x10",
        "lenet data dsdisplay sets/digits --dims 5x10    # the same, as EBLearn's dsdisplay takes it",
    ),
}
_PLACES = {
    "ROOT": "the folder of the sets; of dscompile: of the images",
    "SET": "the set's name: its files are ROOT/SET_data.mat, ROOT/SET_labels.mat, ...",
    "OUT": "the new set's name",
    "FIRST": "a set's name",
    "SECOND": "a set's name",
}
_SHOWN = 32  # samples of the picture that dscompile draws


def add_works(works: _SubParsersAction[ArgumentParser]) -> None:
    """Declare the tools, each with the options of its table."""
    for name, (words, places) in WORKS.items():
        parser = works.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        for place in places:
            parser.add_argument(place.lower(), metavar=place, help=_PLACES.get(place))
        if name == "dsdisplay":
            parser.add_argument("set", metavar="SET", nargs="?", help="its name; or leave it out: ROOT/SET")
        add_options(parser, TOOLS[name])
        parser.epilog = examples(*_EXAMPLES[name])


def add_options(parser: ArgumentParser, options: Sequence[Option]) -> None:
    """Declare a tool's options; those that are refused or in vain are read and left out of the help."""
    for option in options:
        settings: dict[str, Any] = {"dest": option.name}
        hidden = option.refused or option.vain or not option.help
        told = f"{option.help} ({option.default})" if option.default else option.help
        settings["help"] = SUPPRESS if hidden else told.replace("%", "%%")
        if option.value:
            settings |= {"metavar": option.value, "action": "append" if option.several else "store"}
        else:
            settings["action"] = "store_true"
        parser.add_argument(option.word, **settings)


def run(args: Namespace) -> None:
    """Do what a tool does.

    Raises: LenetError for what cannot be read, made or written.
    """
    works: dict[str, Callable[[Namespace, Notes], None]] = {
        "dscompile": _compile,
        "dssplit": _split,
        "dsmerge": _merge,
        "dsdisplay": _display,
    }
    with telling() as notes:
        check_support(args.work, vars(args), notes)
        works[args.work](args, notes)


def _compile(args: Namespace, notes: Notes) -> None:
    from lenet.dialects.eblearn.dataset_compile import summary, work_of
    from lenet.dialects.eblearn.dataset_files import read_set
    from lenet.dialects.eblearn.dataset_recipe import recipe_of

    if args.load:
        name = str(Path(args.root) / args.load)
        print(_told(name, read_set(name)))
        return
    recipe = recipe_of(args.root, vars(args), notes)
    work = work_of(recipe, notes)
    print(f"{recipe.root}: {summary(work.images, work.classes)}")
    if args.stats:
        _write_statistics(work, notes)
        return
    if not args.nosave:
        _refuse_existing(recipe)
    _write_compiled(work, notes)


def _refuse_existing(recipe: Recipe) -> None:
    """Refuse before the work is done, not after."""
    from lenet.dialects.eblearn.dataset_files import refuse_existing, refuse_sets

    if recipe.form in ("dynset", "dataset"):
        refuse_sets([recipe.outdir / recipe.name], recipe["force"])
    if recipe["disp"]:
        refuse_existing([_picture(recipe)], recipe["force"])


def _write_compiled(work: Work, notes: Notes) -> None:
    from lenet.dialects.eblearn.dataset_compile import compiled
    from lenet.dialects.eblearn.dataset_files import made_folder, write_set

    recipe = work.recipe
    data, name = compiled(work, notes), recipe.outdir / recipe.name
    if not recipe["nosave"]:
        for path in write_set(name, data, recipe["force"], recipe.form):
            print(path)
    print(_told(str(name), data))
    if recipe["disp"]:
        made_folder(recipe.outdir)
        _draw(data, _picture(recipe), str(name), range(min(_SHOWN, len(data.samples))), recipe["force"])


def _picture(recipe: Recipe) -> Path:
    return recipe.outdir / f"{recipe.name}.png"


def _write_statistics(work: Work, notes: Notes) -> None:
    from lenet.dialects.eblearn.dataset_compile import statistics
    from lenet.dialects.eblearn.dataset_files import made_folder, refuse_existing

    recipe = work.recipe
    path = recipe.outdir / f"{recipe.name}_stats.csv"
    refuse_existing([path], recipe["force"])
    content = statistics(work, notes)
    if not recipe["nosave"]:
        made_folder(recipe.outdir)
        with whole_file(path) as file:
            file.write(content.encode())
        print(f"{path}: {content.count(chr(10)) - 1:,} regions")


def _split(args: Namespace, notes: Notes) -> None:
    from lenet.data.c_library import CLibrary
    from lenet.dialects.eblearn.dataset_files import (
        read_set,
        refuse_sets,
        split,
        write_set,
    )
    from lenet.dialects.eblearn.dataset_values import at_least

    root = Path(args.root)
    data = _without(read_set(root / args.set), args.exclude or [])
    if args.maxperclass is None:
        raise UsageError(
            "dssplit needs --maxperclass", hint="how many samples of each class the first set gets"
        )
    most, draws, seed = (
        _number(name, getattr(args, name), at_least(least))
        for name, least in (("maxperclass", 1), ("draws", 1), ("seed", 0))
    )
    numbers, order = CLibrary(seed or 0), list(range(len(data.samples)))
    endings = [str(index + 1) for index in range(draws)] if draws else [""]
    names = [(root / f"{args.first}{ending}", root / f"{args.second}{ending}") for ending in endings]
    refuse_sets([name for pair in names for name in pair], args.force)
    for pair in names:
        numbers.shuffle(order)
        halves = split(data, most, order)
        for name, half in zip(pair, halves, strict=True):
            if not half.samples:
                raise DataError(f"{name} would have no sample", hint=f"{args.set} has {_counts(data)}")
        for name, half in zip(pair, halves, strict=True):
            write_set(name, half, args.force)
            print(_told(str(name), half))


def _number(name: str, word: str | None, read: Callable[[str], int]) -> int | None:
    try:
        return None if word is None else read(word)
    except ValueError:
        raise UsageError(f"--{name} {word} cannot be", hint="a whole number is wanted") from None


def _without(data: DataSet, classes: Sequence[str]) -> DataSet:
    """The set without the samples of some classes, which are no classes then."""
    from lenet.dialects.eblearn.dataset_files import DataSet

    for name in classes:
        if name not in data.classes:
            raise UsageError(f"there is no class '{name}'", hint=f"there are {', '.join(data.classes)}")
    left = [label for label, name in enumerate(data.classes) if name not in classes]
    kept = data.taken([index for index, label in enumerate(data.labels) if label in left])
    names = tuple(data.classes[label] for label in left)
    return DataSet(kept.samples, tuple(left.index(label) for label in kept.labels), names)


def _merge(args: Namespace, notes: Notes) -> None:
    from lenet.dialects.eblearn.dataset_files import (
        merged,
        read_set,
        refuse_sets,
        write_set,
    )

    root = Path() if args.full else Path(args.root)
    name = root / args.out
    refuse_sets([name], args.force)
    first, second = (read_set(root / each) for each in (args.first, args.second))
    data = merged(first, second, notes, Where(str(root / args.second)))
    write_set(name, data, args.force)
    print(_told(str(name), data))


def _counts(data: DataSet) -> str:
    return ", ".join(f"{number} {name}" for name, number in zip(data.classes, data.counts(), strict=True))


def _told(name: str, data: DataSet) -> str:
    """What a set holds: its samples, their values, how many of each class."""
    from lenet.report.table import Table

    number = len(data.samples)
    low = min((float(sample.min()) for sample in data.samples if sample.size), default=0.0)
    high = max((float(sample.max()) for sample in data.samples if sample.size), default=0.0)
    head = f"{name}: {number:,} sample{'s' * (number != 1)} of {data.sizes()}, values {low:.5g} to {high:.5g}"
    rows = tuple(
        (str(label), data.classes[label], f"{count:,}", f"{100 * count / max(number, 1):.1f} %")
        for label, count in enumerate(data.counts())
    )
    return f"{head}\n{Table(('label', 'class', 'samples', 'share'), rows, align='rlrr').text()}"


def _display(args: Namespace, notes: Notes) -> None:
    from lenet.dialects.eblearn.dataset_files import read_set, refuse_existing
    from lenet.dialects.eblearn.dataset_values import pair

    name = str(Path(args.root, args.set or ""))
    data = read_set(name)
    if args.size:
        print(len(data.samples))
        return
    if args.channel is not None:
        data = _one_channel(data, args.channel)
    print(_told(name, data))
    if args.info or not data.samples:
        return
    try:
        rows, columns = pair(args.dims or "4x8")
    except ValueError:
        raise UsageError(f"--dims {args.dims} cannot be", hint="rows and columns, as 4x8") from None
    path = Path(args.out or f"{name}.png")
    refuse_existing([path], args.force)
    shown = range(min(rows * columns, len(data.samples)))
    _draw(data, path, name, shown, args.force, columns, limits_of(args.range))


def limits_of(word: str | None) -> tuple[float, float] | None:
    """The values that are black and white, None for those of the data.

    Raises: UsageError if they are no two numbers, the lower first.

    >>> limits_of("-1,1")
    (-1.0, 1.0)
    """
    if word is None:
        return None
    try:
        low, high = (float(each) for each in word.split(","))
    except ValueError:
        low = high = 0.0
    if not low < high:
        raise UsageError(f"--range {word} cannot be", hint="two numbers, as --range=-1,1")
    return low, high


def _one_channel(data: DataSet, word: str) -> DataSet:
    from dataclasses import replace

    channels = min((len(sample) for sample in data.samples), default=1)
    if not word.isdecimal() or int(word) >= channels:
        raise UsageError(f"there is no channel {word}", hint=f"there are {channels}, counted from 0")
    index = int(word)
    return replace(data, samples=tuple(sample[index : index + 1] for sample in data.samples))


def _draw(
    data: DataSet,
    path: Path,
    name: str,
    shown: range,
    force: bool,
    columns: int = 8,
    limits: tuple[float, float] | None = None,
) -> None:
    """A picture of samples, with their classes."""
    from lenet.report.labelled import labelled
    from lenet.report.style import png

    samples = [data.samples[index] for index in shown]
    samples = [sample if sample.ndim == 3 else sample[None] for sample in samples]
    wrong = next((sample for sample in samples if sample.ndim != 3 or not sample.size), None)
    if wrong is not None:
        raise DataError(f"samples of {text(wrong.shape[1:])} are no pictures", Where(name), "use --info")
    if path.is_dir():
        raise FileError("this is a directory, a file is wanted", Where(str(path)))
    names = [data.classes[data.labels[index]] for index in shown]
    title = f"The first {len(shown)} of {len(data.samples):,} samples"
    number = len(data.classes)
    subtitle = f"{Path(name).name}: {data.sizes()}, {number} class{'es' * (number != 1)}"
    content = png(labelled(samples, names, title, subtitle, columns, limits))
    with whole_file(path) as file:
        file.write(content)
    print(path)
