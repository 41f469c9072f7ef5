"""`lenet caffe detect.py`: the scores of windows of images, written as a table or as HDF5."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lenet.cli import examples
from lenet.cli.arguments import Parser
from lenet.cli.caffe_deploy import add_network, asked, check_files, read_array, set_mean, set_up
from lenet.dialects.caffe.command import Line
from lenet.errors import DataError, FileError, UsageError, Where
from lenet.formats.files import read_bytes, whole_file

if TYPE_CHECKING:
    from argparse import Namespace

    from lenet.pycaffe.detector import Detector

EDGES = ("ymin", "xmin", "ymax", "xmax")
Windows = dict[str, list[tuple[float, ...]]]  # by image, in the order of the file


def run(line: Line, device: str) -> int:
    """Look at the windows of a table; write the scores of each.

    Raises: LenetError for wrong options, files that cannot be read or do not fit each other.
    """
    does = "The scores of windows of images, as a table or HDF5."
    args = asked("detect.py", does, _add_arguments, line.words)
    if args is None:
        return 0
    if args.crop_mode != "list":
        hint = "find windows in another way, give them as a table: --crop_mode list WINDOWS.csv"
        raise UsageError("selective search is a MATLAB program, which is not part of this", hint=hint)
    check_files(args)
    detector = _detector(args)
    print("Loading input...")
    windows = read_windows(args.input_file)
    started = time.perf_counter()
    found = detector.detect_windows(windows.items())
    print(f"Processed {len(found)} windows in {time.perf_counter() - started:.3f} s.")
    started = time.perf_counter()
    write = write_csv if args.output_file.lower().endswith("csv") else write_hdf5
    write(args.output_file, found)
    print(f"Saved to {args.output_file} in {time.perf_counter() - started:.3f} s.")
    return 0


def _add_arguments(parser: Parser) -> None:
    words = f"a table (.csv) with the columns filename,{','.join(EDGES)}"
    parser.add_argument("input_file", metavar="INPUT", help=words)
    parser.add_argument("output_file", metavar="OUTPUT", help="where the scores go: .csv, else HDF5 (.h5)")
    add_network(parser)
    parser.add_argument(
        "--crop_mode",
        choices=("list", "selective_search"),
        default="selective_search",
        help="where windows come from: a list, or selective search, which is not there (selective_search)",
    )
    parser.add_argument(
        "--context_pad",
        type=int,
        default=16,
        metavar="N",
        help="pixels of the input around the window that show what lies around it (16)",
    )
    parser.epilog = examples("lenet caffe detect.py --crop_mode list windows.csv scores.h5")


def _detector(args: Namespace) -> Detector:
    """The network; of a mean image it subtracts the mean of each channel."""
    from lenet.pycaffe.detector import Detector

    detector = Detector(
        args.model_def, args.pretrained_model, input_scale=args.input_scale, raw_scale=args.raw_scale
    )
    side = min(detector.crop_dims.tolist())
    if not 0 <= 2 * args.context_pad < side:
        raise UsageError(f"--context_pad {args.context_pad} leaves nothing of an input of {side} pixels")
    set_up(detector, args)
    if args.mean_file:
        mean = read_array(args.mean_file)
        set_mean(detector, mean.mean((1, 2)) if mean.ndim == 3 else mean, args.mean_file)
    detector.configure_crop(args.context_pad)  # the mean is what lies beyond an image
    return detector


def read_windows(path: str) -> Windows:
    """The windows of a table, by image, in the order of the images.

    Raises: FileError if it cannot be read or has not the columns; DataError, with the line, for a window
    that is no numbers.
    """
    if not path.lower().endswith("csv"):
        words = "a list of images has no windows" if path.lower().endswith("txt") else "this is no table"
        raise UsageError(f"{path}: {words}", hint=f"a .csv with the columns filename,{','.join(EDGES)}")
    try:
        rows = csv.DictReader(io.StringIO(read_bytes(path).decode("utf-8-sig"), newline=""))
        missing = [name for name in ("filename", *EDGES) if name not in (rows.fieldnames or ())]
        if missing:
            hint = f"filename,{','.join(EDGES)}"
            raise FileError(f"the table has no column {', '.join(missing)}", Where(path, 1), hint)
        windows: Windows = {}
        for row in rows:
            windows.setdefault(row["filename"], []).append(_window(row, Where(path, rows.line_num)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"this is no table: {error}", Where(path)) from None
    if not windows:
        raise DataError("there are no windows in this table", Where(path))
    return windows


def _window(row: dict[str, Any], where: Where) -> tuple[float, ...]:
    try:
        window = tuple(float(row[name]) for name in EDGES)
        if all(abs(edge) < 2**31 for edge in window):  # nor any that is not a number
            return window
    except (TypeError, ValueError):
        pass
    raise DataError(f"a window is four numbers, not {[row[name] for name in EDGES]}", where)


def write_csv(path: str, found: Sequence[dict[str, Any]]) -> None:
    """Write a row for each window: the image, the edges, the score of each class."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["filename", *EDGES, *(f"class{index}" for index in range(len(found[0]["prediction"])))])
    for item in found:
        edges = [f"{edge:g}" for edge in item["window"]]
        writer.writerow([item["filename"], *edges, *(repr(float(score)) for score in item["prediction"])])
    with whole_file(path) as file:
        file.write(table.getvalue().encode())


def write_hdf5(path: str, found: Sequence[dict[str, Any]]) -> None:
    """Write arrays of the group `df`: filename, the four edges, prediction (windows, classes).

    Differs: Caffe writes a pandas table, whose rows are Python objects that must be executed to be read.

    Raises: FileError if it cannot be written; MissingExtra without h5py.
    """
    import numpy as np

    from lenet.formats.hdf5 import append_rows

    edges = np.array([item["window"] for item in found])
    arrays = {f"df/{name}": edges[:, place] for place, name in enumerate(EDGES)}
    arrays["df/prediction"] = np.array([item["prediction"] for item in found])
    arrays["df/filename"] = np.array([item["filename"].encode() for item in found])
    with whole_file(path) as file:
        append_rows(file.name, arrays, anew=True)
