"""`lenet data WORK ...`: write, fetch and look into data sets and databases."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import data_matrices, data_sets, data_tables, examples
from lenet.cli.arguments import at_least_one
from lenet.cli.data_records import KNOWN
from lenet.errors import FileError, Where
from lenet.formats.files import file_error, whole_file

if TYPE_CHECKING:
    from lenet.data.mnist import Part

_SHOWN = 4  # records that `head` shows
_PARTS: tuple[Part, Part] = ("train", "test")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of every work."""
    works = parser.add_subparsers(dest="work", required=True, metavar="WORK")
    mnist = _work(works, "mnist", "write the four idx files of the built-in MNIST")
    mnist.add_argument("folder", metavar="DIR", type=Path, help="where to write them")
    lmdb = _work(works, "lmdb", "write MNIST's databases as Caffe's convert_mnist_data makes them")
    lmdb.add_argument("folder", metavar="DIR", type=Path, help="gets mnist_train_lmdb and mnist_test_lmdb")
    convert = _work(works, "convert", "make a database of an idx file of images and one of labels")
    for name in ("images", "labels"):
        convert.add_argument(name, metavar=name.upper(), help=f"idx file of {name}, also gzip or xz")
    convert.add_argument("database", metavar="DB", help="the directory to make")
    for each in (lmdb, convert):
        each.add_argument("--backend", choices=("lmdb", "leveldb"), default="lmdb", help="(default: lmdb)")
    fetch = _work(works, "fetch", "download a data set, checked; goes on where it broke off")
    fetch.add_argument("name", metavar="NAME", help="mnist, fashion-mnist, kmnist or emnist")
    fetch.add_argument("folder", metavar="DIR", nargs="?", type=Path, help="(default: NAME)")
    fetch.add_argument(
        "--mirror", metavar="URL", default="", help="where the files lie, instead of their homes"
    )
    _add_looking(works)
    for tools in (data_sets, data_tables, data_matrices):
        tools.add_works(works)
    for each in (mnist, lmdb, convert, fetch, works.choices["export"]):
        each.add_argument("--force", action="store_true", help="replace what is there")
    parser.epilog = examples(
        "lenet data lmdb examples/mnist        # mnist_train_lmdb and mnist_test_lmdb, as Caffe's tutorial",
        "lenet data ls mnist:train             # how many of each digit",
        "lenet data head mnist_test_lmdb -n 2  # the first records",
        "lenet data fetch fashion-mnist",
        "lenet data dscompile digits --dims 28x28x1 --nopp --outdir sets   # EBLearn's data set tools",
        "lenet data table full 6 16 table.mat",
    )


def run(args: Namespace) -> int:
    """Do the work.

    Raises: LenetError for everything that cannot be read, written or fetched.
    """
    works = {
        "mnist": _write_mnist,
        "lmdb": _write_databases,
        "convert": _convert,
        "fetch": _fetch,
        "ls": _look,
        "head": _look,
        "export": _look,
        "table": data_tables.run,
        **dict.fromkeys(data_sets.WORKS, data_sets.run),
        **dict.fromkeys(data_matrices.WORKS, data_matrices.run),
    }
    works[args.work](args)
    return 0


def _work(works: _SubParsersAction[ArgumentParser], name: str, words: str) -> ArgumentParser:
    return works.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")


def _add_looking(works: _SubParsersAction[ArgumentParser]) -> None:
    listing = _work(works, "ls", "count the records of a database, its shapes and labels")
    head = _work(works, "head", "show the first records of a database")
    export = _work(works, "export", "write the images of a database as PNG files, INDEX_LABEL.png")
    for each in (listing, head, export):
        each.add_argument("database", metavar="DB", help=KNOWN)
    head.add_argument("-n", "--number", type=at_least_one, default=_SHOWN, help=f"(default: {_SHOWN})")
    export.add_argument("folder", metavar="DIR", type=Path, help="where to write them")
    export.add_argument("-n", "--number", type=at_least_one, help="how many (default: all)")


def _write_mnist(args: Namespace) -> None:
    from lenet.data.mnist import FILES, idx_content

    paths = {name: args.folder / name for name in FILES}
    _prepare(args.folder, list(paths.values()), args.force)
    for name, path in paths.items():
        with whole_file(path) as file:
            file.write(idx_content(name))
        print(path)


def _write_databases(args: Namespace) -> None:
    from lenet.data.database import write_database
    from lenet.data.mnist import mnist_arrays

    paths = {part: args.folder / f"mnist_{part}_{args.backend}" for part in _PARTS}
    _prepare(args.folder, list(paths.values()), args.force)
    for part, path in paths.items():
        images, labels = mnist_arrays(part)
        samples = zip(images, labels.tolist(), strict=True)
        number = write_database(str(path), args.backend, samples, args.force)
        print(f"{path}: {number:,} records")


def _convert(args: Namespace) -> None:
    from lenet.data.database import convert_idx

    number = convert_idx(args.images, args.labels, args.database, args.backend, args.force)
    print(f"{args.database}: {number:,} records")


def _fetch(args: Namespace) -> None:
    from lenet.data.fetch import fetch, public_set

    wanted = public_set(args.name)
    paths = fetch(wanted, args.folder or Path(args.name), args.mirror, args.force)
    if wanted.note:
        print(f"note: {wanted.note}")
    images, labels = (next(path for path in paths if kind in path.name) for kind in ("images", "labels"))
    print(f"to look inside:      lenet data ls {images}")
    print(f"to make a database:  lenet data convert {images} {labels} {args.name}_train_lmdb")


def _look(args: Namespace) -> None:
    from lenet.cli import data_records

    with data_records.opened(args.database) as records:
        if args.work == "ls":
            print(data_records.summary(records))
        elif args.work == "head":
            print(data_records.first_records(records, args.number))
        else:
            number = data_records.export(records, args.folder, args.number, args.force)
            print(f"{args.folder}: {number:,} images")


def _prepare(folder: Path, outputs: list[Path], force: bool) -> None:
    """Make the folder; refuse, before anything is written, to replace what is there."""
    for path in outputs:
        if path.exists() and not force:
            raise FileError("it exists already", Where(str(path)), "use --force to replace it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(error, folder) from None
