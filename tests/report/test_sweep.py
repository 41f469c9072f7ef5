"""Sweeps compared: the order of the runs, the table, the figure, the JSON."""

import json
from math import nan

import pytest

from lenet.report.style import DARK, LIGHT, png
from lenet.report.sweep import Sweep, Trial, sweep_json, sweep_table
from lenet.report.sweep_curves import sweep_figure


def trial(name, energies, correct=None, state="finished"):
    scores = {epoch: {"test_energy": value} for epoch, value in enumerate(energies)}
    for epoch, value in enumerate(correct or ()):
        scores[epoch]["test_correct"] = value
    weights = {1: f"{name}_net00001.mat"}
    return Trial(name, f"s_{name}", {"eta": f".{name}"}, scores, state, weights)


SWEEP = Sweep(
    "s",
    ("test_energy",),
    [
        trial("a", [5, 2, 3], [10, 70, 60]),
        trial("b", [5, nan], [10, nan], "failed"),
        trial("c", [5, 1.5, 1.25], [10, 75, 80]),
        trial("d", [], state="not started"),
    ],
)


def test_the_best_epoch_counts():
    assert [sweep_run.name for sweep_run in SWEEP.ranked()] == ["c", "a", "b", "d"]
    assert [SWEEP.best(one) for one in SWEEP.trials] == [(1, 2), (0, 5), (2, 1.25), None]


def test_the_epoch_before_training_may_be_left_out():
    assert Sweep("s", ("test_energy",), SWEEP.trials, first=1).best(SWEEP.trials[1]) is None


def test_the_table():
    assert sweep_table(SWEEP).text().splitlines()[2:6] == [
        "1  c     .c       1.2500         2       80.00 %       2  finished",
        "2  a     .a       2.0000         1       70.00 %       2  finished",
        "3  b     .b       5.0000         0       10.00 %       1  failed",
        "   d     .d            -         -             -       -  not started",
    ]


def test_further_keys_are_columns():
    keys = ("test_energy", "test_errors")
    found = Sweep("s", keys, [Trial("a", "a", {}, {1: {"test_energy": 1, "test_errors": 3}}, "finished", {})])
    assert sweep_table(found).header == (
        "",
        "run",
        "test_energy",
        "at epoch",
        "test_errors",
        "epochs",
        "state",
    )


def test_json_has_no_nan():
    found = json.loads(json.dumps(sweep_json(SWEEP), allow_nan=False))
    best = found["runs"][1]
    assert (best["run"], best["best"], best["weights"]) == (
        "a", {"epoch": 1, "test_energy": 2}, "a_net00001.mat",
    )  # fmt: skip
    assert found["runs"][2]["epochs"][1]["test_energy"] is None


def test_every_run_has_a_curve_and_the_best_ones_a_ring():
    figure = sweep_figure(SWEEP)
    energy, correct = (axes for axes in figure.axes if axes.get_title(loc="left"))
    curves = [line for line in energy.lines if line.get_linestyle() != "None"]
    rings = [line for line in energy.lines if line.get_fillstyle() == "none"]
    assert len(curves) == 4
    assert sorted(line.get_xydata()[0].tolist() for line in rings) == [[0, 5], [1, 2], [2, 1.25]]
    assert curves[-1].get_ydata().tolist() == [5, 1.5, 1.25]  # the best lies on top
    assert curves[-1].get_color() == LIGHT.training
    assert correct.get_title(loc="left") == "test_correct, %"


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize(
    "trials",
    [[], [trial("d", [])], [trial(str(n), [100, 100 / (n + 1)], [0, n]) for n in range(9)]],
    ids=["none", "no scores", "more than colours"],
)
def test_all_can_be_drawn(theme, trials):
    assert png(sweep_figure(Sweep("s", ("test_energy",), trials), theme)).startswith(b"\x89PNG")
