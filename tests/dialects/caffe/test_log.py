"""Caffe's log lines: those made from records equal the recorded ones but for times."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from lenet.dialects.caffe.log import CaffeLog
from lenet.dialects.caffe.net import net_from_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.solver import read_solver
from lenet.errors import Notes
from lenet.formats.message import Message
from lenet.formats.prototxt import read_text, write_text
from lenet.job import Job, Schedule, Solver
from lenet.net import Net, State
from lenet.results import Output, Progress, Snapshot, Stopped, TestScores, TestStarted
from lenet.solvers.rate import Fixed, MultiStep
from lenet.solvers.update import Sgd, Update

ORACLE = Path(__file__).parents[2] / "oracle" / "caffe" / "log"
PREFIX = re.compile(r"[IWEF]\d{8} \d\d:\d\d:\d\d\.\d{6} +\d+ (\S+:\d+)\] ")
NOON = datetime(2026, 11, 22, 12, 0, 1, 2345)
NUMBER = r"(-?[\d.]+(?:e[-+]?\d+)?)"


def split_lines(text):
    """(source, text) of every line, the lines of a dump joined to the one before."""
    pieces = PREFIX.split(text)[1:]
    return [(source, body.removesuffix("\n")) for source, body in zip(pieces[::2], pieces[1::2], strict=True)]


def recorded(name):
    """A recorded log without what the prefetch thread says and what follows the log."""
    text = (ORACLE / name).read_text().split("exit code 0")[0]
    lines = split_lines(text[text.index("caffe.cpp:") - 40 :] if text.startswith("$") else text)
    return [line for line in lines if line[0] != "data_layer.cpp:73"]


class Written(list):
    """Collects what is written; `lines` gives it as `split_lines` does."""

    @property
    def lines(self):
        return split_lines("".join(self))


@pytest.fixture
def written():
    return Written()


@pytest.fixture
def log(written):
    return CaffeLog(written.append, clock=lambda: NOON, thread=42)


def dumps(lines):
    """The networks that a log shows, as messages."""
    texts = [text for source, text in lines if source == "net.cpp:53"]
    return [read_text(t.partition("\n")[2], "log", schema(), "NetParameter", Notes()) for t in texts]


def whole_net(parts):
    """The NetParameter that all parts were selected from: the layers of each where they first differ."""
    whole = Message("NetParameter", schema())
    whole.entries = [entry for entry in parts[0].entries if entry.name == "name"]
    layers = list(parts[-1].all("layer"))
    for part in reversed(parts[:-1]):
        new = [layer for layer in part.all("layer") if layer not in layers]
        layers = new + layers
    for layer in layers:
        whole.add("layer", layer)
    return whole


def shapes(lines):
    """Blob shapes of each network in a log."""
    result, tops = [], []
    for source, text in lines:
        if source == "net.cpp:53":
            result.append({})
        elif source == "net.cpp:86":
            tops = []
        elif source in ("net.cpp:382", "net.cpp:369"):
            tops.append(text.split()[2])
        elif source == "net.cpp:131":
            sizes = re.fullmatch(r"Top shape: (.*)\(\d+\)", text)[1].split()
            result[-1][tops.pop(0)] = tuple(map(int, sizes))
    return result


def records(lines):
    """The records that a training log tells of."""
    seconds, result, outputs = 0.0, [], []
    for source, text in lines:
        if source == "solver.cpp:239":
            found = re.fullmatch(
                rf"Iteration (\d+) \(.* iter/s, {NUMBER}s/\d+ iters\), loss = {NUMBER}", text
            )
            seconds += float(found[2]) + 1e-7  # a little more: the log counts whole milliseconds
            outputs = []
            result.append((Progress, int(found[1]), float(found[3]), outputs, seconds))
        elif source in ("solver.cpp:258", "solver.cpp:414"):
            found = re.match(rf" +\w+ net output #\d+: (\S+) = {NUMBER}(?: \(\* {NUMBER} =.*)?", text)
            outputs.append(Output(found[1], float(found[2]), float(found[3] or 0)))
        elif source == "sgd_solver.cpp:112":
            _, iteration, loss, outputs, at = result.pop()
            rate = float(text.rpartition(" ")[2])
            result.append(Progress(iteration, loss, rate, tuple(outputs), at, 0, True))
        elif source == "solver.cpp:347":
            iteration, net = map(int, re.findall(r"\d+", text))
            outputs = []
            result += [TestStarted(iteration, net), [iteration, net, outputs, None]]
        elif source == "solver.cpp:401":
            result[-1][3] = float(text.rpartition(" ")[2])
        elif source == "solver.cpp:464":
            path = text.rpartition(" ")[2]
            result.append(Snapshot(0, path, path.replace(".caffemodel", ".solverstate")))
        elif source in ("solver.cpp:311", "solver.cpp:332"):
            result.append(Stopped(0, source == "solver.cpp:311", 0.0))
    return [
        TestScores(entry[0], entry[1], tuple(entry[2]), 0.0, entry[3]) if isinstance(entry, list) else entry
        for entry in result
        if not isinstance(entry, tuple)
    ]


def without_first_speed(lines):
    """The lines with the number left out that means nothing in Caffe: the speed of the first iteration."""
    return [
        (source, re.sub(r"^Iteration 0 \(\S+ iter/s", "Iteration 0 (iter/s", text)) for source, text in lines
    ]


def make_databases(folder, net):
    """What makes the data of a net look as if it were there; nothing opens it."""
    for layer in net.all("layer"):
        if layer.has("data_param"):
            database = folder / layer.get("data_param").get("source")
            database.mkdir(parents=True, exist_ok=True)
            (database / "data.mdb").touch()


@pytest.mark.parametrize("name", ["train_SIGINT.txt", "train_autoencoder_two_test_nets.txt"])
def test_training_is_told_in_the_recorded_lines(name, log, written, tmp_path, monkeypatch):
    lines = recorded(name)
    net = whole_net(dumps(lines))
    solver = read_text(
        lines[1][1].partition("\n")[2], "solver.prototxt", schema(), "SolverParameter", Notes()
    )
    path = tmp_path / solver.get("net")
    path.parent.mkdir(parents=True)
    path.write_text(write_text(net))
    solver.remove("train_state")
    (tmp_path / "solver.prototxt").write_text(write_text(solver))
    (tmp_path / solver.get("weights")).parent.mkdir(exist_ok=True)
    (tmp_path / solver.get("weights")).touch()
    monkeypatch.chdir(tmp_path)
    make_databases(tmp_path, net)
    job = read_solver("solver.prototxt", Notes())

    log.start(job, solver, net=net, blobs=shapes(lines))
    for record in records(lines):
        log.record(record)
    complete = len(written.lines) - (name != "train_SIGINT.txt") * 2  # the recording of the other breaks off
    assert without_first_speed(written.lines)[:complete] == without_first_speed(lines)[:complete]
    assert complete > 200


def test_testing_is_told_in_the_recorded_lines(log, written, tmp_path, monkeypatch):
    lines = recorded("caffe_test.txt")
    message = dumps(lines)[0]
    monkeypatch.chdir(tmp_path)
    make_databases(tmp_path, message)
    net = net_from_message(message, Notes())
    known = shapes(lines)[0]
    log.start_test(net, State("test"), 100, message=message, blobs=known)
    for source, text in lines:
        if source == "caffe.cpp:304":
            found = re.fullmatch(rf"Batch (\d+), (\S+) = {NUMBER}", text)
            log.batch(int(found[1]), [Output(found[2], float(found[3]), 1.0)])
    log.finish_test(0.0294813, [Output("accuracy", 0.9905), Output("loss", 0.0294813, 1.0)])
    assert written.lines == [line for line in lines if "differed from the phase" not in line[1]]


def test_timing_is_told_in_the_recorded_lines(log, written, tmp_path, monkeypatch):
    lines = recorded("caffe_time_2it.txt")
    message = dumps(lines)[0]
    monkeypatch.chdir(tmp_path)
    make_databases(tmp_path, message)
    log.start_time(
        net_from_message(message, Notes()), State("train"), message=message, blobs=shapes(lines)[0]
    )
    found = [re.fullmatch(rf" *(\S+)\t(forward|backward): {NUMBER} ms\.", text) for _, text in lines]
    times = [match for match in found if match]
    layers = [(f[1], float(f[3]), float(b[3])) for f, b in zip(times[::2], times[1::2], strict=True)]
    log.timing(2.40109, layers, 30.0685, 27.3935, [59.6, 55.4])
    assert written.lines == [line for line in lines if "differed from the phase" not in line[1]]


# ---- single lines


def job(**schedule):
    return Job(
        Net("n"),
        State("train"),
        Solver(Update(), schedule.pop("rate", Fixed(0.01))),
        schedule=Schedule(**schedule),
    )


def test_the_prefix(log, written):
    log.line("solver.cpp:1", "text")
    assert written == ["I20261122 12:00:01.002345    42 solver.cpp:1] text\n"]


def test_the_prefix_without_year(written):
    CaffeLog(written.append, clock=lambda: NOON, thread=42, with_year=False).line("a.cpp:1", "text")
    assert written == ["I1122 12:00:01.002345    42 a.cpp:1] text\n"]


def test_hdf5_snapshots(log, written):
    log.record(Snapshot(100, "a_iter_100.caffemodel.h5", "a_iter_100.solverstate.h5"))
    assert written.lines == [
        ("solver.cpp:474", "Snapshotting to HDF5 file a_iter_100.caffemodel.h5"),
        ("sgd_solver.cpp:296", "Snapshotting solver state to HDF5 file a_iter_100.solverstate.h5"),
    ]


def test_the_steps_of_a_multistep_policy(log, written):
    rate = MultiStep(0.01, gamma=0.9, steps=(2, 4))
    start(log, written, job(rate=rate, display=2))
    for iteration in range(6):
        log.record(Progress(iteration, 1.0, rate(iteration), (), iteration / 10, 0, iteration % 2 == 0))
    assert [text for _, text in written.lines] == [
        "Iteration 0 (0 iter/s, 0s/2 iters), loss = 1",
        "Iteration 0, lr = 0.01",
        "Iteration 2 (10 iter/s, 0.2s/2 iters), loss = 1",
        "MultiStep Status: Iteration 2, step = 1",
        "Iteration 2, lr = 0.009",
        "Iteration 4 (10 iter/s, 0.2s/2 iters), loss = 1",
        "MultiStep Status: Iteration 4, step = 2",
        "Iteration 4, lr = 0.0081",
    ]


def start(log, written, job):
    log.start(job, Message("SolverParameter", schema()))
    written.clear()


def test_resuming(log, written):
    log.start(job(), Message("SolverParameter", schema()), snapshot="a_iter_5.solverstate")
    lines = [text for _, text in written.lines]
    place = lines.index("Resuming from a_iter_5.solverstate")
    assert lines[place + 1 : place + 3] == ["SGDSolver: restoring history", "Starting Optimization"]
    log.record(Progress(100, 1.0, 0.01, (), 0.058, 0, True))
    assert written.lines[-2][1] == "Iteration 100 (0 iter/s, 0.058s/0 iters), loss = 1"


def test_ignored_layers(log, written):
    weights = Job(Net("n"), State("train"), Solver(Update(), Fixed(0.01)), weights=("w.caffemodel",))
    log.start(weights, Message("SolverParameter", schema()), ignored=["ip2"])
    lines = [text for _, text in written.lines]
    place = lines.index("Finetuning from w.caffemodel")
    assert lines[place + 1] == "Ignoring source layer ip2"


def test_without_messages_the_job_itself_is_shown(log, written):
    text = 'name: "n" layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 } } }'
    net = net_from_message(read_text(text, "n.prototxt", schema(), "NetParameter", Notes()), Notes())
    log.start(Job(net, State("train"), Solver(Sgd(0.9), Fixed(0.01), iterations=3)))
    assert "\nmax_iter: 3\n" in written.lines[1][1]
    assert "input_param {\n    shape {\n      dim: 2\n" in dict(written.lines)["net.cpp:53"]


@pytest.mark.parametrize(
    ("rules", "state", "text"),
    [
        ("include { phase: TEST }", State("train"), "phase (0) differed from the phase (1)"),
        ("include { stage: 'a' }", State("test", stages=frozenset("b")), "did not contain stage 'a'"),
        ("include { phase: TEST } include { phase: TRAIN }", State("test"), None),
        ("exclude { phase: TEST }", State("train"), "phase (0) differed from the phase (1)"),
        ("exclude { phase: TEST }", State("test"), None),
    ],
)
def test_why_layers_are_left_out(log, written, rules, state, text):
    text = text and f"The NetState {text} specified by a rule in layer r"
    layer = f"layer {{ name: 'r' type: 'ReLU' {rules} bottom: 'x' top: 'x' }}"
    message = read_text(
        "layer { name: 'x' type: 'Input' top: 'x' }" + layer, "n.prototxt", schema(), "NetParameter", Notes()
    )
    log.start_time(net_from_message(message, Notes()), state, blobs={"x": (1,)})
    assert [line for _, line in written.lines if line.startswith("The NetState")] == [text] * bool(text)


def test_loss_weights_and_several_elements(log, written):
    log.record(TestScores(5, 0, (Output("p", 0.25), Output("p", 0.75), Output("l", 2.0, 0.1)), 0.0))
    assert [text for _, text in written.lines] == [
        "    Test net output #0: p = 0.25",
        "    Test net output #1: p = 0.75",
        "    Test net output #2: l = 2 (* 0.1 = 0.2 loss)",
    ]


def test_only_shown_iterations_are_told(log, written):
    log.record(Progress(3, 1.0, 0.01, (Output("loss", 1.0, 1.0),), 1.0, 0))
    log.record(Progress(4, 1.0, None, (), 1.0, 0))
    assert written == []


def test_the_loss_after_the_last_update_has_no_rate(log, written):
    log.record(Progress(200, 0.132523, None, (Output("loss", 0.132523, 1.0),), 9.0, 0, True))
    log.record(Stopped(200, False, 9.0))
    assert written.lines == [
        ("solver.cpp:327", "Iteration 200, loss = 0.132523"),
        ("solver.cpp:332", "Optimization Done."),
        ("caffe.cpp:250", "Optimization Done."),
    ]


def test_gpus(log, written):
    log.device("train", 1)
    log.device("test", 0)
    assert [text for _, text in written.lines] == ["Using GPUs 1", "Use GPU with device ID 0"]


def test_scrapers_find_what_they_look_for(log, written):
    """The expressions that Caffe's own parse_log.py and those after it search lines for."""
    output = (Output("accuracy", 0.97), Output("loss", 0.0913423, 1.0))
    log.record(Progress(500, 0.0913423, 0.00964069, (output[1],), 12.5, 0, True))
    log.record(TestStarted(500, 0))
    log.record(TestScores(500, 0, output, 1.0))
    text = "".join(written)
    assert re.findall(r"Iteration (\d+), lr = ([-+]?[0-9]*\.?[0-9]+(?:[eE]?[-+]?[0-9]+)?)", text) == [
        ("500", "0.00964069")
    ]
    assert re.findall(r"Iteration (\d+) \([.\d]+ iter/s, [.\d]+s/\d+ iters\), loss = ([.\d]+)", text) == [
        ("500", "0.0913423")
    ]
    assert re.findall(r"Train net output #(\d+): (\S+) = ([.\deE+-]+)", text) == [("0", "loss", "0.0913423")]
    assert re.findall(r"Test net output #(\d+): (\S+) = ([.\deE+-]+)", text) == [
        ("0", "accuracy", "0.97"),
        ("1", "loss", "0.0913423"),
    ]
    assert re.findall(r"Iteration (\d+), Testing net \(#(\d+)\)", text) == [("500", "0")]
