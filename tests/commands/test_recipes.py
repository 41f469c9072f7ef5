"""`lenet train --recipe` and `--hold-out`."""

import numpy as np
import pytest

from lenet.cli.held_out import job_with_held_out
from lenet.cli.train import RECIPES
from lenet.cli.training_job import builtin_job, recipe_job
from lenet.data.augment import Augmentation
from lenet.data.feed import Feed
from lenet.data.mnist import mnist_arrays
from lenet.errors import UsageError
from lenet.net import State
from lenet.solvers.rate import OneCycle

MOST_WEIGHTS = 500_000


def feeds(job, phase):
    net = job.net if phase == "train" else job.tests[0].net
    return [node.kind for node in net.select(State(phase)).nodes if isinstance(node.kind, Feed)]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_lenet_that_tests_once_on_all_plain_test_images(name):
    job = recipe_job(name)
    chosen = job.net.select(State("train"))
    assert sum(known.weights for known in chosen.shapes()) <= MOST_WEIGHTS
    (trained,), (tested,) = feeds(job, "train"), feeds(job, "test")
    assert (trained.source.part, tested.source.part) == ("train", "test")
    assert tested.transform.augmentation == Augmentation()
    assert tested.transform.scale == trained.transform.scale
    assert tested.batch * job.tests[0].batches == 10000
    assert job.schedule.test == job.solver.iterations
    assert not job.schedule.test_first


@pytest.mark.parametrize("name", RECIPES)
def test_its_rate_falls_to_nothing_at_its_end(name):
    job = recipe_job(name)
    rate = job.solver.rate
    assert isinstance(rate, OneCycle)
    assert rate.iterations == job.solver.iterations
    assert rate.peak < rate.iterations
    assert recipe_job(name, [("max_iter", "7")]).solver.rate.iterations == 7


def test_what_is_held_out_is_not_trained_with():
    job = job_with_held_out(builtin_job(), 5000)
    readers = [feeds(job, phase)[0].source.open() for phase in ("train", "test")]
    images = mnist_arrays("train")[0]
    assert [len(reader) for reader in readers] == [55000, 5000]
    np.testing.assert_array_equal(readers[0].read_many(range(54990, 55000))[0], images[54990:55000])
    np.testing.assert_array_equal(readers[1].read_many(range(2, 5000, 499))[0], images[55002:60000:499])
    np.testing.assert_array_equal(readers[1].read_many([4999, 0])[0], images[[59999, 55000]])
    assert job.tests[0].batches == 50


@pytest.mark.parametrize("number", [60000, 70000])
def test_more_than_there_is_cannot_be_held_out(number):
    with pytest.raises(UsageError, match="of 60,000 training samples cannot be held out"):
        job_with_held_out(builtin_job(), number)


def test_a_recipe_trains_again_with_the_same_numbers(lenet, tmp_path, monkeypatch):
    """Augmentation, dropout and weights are drawn from the seed."""
    monkeypatch.chdir(tmp_path)
    words = ["train", "--recipe", "best", "--hold-out", "100", "--no-report", "--set", "random_seed=3"]
    found = []
    for name in ("first", "second"):
        prefix = tmp_path / name
        result = lenet(*words, "--set", "max_iter=2", "--set", f"snapshot_prefix={prefix}")
        assert result.code == 0, result.err
        found.append((tmp_path / f"{name}_iter_2.caffemodel").read_bytes())
    assert found[0] == found[1]


def test_words_that_do_not_go_together_are_refused(lenet, tmp_path):
    solver = tmp_path / "solver.prototxt"
    solver.write_text('net: "x"')
    result = lenet("train", solver, "--recipe", "fast")
    assert result.code != 0
    assert "--recipe trains the built-in LeNet" in result.err
    conf = tmp_path / "a.conf"
    conf.write_text("a = 1\n")
    result = lenet("train", conf, "--hold-out", "5")
    assert "--hold-out is for Caffe's files" in result.err
