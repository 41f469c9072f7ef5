"""The processes of a sweep: those that end, die, hang or must stop; shell scripts stand in for trainings."""

import os
import signal
import sys

import pytest

from lenet.cli.sweep_pool import Limits, Pool
from lenet.dialects.eblearn.grid import grid
from lenet.dialects.eblearn.metarun import Origin, create
from lenet.errors import Notes, UsageError
from lenet.formats.conf import read_conf

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shell scripts")


class Told:
    """Keeps what a display is told."""

    def __init__(self):
        self.lines = []

    def started(self, job):
        self.lines.append((job.name, "started"))

    def retried(self, job, reason):
        self.lines.append((job.name, "retried", reason))

    def ended(self, job, end, reason):
        self.lines.append((job.name, end, reason))

    def look(self, pool):
        pass


@pytest.fixture(autouse=True)
def _heard():
    """A shell cannot trap a signal that is ignored where it starts, as it is in work in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "f.conf").write_text("a = 1 2\n")
    notes = Notes()
    runs = grid(read_conf(tmp_path / "f.conf", notes), notes, "e")
    return create(runs, tmp_path, Origin(str(tmp_path / "f.conf"), str(tmp_path)))


@pytest.fixture
def pool(experiment, tmp_path, monkeypatch):
    """A pool whose runs are a script: it is in the folder of the run."""

    def make(script, **limits):
        program = tmp_path / "program"
        program.write_text(f'#!/bin/sh\ncd "$6"\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        return Pool(experiment, Limits(**{"jobs": 2, "watch": 0.1, **limits}), Told())

    return make


def never():
    return None


def of(pool, number):
    name = pool.experiment.jobs[number].name
    return [line[1:] for line in pool.display.lines if line[0] == name]


def test_runs_that_finish(pool):
    made = pool("echo said; echo warned >&2; echo $OMP_NUM_THREADS >> threads; touch finished", threads=3)
    assert made.run(never)
    assert of(made, 1) == [("started",), ("finished", "")]
    job = made.experiment.jobs[1]
    assert (job.log.read_text(), job.errors.read_text()) == ("said\n", "warned\n")
    assert (job.path / "threads").read_text() == "3\n"
    assert made.experiment.unfinished() == []


def test_finished_runs_are_not_run_again(pool):
    (pool("").experiment.jobs[0].path / "finished").touch()
    made = pool("echo again; touch finished")
    assert made.run(never)
    assert of(made, 0) == []
    assert not made.experiment.jobs[0].log.exists()


def test_no_more_at_a_time_than_allowed(pool):
    made = pool("sleep 0.3; touch finished", jobs=1)
    assert made.run(never)
    assert [line[1] for line in made.display.lines] == ["started", "finished"] * 2


def test_a_wrong_run_is_told_and_stops_no_other(pool):
    fails = "echo 'lenet: error: a.conf:1: wrong' >&2; echo '  hint: mend it' >&2; exit 4"
    made = pool(f"case $PWD in *conf0*) {fails};; esac; touch finished")
    assert made.run(never)
    assert of(made, 0) == [("started",), ("failed", "a.conf:1: wrong")]
    assert of(made, 1) == [("started",), ("finished", "")]
    assert made.failed == {made.experiment.jobs[0].name: "a.conf:1: wrong"}


def test_a_run_that_dies_is_started_again(pool):
    made = pool("echo x >> tries; [ $(wc -l < tries) = 2 ] || kill -KILL $$; touch finished")
    assert made.run(never)
    assert of(made, 0) == [("started",), ("retried", "ended by SIGKILL"), ("started",), ("finished", "")]


def test_but_not_for_ever(pool):
    made = pool("echo x >> tries", retries=1)
    assert made.run(never)
    reason = "ended before it was finished, with status 0"
    assert of(made, 0) == [("started",), ("retried", reason), ("started",), ("failed", reason)]
    assert (made.experiment.jobs[0].path / "tries").read_text() == "x\nx\n"


def test_a_run_that_tells_nothing_is_ended(pool, monkeypatch):
    monkeypatch.setattr("lenet.cli.sweep_pool._STARTING", 0.0)
    made = pool("[ -e again ] && touch finished && exit; touch again; sleep 600 & wait", timeout=0.5)
    assert made.run(never)
    assert [line[0] for line in of(made, 0)] == ["started", "retried", "started", "finished"]
    assert "told nothing" in of(made, 0)[1][1]


def test_stopping_asks_the_runs(pool):
    """Each saves what it has; one that waits is not begun."""
    # the shell alone gets the signal: a command that it waits for would get it, too
    script = "trap 'echo kept > progress; exit 0' INT; : > begun; while :; do sleep 0.05 & wait; done"
    made = pool(script, jobs=1)
    begun = made.experiment.jobs[0].path / "begun"
    assert not made.run(begun.exists)
    assert of(made, 0) == [("started",), ("stopped", "")]
    assert of(made, 1) == []
    assert (begun.parent / "progress").read_text() == "kept\n"
    assert not made.failed


def test_a_run_that_does_not_stop_is_ended(pool, monkeypatch):
    monkeypatch.setattr("lenet.cli.sweep_pool._GRACE", 0.3)
    made = pool("trap '' INT; echo $$ > id; touch begun; while :; do sleep 0.05; done", jobs=1)
    assert not made.run((made.experiment.jobs[0].path / "begun").exists)
    assert_gone(int((made.experiment.jobs[0].path / "id").read_text()))


def test_no_process_is_left_after_an_error(pool):
    made = pool("echo $$ > id; touch begun; while :; do sleep 0.05; done", jobs=1)
    folder = made.experiment.jobs[0].path

    def interrupted():
        if (folder / "begun").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.run(interrupted)
    assert_gone(int((folder / "id").read_text()))


def assert_gone(process):
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_one_sweep_at_a_time(pool):
    made = pool("touch finished")
    other = Pool(made.experiment, made.limits, Told())

    def run_another():
        with pytest.raises(UsageError, match="is being run already"):
            other.run(never)

    assert made.run(run_another)
