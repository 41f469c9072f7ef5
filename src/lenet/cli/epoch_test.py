"""`lenet test F.conf --weights W.mat`, `lenet eblearn classify F.conf`: a validation set answered."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from lenet.api.validation import expect_weights, tested
from lenet.cli.arguments import setting_of
from lenet.cli.epoch_network import open_configuration
from lenet.dialects.eblearn.answer_files import answer_lines
from lenet.dialects.eblearn.log import score_lines
from lenet.errors import UsageError, did_you_mean
from lenet.report.table import Table
from lenet.results import ClassScores

_CSV = "-csv"


def run(args: Namespace) -> int:
    """Test with all samples of the validation set and print the scores.

    Raises: LenetError with what is wrong in the configuration, the weights or the data.
    """
    if args.iterations:
        raise UsageError("--iterations counts batches of Caffe's", hint="--set max_testing=N counts samples")
    opened = open_configuration(args.net, args.weights, args, list(map(setting_of, args.settings)))
    expect_weights(opened, "lenet test")
    test = opened.class_test()
    classes, scores = tested(opened, test, args.weights)
    if args.log_style == "eblearn":
        for line in score_lines(classes):
            print(line)
        return 0
    width = max(len(output.name) for output in scores.outputs)
    for output in scores.outputs:
        print(f"{output.name:{width}}  {output.value:.6g}")
    if classes.samples:
        print(_class_table(classes).text())
    print(
        f"{classes.total:,} samples, {scores.seconds:.2f} s, {classes.total / scores.seconds:,.0f} samples/s"
    )
    return 0


def classify(words: Sequence[str]) -> int:
    """EBLearn's `classify CONF`: the answers to the validation set, a line each; -csv in columns.

    Raises: UsageError for other words; LenetError with what is wrong in the files.
    """
    files = [word for word in words if not word.startswith("-")]
    unknown = [word for word in words if word.startswith("-") and word not in (_CSV, "-verbose")]
    if unknown:
        hint = did_you_mean(unknown[0], [_CSV])
        raise UsageError(f"'{unknown[0]}' is not supported: known is {_CSV}", hint=hint)
    if len(files) != 1:
        raise UsageError("classify takes one configuration", hint="lenet eblearn classify mnist.conf -csv")
    args = Namespace(device="cpu", strict=False)
    opened = open_configuration(files[0], "", args, [("retrain", "1")])
    test = opened.class_test()
    classes, _ = tested(opened, test, "")
    if test.answered:
        for line in answer_lines(test.answered.desired, test.answered.answers):
            print(line if _CSV in words else line.replace(",", " "))
    if _CSV not in words:
        for line in score_lines(classes):
            print(line)
    return 0


def _class_table(scores: ClassScores) -> Table:
    """How each class was answered."""
    names = scores.classes or tuple(map(str, range(len(scores.samples))))
    rows = tuple(
        (
            name,
            f"{samples:,}",
            f"{errors:,}",
            f"{100 * (samples - errors) / samples:.2f} %" if samples else "-",
        )
        for name, samples, errors in zip(names, scores.samples, scores.errors, strict=True)
    )
    return Table(("class", "samples", "errors", "correct"), rows, align="lrrr")
