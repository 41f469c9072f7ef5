"""`lenet caffe parse_log`, `plot_training_log` and `summarize`: Caffe's scripts around logs and networks."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from lenet.cli import examples
from lenet.cli.arguments import Parser, at_least_one
from lenet.cli.messages import telling
from lenet.dialects.caffe.command import FlagError, Line
from lenet.dialects.caffe.log_reader import METRICS, Point, Row, TrainingLog, read_log
from lenet.errors import FileError, UsageError, Where
from lenet.formats.files import file_error, whole_file
from lenet.shapes import Array

_ALL_CHARTS = range(8)


def run(line: Line, device: str) -> int:
    """Do what one of the three scripts does.

    Raises: LenetError for wrong words, a file that cannot be read, a folder that is not there.
    """
    doers = {"parse_log.py": _parse_log, "plot_training_log.py.example": _plot, "summarize.py": _summarize}
    return doers[line.command](line.words)


def _parsed(parser: Parser, words: Sequence[str]) -> Namespace | None:
    try:
        return parser.parse(words)
    except SystemExit:
        return None


def _parse_log(words: Sequence[str]) -> int:
    parser = Parser(prog="parse_log", description="Tables of what a training log tells, as CSV files.")
    parser.add_argument("log", metavar="LOG", type=Path, help="a log of 'caffe train', or a run's folder")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where LOG.train and LOG.test go")
    parser.add_argument("--verbose", action="store_true", help="name the files that are written")
    parser.add_argument("--delimiter", default=",", metavar="LETTER", help="what stands between columns (,)")
    parser.add_argument("--charts", action="store_true", help="draw the eight charts, LOG.0.png to LOG.7.png")
    parser.epilog = examples(
        "lenet caffe parse_log lenet.log .               # lenet.log.train, lenet.log.test",
        "lenet caffe parse_log runs/lenet tables --charts",
    )
    args = _parsed(parser, words)
    if args is None:
        return 0
    _check(args.folder, args.delimiter)
    log = read_log(args.log)
    name = args.log.resolve().name if args.log.name != METRICS else args.log.resolve().parent.name
    tables = {"train": log.training}
    for number in sorted(log.tests) or [0]:  # one file for each test net, the first one named as ever
        tables[f"test.{number}" if number else "test"] = log.tests.get(number, [])
    for ending, rows in tables.items():
        _write(args.folder / f"{name}.{ending}", _table(rows, args.delimiter), args.verbose)
    for number in _ALL_CHARTS if args.charts else ():
        _write(args.folder / f"{name}.{number}.png", _chart(number, [(name, log)]), args.verbose)
    return 0


def _check(folder: Path, delimiter: str) -> None:
    if not folder.is_dir():
        raise FileError("there is no such directory to write to", Where(str(folder)), "make it")
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise UsageError(f"--delimiter is one letter, not '{delimiter}'")


def _table(rows: Sequence[Row], delimiter: str) -> bytes:
    """Rows as CSV, lines ended as Python's module does; a column for each output of any row."""
    memory = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row.columns()))
    writer = csv.DictWriter(memory, names, restval="", delimiter=delimiter)
    if names:
        writer.writeheader()
    writer.writerows(row.columns() for row in rows)
    return memory.getvalue().encode()


def _write(path: Path, data: bytes, told: bool = True) -> None:
    with whole_file(path) as file:
        file.write(data)
    if told:
        print(f"Wrote {path}")


def _plot(words: Sequence[str]) -> int:
    from lenet.report.log_charts import CHARTS

    parser = Parser(prog="plot_training_log", description="A chart of one training log or several.")
    parser.add_argument("chart", metavar="TYPE", type=int, help="0 to 7, see below")
    parser.add_argument("picture", metavar="PICTURE.png", type=Path, help="where the chart goes")
    parser.add_argument(
        "logs", metavar="LOG", type=Path, nargs="+", help="logs of 'caffe train', or runs' folders"
    )
    types = "\n".join(f"  {number}: {chart.title}" for number, chart in enumerate(CHARTS))
    parser.epilog = (
        f"types:\n{types}\n\n{examples('lenet caffe plot_training_log 6 loss.png sgd.log adam.log')}"
    )
    args = _parsed(parser, words)
    if args is None:
        return 0
    if args.chart not in _ALL_CHARTS:
        raise FlagError(f"there is no chart {args.chart}", hint=f"the types are\n{types}")
    if args.picture.suffix.lower() != ".png":
        raise UsageError(f"the chart is a .png file, not '{args.picture}'")
    if args.picture.is_dir():
        raise file_error(IsADirectoryError(21, ""), args.picture)
    stems = [path.stem for path in args.logs]
    names = stems if len(set(stems)) == len(stems) else map(str, args.logs)
    logs = [(name, read_log(path)) for name, path in zip(names, args.logs, strict=True)]
    _write(args.picture, _chart(args.chart, logs))
    return 0


def _chart(number: int, logs: Sequence[tuple[str, TrainingLog]]) -> bytes:
    from lenet.report.log_charts import CHARTS, log_chart
    from lenet.report.style import png

    chart = CHARTS[number]
    return png(log_chart(chart, [(name, {chart.values: _points(chart.values, log)}) for name, log in logs]))


def _points(values: str, log: TrainingLog) -> Array:
    """The points (N, 3) of a curve: iteration, seconds, value."""
    import numpy as np

    tests = log.tests.get(min(log.tests, default=0), [])
    found = {
        "accuracy": lambda: _outputs(tests, accuracy=True),
        "test loss": lambda: _outputs(tests, accuracy=False) or log.test_losses,
        "rate": lambda: log.rates,
        "loss": lambda: log.losses,
    }[values]()
    return np.array([(p.iteration, p.seconds, p.value) for p in found], dtype=np.float64).reshape(-1, 3)


def _outputs(rows: Sequence[Row], accuracy: bool) -> list[Point]:
    """The accuracy of each row, or the sum of what counts in its loss, where a row tells it."""
    points = []
    for row in rows:
        if accuracy:
            names = [name for name in row.outputs if name not in row.terms and _is_accuracy(name)][:1]
        else:
            names = [name for name in row.outputs if name in row.terms]
        if names:
            points.append(Point(row.iteration, row.seconds, sum(row.outputs[name] for name in names)))
    return points


def _is_accuracy(name: str) -> bool:
    return "acc" in name.lower() or "top" in name.lower()


def _summarize(words: Sequence[str]) -> int:
    from lenet.cli.networks import read_network
    from lenet.dialects.caffe.summary import columns, summary_rows

    parser = Parser(prog="summarize", description="A line for each layer of a network.")
    parser.add_argument("net", metavar="NET", type=Path, help="the network, a prototxt")
    parser.add_argument(
        "-w", "--max-width", type=at_least_one, default=30, metavar="LETTERS", help="of a column (30)"
    )
    parser.epilog = examples("lenet caffe summarize lenet_train_test.prototxt")
    args = _parsed(parser, words)
    if args is None:
        return 0
    with telling() as notes:
        _, message = read_network(args.net, notes)
    for line in columns(summary_rows(message), args.max_width):
        print(line)
    return 0
