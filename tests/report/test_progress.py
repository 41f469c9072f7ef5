"""What is shown while a network trains."""

import io
import re

import pytest

from lenet.report.pace import Pace
from lenet.report.progress import ProgressDisplay
from lenet.results import Output, Progress, Snapshot, Stopped, TestScores, TestStarted


def training(first=0, last=300, each=0.0128):
    """64 images each 12.8 ms: 5,000 images a second."""
    for index in range(first, last):
        seconds = (index - first + 1) * each
        yield Progress(
            index, 2.3 / (1 + index), 0.01, (), seconds, 64 * (index - first + 1), index % 100 == 0
        )


RECORDS = [
    TestStarted(0, 0),
    TestScores(0, 0, (Output("accuracy", 0.071), Output("loss", 2.34813, 1.0)), 0.84),
    *training(),
    Snapshot(300, "lenet_iter_300.caffemodel", "lenet_iter_300.solverstate"),
    Progress(300, 0.0001234, None, (), 3.7625, 19264, True),
    TestScores(300, 1, (Output("per_class", 0.5), Output("per_class", 1.0)), 1.25, loss=0.25),
    Stopped(300, False, 5.4),
]
LINES = """\
iteration 0  test  accuracy 0.0710  loss 2.3481  (0.8 s)
iteration 0  loss 2.3000  rate 0.0100
iteration 100  loss 0.0228  rate 0.0100  5,000 images/s  0:00:03 left
iteration 200  loss 0.0114  rate 0.0100  5,000 images/s  0:00:01 left
iteration 300  saved lenet_iter_300.caffemodel and lenet_iter_300.solverstate
iteration 300  loss 1.23e-04  5,000 images/s
iteration 300  test 1  per_class 0.5000 1.0000  loss 0.2500  (1.2 s)
finished at iteration 300 after 0:00:05
"""


def shown(records, iterations=300, **settings):
    stream = io.StringIO()
    with ProgressDisplay(iterations, stream, **settings) as display:
        for record in records:
            display.show(record)
    return stream.getvalue()


def test_plain_lines_in_a_pipe():
    assert shown(RECORDS) == LINES


def test_a_terminal_gets_a_bar_with_tests_above_it():
    text = shown(RECORDS, terminal=True)
    assert re.search(r"\r +\d+% \|.*\| iteration 0  loss 2.3000  rate 0.0100", text)
    assert "iteration 0  test  accuracy 0.0710  loss 2.3481  (0.8 s)\n" in text
    assert "finished at iteration 300 after 0:00:05\n" in text
    assert "iteration 100  loss 0.0228  rate 0.0100  5,000 images/s  0:00:03 left\n" not in text


def test_the_log_gets_the_same_lines_on_a_terminal():
    lines = []
    shown(RECORDS, terminal=True, echo=lines.append)
    assert "\n".join(lines) + "\n" == LINES


def test_a_resumed_run_knows_how_much_is_left():
    lines = shown(training(10_000, 10_101), iterations=12_000).splitlines()
    assert lines[-1] == "iteration 10100  loss 2.28e-04  rate 0.0100  5,000 images/s  0:00:24 left"


def test_a_run_that_was_stopped_says_so():
    assert shown([Stopped(1234, True, 3725.0)]) == "stopped at iteration 1,234 after 1:02:05\n"


def test_many_values_of_one_output_are_cut():
    outputs = tuple(Output("prob", 0.1) for _ in range(500))
    assert shown([TestScores(0, 0, outputs, 0.0)]).rstrip().endswith("0.1000 ...  (0.0 s)")


def test_tests_do_not_slow_the_images_but_count_in_the_time_left():
    pace = Pace(20)
    for record in training(0, 5, each=1.0):
        pace.add(record)
    pace.add(TestStarted(5, 0))
    pace.add(TestScores(5, 0, (), 10.0))
    pace.add(Progress(5, 1.0, 0.1, (), 16.0, 64 * 6))
    pace.add(Progress(6, 1.0, 0.1, (), 17.0, 64 * 7))
    assert pace.speed == pytest.approx(64)
    assert pace.mean_speed == pytest.approx(64)
    assert pace.seconds_left == pytest.approx(14 * 16 / 6)


def test_nothing_is_said_of_a_pace_that_is_not_known():
    pace = Pace(10)
    assert (pace.speed, pace.mean_speed, pace.seconds_left) == (None, None, None)
    pace.add(Progress(0, 1.0, 0.1, (), 0.0, 64))
    pace.add(Progress(0, 1.0, 0.1, (), 0.0, 64))
    assert (pace.speed, pace.mean_speed, pace.seconds_left) == (None, None, None)
