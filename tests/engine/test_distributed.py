"""Several processes: the same numbers as one with larger batches, and a clean end however they end.

Real processes on this machine's CPU.  A sum of two halves is rounded otherwise than the whole, which momentum
carries on: numbers agree to 1e-5 of their size.
"""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from lenet.__main__ import main
from lenet.cli import group_session, processes, snapshots
from lenet.cli.training_options import Options
from lenet.dialects.caffe.solver import read_solver
from lenet.dialects.caffe.weights import read_state, read_weights
from lenet.engine.place import Place, place_here
from lenet.engine.train import Trainer
from lenet.errors import Notes, TrainingError, UsageError
from lenet.results import Progress, TestScores

NET = """name: "Small"
layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  include { phase: TRAIN } data_param { source: "SOURCE" batch_size: BATCH backend: LMDB } }
layer { name: "mnist" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 }
  include { phase: TEST } data_param { source: "SOURCE" batch_size: 10 backend: LMDB } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 5 stride: 3 weight_filler { type: "xavier" } } }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "NET" base_lr: 0.05 momentum: 0.9 weight_decay: 0.001 lr_policy: "fixed" clip_gradients: 2
max_iter: 100000 display: 1 test_iter: 2 test_interval: 5 average_loss: 3 random_seed: 3
snapshot: 4 snapshot_prefix: "PREFIX/run" solver_mode: CPU """
DATA = Path(__file__).parents[1] / "oracle" / "caffe" / "formats" / "mnist20_lmdb"  # 20 records: wraps often
TOLERANCE = 1e-5
SECONDS = 300  # in which anything here is over, or hangs; for machines that are busy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distributed")
    for name, batch, prefix in (("each", 8, "several"), ("whole", 16, "one")):
        (folder / f"{name}.prototxt").write_text(
            NET.replace("BATCH", str(batch)).replace("SOURCE", str(DATA))
        )
        solver = SOLVER.replace("NET", f"{name}.prototxt").replace("PREFIX", prefix)
        (folder / f"{name}_solver.prototxt").write_text(solver)
    return folder


@contextmanager
def started(folder, *words, module="lenet"):
    """A training that ends with the test, also with one that fails."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()  # nothing where it has ended; its own processes end with it
        process.wait()


def wait_for(path, process):
    until = time.monotonic() + SECONDS
    while not list(path.parent.glob(path.name)):
        assert process.poll() is None, "it ended early"
        assert time.monotonic() < until, "it hangs"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stopped(folder):
    """Two processes that Ctrl-C stopped after their second snapshot: the log and the last iteration."""
    words = ["train", "each_solver.prototxt", "--processes", "2", "--no-report", "--log-style", "caffe"]
    with started(folder, *words) as process:
        wait_for(folder / "several" / "run_iter_8.solverstate.place", process)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    log = (folder / "log").read_text()
    return log, max(map(int, re.findall(r"several/run_iter_(\d+)\.caffemodel", log)))


def in_one_process(folder, iterations, monkeypatch, **settings):
    monkeypatch.chdir(folder)
    chosen = [("max_iter", str(iterations)), *((key, str(value)) for key, value in settings.items())]
    job = read_solver("whole_solver.prototxt", Notes(), chosen)
    snapshots.prepare(job.outputs)
    return Trainer(job, save=snapshots.save)


def told(log):
    """What a log in Caffe's words says, in six digits: losses by iteration, scores by iteration."""
    losses = {int(i): float(loss) for i, loss in re.findall(r"Iteration (\d+) \(.*loss = (\S+)", log)}
    tests = re.split(r"Iteration (\d+), Testing net", log)
    scores = {
        int(iteration): [float(value) for value in re.findall(r"Test net output.*? = (\S+)", text)]
        for iteration, text in zip(tests[1::2], tests[2::2], strict=True)
    }
    return losses, scores


def in_one(folder, monkeypatch, iterations, resume=""):
    """The records and the weights of one process with batches twice as large."""
    trainer = in_one_process(folder, iterations, monkeypatch, display=1)
    if resume:
        start = snapshots.read_start("", resume, trainer.job, Notes())
        trainer.load(start.weights[0])
        trainer.resume(start.state)
    records = list(trainer.run())
    trainer.close()
    return records, trainer.network.weights()


def assert_same_weights(found, wanted):
    for layer, arrays in wanted.layers.items():
        for name, array in arrays.items():
            np.testing.assert_allclose(found[layer][name], array, rtol=TOLERANCE, atol=TOLERANCE)


def test_two_processes_are_one_with_the_doubled_batch(folder, stopped, monkeypatch):
    log, last = stopped
    assert last >= 8
    losses, scores = told(log)
    records, weights = in_one(folder, monkeypatch, last)
    wanted = {r.iteration: r.loss for r in records if isinstance(r, Progress) and r.rate is not None}
    assert losses.keys() == wanted.keys()
    assert list(losses.values()) == pytest.approx(list(wanted.values()), rel=TOLERANCE)
    for record in records:
        if isinstance(record, TestScores) and record.iteration < last:
            found = [output.value for output in record.outputs]
            assert scores[record.iteration] == pytest.approx(found, rel=TOLERANCE)
    saved = read_weights(str(folder / "several" / f"run_iter_{last}.caffemodel"), Notes())
    assert_same_weights(saved, weights)


def test_one_log_and_one_snapshot(stopped):
    log, last = stopped
    assert log.count("Iteration 0 (") == 1
    assert log.count("stopping after this iteration") == 1
    assert log.count("Starting Optimization") == 1
    assert log.count("binary proto file several/run_iter_4.caffemodel") == 1
    assert "Optimization stopped early." in log
    assert f"--processes 2 --snapshot several/run_iter_{last}.solverstate" in log


def test_torchrun_goes_on_from_it(folder, stopped, monkeypatch):
    """Two processes that torchrun starts go on where a snapshot was taken; so does one process."""
    words = ["--nproc-per-node", "2", "--master-port", str(free_port()), "-m", "lenet", "train"]
    words += ["each_solver.prototxt", "--snapshot", "several/run_iter_4.solverstate", "--no-report"]
    settings = ["max_iter=7", 'snapshot_prefix="torchrun/run"', "layer_wise_reduce=false"]
    words += [word for setting in settings for word in ("--set", setting)]
    with started(folder, *words, module="torch.distributed.run") as process:
        assert process.wait(SECONDS) == 0, (folder / "log").read_text()
    _, weights = in_one(folder, monkeypatch, 7, resume="several/run_iter_4.solverstate")
    saved = read_weights(str(folder / "torchrun" / "run_iter_7.caffemodel"), Notes())
    assert_same_weights(saved, weights)
    state = read_state(str(folder / "torchrun" / "run_iter_7.solverstate"))
    assert state.place.positions["train/mnist"] == 7 * 16
    assert {"torch", "process1/torch", "process1/train/mnist"} <= state.place.generators.keys()


def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the processes are found in /proc")
def test_a_process_that_dies_ends_the_others(folder):
    settings = ["--set", 'snapshot_prefix="dies/run"', "--set", "test_interval=100000"]
    words = ["train", "each_solver.prototxt", "--processes", "2", "--no-report", *settings]
    with started(folder, *words) as process:
        wait_for(folder / "dies" / "run_iter_4.solverstate.place", process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[1]), signal.SIGKILL)
        assert process.wait(SECONDS) == 8
    log = (folder / "log").read_text()
    assert "process 1 of 2 was ended by SIGKILL" in log
    assert "process 0 of 2: another one has ended or does not answer" in log
    assert "Traceback" not in log
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.parametrize("rank", [0, 1])
def test_what_all_processes_find_out_the_first_one_says(monkeypatch, rank):
    def diverged(*_):
        raise TrainingError("iteration 2: the loss is nan")

    monkeypatch.setattr(group_session, "begin_session", lambda *_: None)
    monkeypatch.setattr(group_session, "train_here", diverged)
    told = nullcontext() if rank else pytest.raises(TrainingError, match="the loss is nan")
    with told:
        assert group_session.train(Options(), Place(rank, 2, rank, "")) == TrainingError.exit_code


@pytest.mark.parametrize(
    "code",
    [
        "import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)",
        "import sys; sys.exit(130)",
    ],
    ids=["before its own handler is there", "told by its handler"],
)
def test_the_interrupt_of_a_process_is_one_of_all(code):
    with subprocess.Popen([sys.executable, "-S", "-c", code]) as child, pytest.raises(KeyboardInterrupt):
        processes._result([child])


@pytest.mark.skipif(os.name == "nt", reason="signals cannot wait there")
def test_an_interrupt_waits_until_a_process_can_answer():
    code = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may have it ignored
os.kill(os.getpid(), signal.SIGINT)
from lenet.cli.processes import received
try:
    received()
except KeyboardInterrupt:
    raise SystemExit(7)
"""
    with processes._ctrl_c_waiting():
        child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    child.communicate(timeout=SECONDS)
    assert child.returncode == 7


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "lenet: interrupted\n"),
        ({"LOCAL_RANK": "0"}, "lenet: interrupted\n"),
        ({"LOCAL_RANK": "1"}, ""),
        ({"LOCAL_RANK": "0", "LENET_RENDEZVOUS": "file:///m"}, ""),  # lenet train, which started it, says it
    ],
)
def test_one_process_says_that_all_are_interrupted(monkeypatch, capsys, environment, said):
    def interrupted(*_):
        raise KeyboardInterrupt

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("lenet.__main__.run_verb", interrupted)
    assert main(["train"]) == 130
    assert capsys.readouterr().err == said


def test_what_is_wrong_in_a_file_is_told_once_and_nothing_starts(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert main(["train", "each_solver.prototxt", "--processes", "2", "--set", "base_lr=much"]) == 4
    assert capsys.readouterr().err.count("error:") == 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--gpu", "0,0"], "each once"),
        (["--gpu", "one"], "takes numbers"),
        (["--gpu", "0,1", "--device", "cpu"], "exclude each other"),
        (["--gpu", "0,1", "--processes", "3"], "one process runs on each"),
        (["--processes", "0"], "1 or more"),
        (["--patience", "-1", "--processes", "2"], "no number of seconds"),
    ],
)
def test_words_that_contradict_each_other(folder, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(folder)
    assert main(["train", "each_solver.prototxt", *words]) == 2
    assert reason in capsys.readouterr().err


def test_only_caffes_solvers_are_shared(tmp_path, capsys):
    (tmp_path / "mnist.conf").write_text("")
    assert main(["train", str(tmp_path / "mnist.conf"), "--processes", "2"]) == 2
    assert "Caffe's solvers" in capsys.readouterr().err


MEETING = {"MASTER_ADDR": "h", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, None),
        ({"RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", **MEETING}, (3, 4, 1, "env://")),
        ({"RANK": "0", "WORLD_SIZE": "2", "LENET_RENDEZVOUS": "file:///m"}, (0, 2, 0, "file:///m")),
    ],
)
def test_places_in_the_environment(environment, place):
    found = place_here(environment)
    assert (found and (found.rank, found.number, found.local, found.rendezvous)) == place


@pytest.mark.parametrize("words", [("2", "2"), ("one", "2"), ("-1", "2")])
def test_words_that_are_no_place(words):
    environment = dict(zip(("RANK", "WORLD_SIZE"), words, strict=True), **MEETING)
    with pytest.raises(UsageError, match="names no process of several"):
        place_here(environment)


@pytest.mark.parametrize(
    ("meeting", "reason"),
    [
        ({}, "MASTER_ADDR and MASTER_PORT are not set"),
        ({"MASTER_ADDR": "h"}, "MASTER_PORT is not set"),
        ({"MASTER_PORT": "29500"}, "MASTER_ADDR is not set"),
        ({"MASTER_ADDR": "h", "MASTER_PORT": "99999"}, "MASTER_PORT=99999 is no port"),
        ({"MASTER_ADDR": "h", "MASTER_PORT": "http"}, "MASTER_PORT=http is no port"),
    ],
)
def test_processes_that_are_not_told_where_to_meet(folder, monkeypatch, capsys, meeting, reason):
    monkeypatch.chdir(folder)
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", **meeting}.items():
        monkeypatch.setenv(name, value)
    assert main(["train", "each_solver.prototxt", "--no-report"]) == 2
    told = capsys.readouterr().err
    assert reason in told
    assert "hint:" in told
