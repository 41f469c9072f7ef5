"""The harness of `make bench`: its tables, its file, and engines in processes that take turns."""

import importlib
import json
import subprocess
import sys
from dataclasses import asdict, replace
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
    sections, results = bench("sections"), bench("results")
    first, second = (make(1).title for make in sections.SECTIONS[:2])
    before = results.rewritten(f"# any title\n\n## Gone\n\nx\n\n## {second}\n\nkept\n", {first: "old"})
    after = results.rewritten(before, {first: "new\n"})
    assert after == f"{results.TITLE}\n## {first}\n\nnew\n\n## {second}\n\nkept\n"
    assert results.rewritten(after, {}) == after


def test_every_engine_has_a_name_and_a_module(bench):
    cases, sections, worker = map(bench, ("cases", "sections", "worker"))
    timed = [case for make in sections.SECTIONS for case in make(2).cases]
    pairs = {(name, case.work) for case in timed for name in case.engines}
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
import json, os, sys
name, threads = sys.argv[1:]
number = 0
for line in sys.stdin:
    if name == "torch-compile":
        sys.exit("RuntimeError: no such library")
    if json.loads(line)["work"] == "layers":
        print("! ValueError: no layers", flush=True)
    else:
        print(number + 0.5, number + 1, flush=True)
        number += 1
print(4096 if os.environ["OMP_NUM_THREADS"] == threads == "1" else 0)
"""


@pytest.fixture
def workers(bench, monkeypatch, tmp_path):
    """The module of processes, with workers that speak as the real one does."""
    processes = bench("processes")
    (tmp_path / "worker.py").write_text(WORKER)
    monkeypatch.setattr(bench("environments"), "BUILD", tmp_path)
    monkeypatch.setattr(processes, "HERE", tmp_path)
    return processes


def test_engines_take_turns_and_one_that_cannot_run_says_why(bench, workers):
    """The first block of a case warms up and does not count; who lives on goes on with the next case."""
    engines = ("torch-eager", "torch-compile", "keras-jax")
    case = bench("cases").Case("caffe-lenet", "one", engines, threads=1, busy=1)
    with workers.crew() as crew:
        found = workers.measure(case, list(engines), 3, crew)
        other = replace(case, work="layers", busy=0)
        refused = workers.measure(other, ["torch-eager"], 2, crew)
        again = workers.measure(replace(case, busy=0), ["torch-eager"], 1, crew)
        assert crew.dismiss("torch-eager", 1) == 4096
    assert found["torch-eager"] == workers.Measured([1.5, 2.5, 3.5], processor=[2, 3, 4])
    assert found["torch-compile"] == workers.Measured(problem="RuntimeError: no such library")
    assert found["keras-jax"].problem.startswith("not installed: `make bench")
    assert refused["torch-eager"] == workers.Measured(problem="ValueError: no layers")
    assert again["torch-eager"] == workers.Measured([5.5], processor=[6])


def test_each_engine_waits_for_its_threads_as_it_does_by_itself(bench, monkeypatch):
    """What this project sets when it is imported, here as in the process of the bench, reaches no other."""
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")
    surroundings = bench("processes").surroundings
    assert "GOMP_SPINCOUNT" not in surroundings("torch-channels-last", 1)
    assert surroundings("torch-channels-last-short-waits", 1)["GOMP_SPINCOUNT"] == "10000"
    assert surroundings("keras-tensorflow", 1)["KERAS_BACKEND"] == "tensorflow"


def test_environments_are_made_only_where_they_are_wanted(bench, monkeypatch, tmp_path):
    environments = bench("environments")
    monkeypatch.setattr(environments, "BUILD", tmp_path)
    assert environments.missing("lenet") == ""
    assert environments.missing("keras-jax").startswith("not installed")
    (tmp_path / "keras-jax").mkdir()
    (tmp_path / "keras-jax" / ".failed").write_text("no room on the disk")
    assert environments.missing("keras-jax") == "not installed: no room on the disk"
    (tmp_path / "keras-jax" / ".made").write_text("jax 1.2")
    assert environments.missing("keras-jax") == ""
    assert environments.versions_of("keras-jax") == "jax 1.2"
    assert environments.python_of("keras-jax") == str(tmp_path / "keras-jax" / "bin" / "python")


def test_an_environment_that_cannot_be_made_leaves_its_reason(bench, monkeypatch, tmp_path):
    """The first command, of two, fails: there is no such interpreter's option."""
    environments = bench("environments")
    monkeypatch.setattr(environments, "BUILD", tmp_path)
    pip = "import sys; sys.exit('ERROR: no matching distribution')"
    failing = [sys.executable, "-c", pip]
    run = subprocess.run
    monkeypatch.setattr(environments.subprocess, "run", lambda _, **words: run(failing, **words))
    environments.make_environment("keras-jax")
    assert environments.missing("keras-jax") == "not installed: ERROR: no matching distribution"


def test_a_worker_serves_cases_and_says_what_it_cannot(bench, tmp_path):
    """The real one, in a process: a case that it cannot do, then the memory that it had in use."""
    case = asdict(bench("cases").Case("stream-nothing", "", (), threads=1))
    words = [sys.executable, str(FOLDER / "worker.py"), "nobody", "1"]
    line = json.dumps(case | {"work": "unknown"}) + "\n"
    done = subprocess.run(words, input=line, capture_output=True, text=True, check=True, cwd=tmp_path)
    refused, memory = done.stdout.splitlines()
    assert refused == "! KeyError: 'nobody'"
    assert 2**20 < int(memory) < 2**28  # python alone: neither torch nor what this process has in use


def test_under_load_each_engine_stands_beside_its_share(bench):
    """With two threads on two cores and two busy processes: half a core each, twice the time."""
    processes, results, sections = map(bench, ("processes", "results", "sections"))
    section = sections.load(2)
    engines = section.cases[0].engines
    found = [
        {name: processes.Measured([0.01 * times], processor=[0.02 * times**2]) for name in engines}
        for times in (1, 1.5, 4)
    ]
    found[2]["torch-eager"] = processes.Measured(problem="it ended")
    tables = results.load_table(section, found).split("\n\n")
    cells, work = (
        [[cell.strip() for cell in line.split("|")[1:-1]] for line in each.splitlines()[2:]]
        for each in tables
    )
    assert work == [["1 busy", *["2.25"] * 4], ["2 busy", "16.00", "", "16.00", "16.00"]]
    assert cells[0] == ["1 busy", "1.50", "1.50", "1.50", "1.50", "1.50"]
    assert cells[1] == ["2 busy", "2.00", "4.00", "", "4.00", "4.00"]


def test_the_networks_are_left_out_without_their_folder(bench, monkeypatch):
    monkeypatch.delenv(bench("cases").MODELS, raising=False)
    text = bench("bench")._run(bench("sections").networks(1), 1)
    assert "Not measured: `--models DIR`" in text


@pytest.mark.parametrize("engine", ["lenet", "torch-eager", "torch-channels-last"])
@pytest.mark.parametrize("work", ["network-training", "network-image"])
def test_a_block_of_networks_runs(bench, monkeypatch, tmp_path, engine, work):
    """With a network of this project's examples in the place of Caffe's."""
    cases, engines, networks = map(bench, ("cases", "engine_networks", "caffe_networks"))
    folder = tmp_path / "caffe" / "bvlc"
    folder.mkdir(parents=True)
    net = FOLDER.parent / "examples" / "caffe-lenet" / "lenet_train_test.prototxt"
    (folder / "net.prototxt").write_text(net.read_text())
    monkeypatch.setenv(cases.MODELS, str(tmp_path))
    monkeypatch.setitem(networks.NETWORKS, "LeNet", networks.Network("net", "net", (1, 28, 28)))
    monkeypatch.setattr(engines, "BLOCK", 0)
    case = cases.Case(work, "", (), batch=2, threads=1, network="LeNet")
    assert engines.block(engine, case)() == 1


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
    assert lines[2].startswith("| seed 1 ")
    assert "99.200 ± 0.100" in lines[-1]
