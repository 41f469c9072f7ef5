"""The harness of `make bench`: its tables, its file, and engines in processes that take turns."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from lenet.kernels import library

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    """Gives the harness' modules by name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_a_case_has_a_row_per_engine_with_ratios_round_by_round(bench):
    cases, processes, results = map(bench, ("cases", "processes", "results"))
    case = cases.Case("caffe-lenet", "one", ("lenet", "torch-eager", "keras-jax"))
    found = {
        "lenet": processes.Measured([0.010, 0.020, 0.030], 2**20 * 300),
        "torch-eager": processes.Measured([0.020, 0.080, 0.060], 2**20 * 400),
        "keras-jax": processes.Measured(problem="no jax"),
    }
    lines = results.case_table(case, found, 0.005).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "lenet", "20.00", "12.00", "3,200", "", "300", "4.00",
    ]  # fmt: skip
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]][4] == "0.500"  # of 0.5, 0.25 and 0.5
    assert "did not run" in lines[4]
    assert len({len(line) for line in lines}) == 1


def test_a_section_takes_the_place_of_the_one_with_its_title(bench):
    """In the order in which they are made; what nobody makes any more goes."""
    cases, results = bench("cases"), bench("results")
    first, second = (make(1).title for make in cases.SECTIONS[:2])
    before = results.rewritten(f"# any title\n\n## Gone\n\nx\n\n## {second}\n\nkept\n", {first: "old"})
    after = results.rewritten(before, {first: "new\n"})
    assert after == f"{results.TITLE}\n## {first}\n\nnew\n\n## {second}\n\nkept\n"
    assert results.rewritten(after, {}) == after


def test_every_engine_has_a_name_and_a_module(bench):
    cases, worker = bench("cases"), bench("worker")
    pairs = {(name, case.work) for make in cases.SECTIONS for case in make(2).cases for name in case.engines}
    assert {name for name, _ in pairs} == set(cases.NAMES)
    modules = {worker.module_of(name, work) for name, work in [*pairs, (cases.GEMM, "layers")]}
    assert modules == {*worker.WORKS.values(), *worker.ENGINES.values()}
    assert all((FOLDER / f"{name}.py").is_file() for name in modules)


def test_every_case_of_layers_has_its_shape(bench):
    cases, engine = bench("cases"), bench("engine_layers")
    assert tuple(engine.SHAPES) == cases.LAYERS
    first, second = (cases.Case("layers", title, ()) for title in cases.LAYERS[:2])
    assert engine.dense_operations(first) == 2 * 2 * 64 * 288_000  # forward, and the gradient of the weights
    assert engine.dense_operations(second) == 2 * 3 * 64 * 1_600_000


@pytest.mark.parametrize("engine", ["lenet", "torch-channels-last"])
def test_a_block_of_layers_runs(bench, engine):
    if engine == "lenet" and not library.available():
        pytest.skip(library.describe())
    cases, layers = bench("cases"), bench("engine_layers")
    layers.block(engine, cases.Case("layers", "one image", (), iterations=1, threads=1))()


@pytest.mark.parametrize("work", ["digits", "list", "records"])
def test_a_block_of_streams_reads(bench, monkeypatch, tmp_path, work):
    """With few pictures; the cores that it takes are given back."""
    cases, streams = bench("cases"), bench("engine_streams")
    monkeypatch.setattr(streams, "FOLDER", tmp_path)
    monkeypatch.setattr(streams, "FILES", 3)
    monkeypatch.setattr(streams, "digits", lambda samples: (np.zeros((9, 1, 28, 28), np.uint8), np.arange(9)))
    case = cases.Case(f"stream-{work}", "", (), batch=4, iterations=2, samples=7)
    streams.block("lenet", case)()
    streams.block("decode", case)()
    assert len(list((tmp_path / "images").iterdir())) == 3


WORKER = """
import sys
if sys.argv[1] == "lenet":
    sys.exit("RuntimeError: no such library")
for number, _ in enumerate(sys.stdin):
    print(number + 0.5, flush=True)
print(4096)
"""


def test_engines_take_turns_and_one_that_cannot_run_says_why(bench, monkeypatch, tmp_path):
    """With a worker that speaks as the real one does; the first block warms up and does not count."""
    cases, processes = bench("cases"), bench("processes")
    (tmp_path / "worker.py").write_text(WORKER)
    monkeypatch.setattr(processes, "BUILD", tmp_path)
    monkeypatch.setattr(processes, "HERE", tmp_path)
    case = cases.Case("caffe-lenet", "one", ("torch-eager", "lenet"), busy=1)
    found = processes.measure(case, list(case.engines), 3)
    assert found["torch-eager"] == processes.Measured([1.5, 2.5, 3.5], 4096)
    assert found["lenet"] == processes.Measured(problem="RuntimeError: no such library")


def test_environments_are_made_only_where_they_are_wanted(bench, monkeypatch, tmp_path):
    processes = bench("processes")
    monkeypatch.setattr(processes, "BUILD", tmp_path)
    assert processes.has_environment("lenet")
    assert not processes.has_environment("keras-jax")
    (tmp_path / "keras-jax").mkdir()
    (tmp_path / "keras-jax" / ".made").touch()
    assert processes.has_environment("keras-jax")
    assert processes.python_of("keras-jax") == str(tmp_path / "keras-jax" / "bin" / "python")


def test_the_dense_limit_counts_every_product_once_forward_and_twice_backward(bench, monkeypatch):
    """Caffe's LeNet, batch 64: 2,293,000 multiply-adds a digit, 288,000 of them in the first layer."""
    cases, engine = bench("cases"), bench("engine_lenet")
    one = np.zeros((1, 1, 28, 28), np.uint8), np.zeros(1, np.int64)
    monkeypatch.setattr(engine, "digits", lambda samples, side: one)
    found = engine.dense_operations(cases.Case("caffe-lenet", "", ()))
    assert found == pytest.approx(2 * 64 * (3 * 2_293_000 - 288_000), rel=0.002)  # biases count, too


def test_recipes_are_told_seed_by_seed_and_on_average(bench):
    recipes = bench("recipes")
    runs = [recipes.Run("fast", seed, 99.0 + seed / 10, 9.0, 12.0, 18.0) for seed in (1, 2, 3)]
    lines = recipes.text_of(runs).splitlines()
    assert lines[2].startswith("| fast, seed 1")
    assert "99.200 ± 0.100" in lines[-1]
