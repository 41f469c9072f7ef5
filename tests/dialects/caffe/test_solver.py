"""Solvers: what every key means, which networks are tested in which order, what cannot be."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.dialects.caffe.contents import read_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.solver import job_from_message, message_from_job, read_solver
from lenet.dialects.caffe.solver_rows import (
    DEVICE_ROWS,
    OUTPUT_ROWS,
    RATE_SPELLINGS,
    SCHEDULE_ROWS,
    SOLVER_ROWS,
    UPDATE_SPELLINGS,
    WITHOUT_MOMENTUM,
)
from lenet.errors import DescriptionError, FileError, LenetError, Notes, SeveralErrors, Where
from lenet.formats.prototxt import format_float, read_text, write_text
from lenet.job import Job, Outputs, Schedule, Solver, Test
from lenet.layers import Input
from lenet.net import Net, Node, State
from lenet.solvers.rate import Exponential, Fixed, Inverse, MultiStep, OneCycle, Polynomial, Sigmoid, Step
from lenet.solvers.update import UPDATES, Sgd

HERE = Path(__file__).parent
ORACLE = HERE.parents[1] / "oracle" / "caffe"
LENET = HERE / "lenet_train_test.prototxt"
RECORDED = sorted((ORACLE / "solver").glob("*_solver.prototxt"))
NET = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 } } }'
LEAST = 'base_lr: 0.1 lr_policy: "fixed" '


@pytest.fixture
def solve(tmp_path):
    """Reads a solver text whose network lies beside it; keeps the notes as `solve.notes`."""

    def read(text, *settings, net=NET):
        (tmp_path / "net.prototxt").write_text(net)
        path = tmp_path / "my.solver.prototxt"
        path.write_text(text)
        read.notes = Notes()
        return read_solver(path, read.notes, settings)

    return read


def test_lenets_solver(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "examples" / "mnist"
    folder.mkdir(parents=True)
    (folder / "lenet_train_test.prototxt").write_text(LENET.read_text())
    (tmp_path / "solver.prototxt").write_text(
        'net: "examples/mnist/lenet_train_test.prototxt" test_iter: 100 test_interval: 500 base_lr: 0.01 '
        'momentum: 0.9 weight_decay: 0.0005 lr_policy: "inv" gamma: 0.0001 power: 0.75 display: 100 '
        'max_iter: 10000 snapshot: 5000 snapshot_prefix: "examples/mnist/lenet" solver_mode: GPU'
    )
    job = read_solver("solver.prototxt", Notes())
    assert job.solver == Solver(Sgd(0.9), Inverse(0.01, 0.0001, 0.75), 0.0005, iterations=10000)
    assert job.schedule == Schedule(display=100, test=500, snapshot=5000)
    assert job.outputs == Outputs("examples/mnist/lenet")
    assert (job.device, job.device_index, job.weights) == ("gpu", 0, ())
    assert job.state == State("train")
    assert [(test.net, test.state, test.batches) for test in job.tests] == [(job.net, State("test"), 100)]
    assert job.net.where == Where("examples/mnist/lenet_train_test.prototxt")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_recorded_solvers_are_read(path):
    notes = Notes(strict=True)
    job = read_solver(path, notes)
    assert job.solver.iterations == 20
    assert job.solver.seed == 7
    assert not job.schedule.snapshot_last
    assert job.net["d"].kind.source.files[0].endswith("tiny.h5")


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ('lr_policy: "fixed"', Fixed(0.5)),
        ('lr_policy: "step" gamma: 0.1 stepsize: 10', Step(0.5, 0.1, 10)),
        ('lr_policy: "exp" gamma: 0.1', Exponential(0.5, 0.1)),
        ('lr_policy: "inv" gamma: 0.1 power: 0.75', Inverse(0.5, 0.1, 0.75)),
        ('lr_policy: "multistep" gamma: 0.1 stepvalue: 3 stepvalue: 4', MultiStep(0.5, 0.1, (3, 4))),
        ('lr_policy: "poly" power: 2 max_iter: 7', Polynomial(0.5, 2.0, 7)),
        ('lr_policy: "sigmoid" gamma: 0.1 stepsize: 5', Sigmoid(0.5, 0.1, 5)),
        ('lr_policy: "onecycle" gamma: 0.1 stepsize: 3 max_iter: 7', OneCycle(0.5, 0.1, 3, 7)),
    ],
    ids=RATE_SPELLINGS,
)
def test_every_policy(solve, text, rate):
    assert solve(f'net: "net.prototxt" base_lr: 0.5 {text}').solver.rate == rate


def test_steps_that_do_not_rise_are_read_as_caffe_does(solve):
    job = solve('net: "net.prototxt" base_lr: 1 lr_policy: "multistep" gamma: 0.1 stepvalue: [8, 3, 9]')
    assert job.solver.rate == MultiStep(1.0, 0.1, (8, 8, 9))
    assert any("stepvalue does not rise: read as 8, 8, 9" in note.message for note in solve.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('net: "net.prototxt" base_lr: 1', "lr_policy is missing"),
        ('net: "net.prototxt" base_lr: 1 lr_policy: "inverse"', "lr_policy 'inverse' is unknown"),
        ('net: "net.prototxt" base_lr: 1 lr_policy: "step" stepsize: 5', "gamma is missing"),
        ('net: "net.prototxt" base_lr: 1 lr_policy: "step" gamma: 1', "stepsize is missing"),
        (
            'net: "net.prototxt" base_lr: 1 lr_policy: "step" gamma: 1 stepsize: 0',
            "stepsize is 0, the least is 1",
        ),
        ('net: "net.prototxt" base_lr: 1 lr_policy: "inv" gamma: 1', "power is missing"),
        ('net: "net.prototxt" base_lr: 1 lr_policy: "multistep" gamma: 1', "stepvalue is missing"),
        ('net: "net.prototxt" base_lr: 1 lr_policy: "poly" power: 1', "max_iter is missing"),
        ('net: "net.prototxt" base_lr: 1 lr_policy: "sigmoid" gamma: -1 stepsize: 1', "gamma is -1.0"),
        (LEAST, "names no network"),
        (
            LEAST + 'net: "net.prototxt" train_net: "net.prototxt"',
            "net and train_net are given, one is wanted",
        ),
        (LEAST + 'net: "other.prototxt"', "net 'other.prototxt' does not exist"),
        (LEAST + 'net: "net.prototxt" test_iter: 3', "test_iter is given, but no test_interval"),
        (LEAST + 'net: "net.prototxt" test_iter: 0 test_interval: 1', "test_iter is 0"),
        (LEAST + 'train_net: "net.prototxt" test_iter: 3 test_interval: 1', "1 test_iter for 0 test nets"),
        (
            LEAST + 'net: "net.prototxt" test_net: "net.prototxt" test_interval: 1',
            "0 test_iter for 1 test nets",
        ),
        (
            LEAST + 'net: "net.prototxt" test_iter: 1 test_state {} test_state {} test_interval: 1',
            "2 test_state for 1 test nets",
        ),
        (LEAST + 'net: "net.prototxt" type: "Adan"', "type 'Adan' is no solver"),
        (LEAST + 'net: "net.prototxt" regularization_type: "L3"', "regularization_type cannot be L3"),
        (LEAST + 'net: "net.prototxt" type: "AdaGrad" momentum: 0.9', "AdaGrad has no momentum"),
        (LEAST + 'net: "net.prototxt" type: "RMSProp" momentum: 0.9', "RMSProp has no momentum"),
        (
            LEAST + 'net: "net.prototxt" type: "RMSProp" rms_decay: 1.5',
            ":1:69: rms_decay is 1.5, it must be at least 0 and below 1",
        ),
        (
            LEAST + 'net: "net.prototxt" type: "Adam" momentum2: 1.5',
            "momentum2 is 1.5, it must be at least 0 and below 1",
        ),
        (LEAST + 'net: "net.prototxt" snapshot_format: XML', "snapshot_format cannot be XML"),
        (LEAST + 'net: "net.prototxt" average_loss: 0', "average_loss is 0, the least is 1"),
        (LEAST + 'net: "net.prototxt" iter_size: 0', "iter_size is 0, the least is 1"),
        (LEAST + 'net: "net.prototxt" type: "SGD" solver_type: ADAM', "both 'solver_type' and 'type'"),
        ('layer { name: "x" }', "names no network"),
    ],
)
def test_what_cannot_be(solve, text, message):
    with pytest.raises(LenetError) as caught:
        solve(text)
    assert message in str(caught.value)
    errors = caught.value.errors if isinstance(caught.value, SeveralErrors) else [caught.value]
    assert all(error.where.file.endswith("my.solver.prototxt") for error in errors)


def test_a_network_given_as_a_solver_is_told(solve):
    with pytest.raises(LenetError, match="this looks like a network, not a solver"):
        solve(NET)


def test_all_errors_come_at_once_with_those_of_the_network(solve):
    net = 'layer { name: "l" type: "LRN" lrn_param { local_size: 2 } }'
    with pytest.raises(SeveralErrors) as caught:
        solve('net: "net.prototxt" base_lr: 1 lr_policy: "no" iter_size: -1', net=net)
    assert [Path(error.where.file).name for error in caught.value.errors] == [
        "net.prototxt",
        "my.solver.prototxt",
        "my.solver.prototxt",
    ]


@pytest.mark.parametrize("word", UPDATE_SPELLINGS)
def test_every_type_is_read(solve, word):
    text = f'{LEAST} net: "net.prototxt" type: "{word}" delta: 0.5'
    update = solve(text).solver.update
    assert UPDATES.name_of(type(update)) == UPDATE_SPELLINGS[word][0]
    assert getattr(update, "delta", 0.5) == 0.5


@pytest.mark.parametrize("word", WITHOUT_MOMENTUM)
def test_a_momentum_that_caffe_refuses(solve, word):
    text = f'{LEAST} net: "net.prototxt" type: "{word}"\n momentum: 0.9'
    with pytest.raises(DescriptionError, match=f"{word} has no momentum, 0.9 is given") as caught:
        solve(text)
    assert (caught.value.where.line, caught.value.where.column) == (2, 2)
    assert solve(text.replace("0.9", "0")).solver.update == UPDATES[word.lower()]()


def test_the_order_of_test_networks(solve):
    """Inline test nets, then named ones, then the network that is trained; it is their number that counts."""
    inline = f"test_net_param {{ name: 'inline' {NET} }}"
    text = (
        LEAST + "test_interval: 5 net: 'net.prototxt' test_net: 'net.prototxt' " + inline + " "
        "test_iter: [1, 2, 3, 4] test_state { stage: 'a' } test_state { stage: 'b' level: 2 } test_state {} "
        "test_state { phase: TRAIN } train_state { level: 1 stage: 'c' }"
    )
    job = solve(text, net="state { level: 7 stage: 'n' } " + NET)
    assert [test.net.name for test in job.tests] == ["inline", "", "", ""]
    assert [test.batches for test in job.tests] == [1, 2, 3, 4]
    own = frozenset("n")
    assert [test.state for test in job.tests] == [
        State("test", 0, frozenset("a")),
        State("test", 2, own | {"b"}),
        State("test", 7, own),
        State("train", 7, own),
    ]
    assert job.state == State("train", 1, own | {"c"})


def test_a_network_in_the_solver_is_upgraded(solve):
    layers = 'layers { name: "r" type: RELU bottom: "x" top: "x" }'
    job = solve(LEAST + f'net_param {{ input: "x" input_dim: [1, 1, 4, 4] {layers} }}')
    assert [node.name for node in job.net.nodes] == ["input", "r"]


def test_what_stays_out_of_a_solver(solve):
    job = solve(LEAST + 'net: "net.prototxt" clip_gradients: -1 random_seed: -1 solver_mode: CPU')
    assert (job.solver.clip, job.solver.seed, job.device) == (None, None, "cpu")
    assert job.solver.iterations == 0
    assert Path(job.outputs.prefix).name == "my.solver"
    assert not any(note.wrong for note in solve.notes)


def test_the_prefix_of_snapshots_may_be_a_folder(solve, tmp_path):
    job = solve(LEAST + f'net: "net.prototxt" snapshot_prefix: "{tmp_path}"')
    assert job.outputs.prefix == str(tmp_path / "my.solver")


def test_weights_are_listed(solve, tmp_path):
    (tmp_path / "a.caffemodel").touch()
    job = solve(LEAST + 'net: "net.prototxt" weights: "a.caffemodel, b.caffemodel" weights: "c"')
    assert [Path(name).name for name in job.weights] == ["a.caffemodel", "b.caffemodel", "c"]
    assert job.weights[1] == "b.caffemodel"


def test_settings_take_the_place_of_the_files(solve):
    text = LEAST + 'net: "net.prototxt" stepvalue: 1 snapshot_format: HDF5 test_iter: 7 test_interval: 3'
    settings = [
        ("base_lr", "0.02"),
        ("lr_policy", "multistep"),
        ("gamma", "0.5"),
        ("stepvalue", "4"),
        ("stepvalue", "8"),
        ("test_iter", "[9]"),
        ("snapshot_prefix", 'a "b"\\c'),
        ("snapshot_format", "BINARYPROTO"),
        ("train_state", "{ level: 3 }"),
        ("solver_mode", "cpu"),
        ("max_iter", "1"),
        ("max_iter", "2"),
    ]
    job = solve(text, *settings)
    assert job.solver.rate == MultiStep(0.02, 0.5, (4, 8))
    assert job.tests[0].batches == 9
    assert job.outputs == Outputs('a "b"\\c')
    assert (job.state, job.device, job.solver.iterations) == (State("train", 3), "cpu", 2)
    assert next(str(note) for note in solve.notes if note.wrong).startswith("--set: solver_mode=cpu: ")


@pytest.mark.parametrize(
    ("setting", "message", "hint"),
    [
        (("base_lrr", "1"), "base_lrr=1: there is no such key", "base_lr"),
        (("base_lr", "fast"), "base_lr=fast: ", ""),
        (("max_iter", "1 momentum: 2"), "this is not one value", ""),
        (("max_iter", ""), "max_iter=: ", ""),
        (("solver_mode", "TPU"), "solver_mode=TPU: ", ""),
        (("iter_size", "0"), "iter_size is 0, the least is 1", ""),
    ],
)
def test_a_wrong_setting_names_the_option(solve, setting, message, hint):
    with pytest.raises(DescriptionError) as caught:
        solve(LEAST + 'net: "net.prototxt"', setting)
    assert caught.value.where == Where("--set")
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_every_key_is_spoken_for():
    rows = [*SOLVER_ROWS, *SCHEDULE_ROWS, *OUTPUT_ROWS, *DEVICE_ROWS]
    for _, more in (*RATE_SPELLINGS.values(), *UPDATE_SPELLINGS.values()):
        rows.extend(more)
    spoken = {field for row in rows for field in row.fields}
    nets = {"net", "net_param", "train_net", "train_net_param", "test_net", "test_net_param"}
    others = {"train_state", "test_state", "test_iter", "base_lr", "lr_policy", "type", "weights"}
    upgraded_or_idle = {"solver_type", "debug_info", "layer_wise_reduce"}
    assert spoken | nets | others | upgraded_or_idle == set(schema().fields("SolverParameter"))


def logged_solver(name):
    text = (ORACLE / "log" / name).read_text(encoding="utf-8")
    return re.search(r"solver from parameters: \n(.*?)^[IWEF]\d{8}", text, re.M | re.S)[1]


def test_a_job_is_written_as_caffe_prints_its_solver(tmp_path, monkeypatch):
    """All lines of the recorded log but `snapshot: 0` and `level: 0`, which are the defaults."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "examples" / "mnist"
    folder.mkdir(parents=True)
    net = LENET.read_text()
    for name, file in (
        ("train_SIGINT.txt", "lenet_train_test"),
        ("train_autoencoder_two_test_nets.txt", "mnist_autoencoder"),
    ):
        (folder / f"{file}.prototxt").write_text(net)
        recorded = logged_solver(name)
        (tmp_path / "solver.prototxt").write_text(recorded)
        job = read_solver("solver.prototxt", Notes())
        written = write_text(message_from_job(job), by_number=True)
        expected = recorded.replace("snapshot: 0\n", "").replace("  level: 0\n", "")
        assert sorted(written.splitlines()) == sorted(expected.splitlines())


numbers = st.floats(0.0009765625, 1e6, width=32).map(lambda value: float(format_float(value)))
counts = st.integers(1, 10**6)
rates = st.one_of(
    st.builds(Fixed, numbers),
    st.builds(Step, numbers, numbers, counts),
    st.builds(Exponential, numbers, numbers),
    st.builds(Inverse, numbers, numbers, numbers),
    st.builds(
        MultiStep, numbers, numbers, st.lists(counts, min_size=1).map(lambda steps: tuple(sorted(steps)))
    ),
    st.builds(Sigmoid, numbers, numbers, counts),
)
solvers = st.builds(
    Solver,
    st.builds(Sgd, numbers),
    rates,
    numbers,
    st.sampled_from(["L1", "L2"]),
    st.none() | numbers,
    counts,
    counts,
    st.none() | st.integers(0, 2**40),
)
schedules = st.builds(
    Schedule, counts, counts, counts, st.booleans(), st.booleans(), st.integers(0, 99), st.booleans()
)
phases = st.sampled_from(["train", "test"])
networks = st.text("ab", max_size=2).map(lambda name: Net(name, (Node("x", Input(((1,),)), (), ("x",)),)))


@st.composite
def jobs(draw):
    net, shared = draw(networks), draw(st.booleans())
    stages = st.frozensets(st.sampled_from(["a", "b"]))
    tests = st.builds(
        Test, st.just(net) if shared else networks, st.builds(State, phases, counts, stages), counts
    )
    return Job(
        net,
        draw(st.builds(State, phases, st.integers(0, 3), stages)),
        draw(solvers),
        tuple(draw(st.lists(tests, max_size=3))),
        draw(schedules),
        draw(st.builds(Outputs, st.just("out/x"), st.sampled_from(["binary", "hdf5"]), st.booleans())),
        tuple(draw(st.lists(st.sampled_from(["no/a.caffemodel", "no/b.caffemodel"]), max_size=2))),
        draw(st.sampled_from(["cpu", "gpu"])),
        draw(st.integers(0, 9)),
    )


@settings(max_examples=80, deadline=None)
@given(jobs())
def test_what_is_written_is_read_again(job):
    notes = Notes()
    text = write_text(message_from_job(job))
    message = read_text(text, "", schema(), "SolverParameter", notes)
    again = job_from_message(message, notes)
    notes.check()
    assert again == job


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        read_solver(tmp_path / "no.prototxt", Notes())
    with pytest.raises(FileError, match="a directory"):
        read_solver(tmp_path, Notes())
    with pytest.raises(FileError):
        read_message(ORACLE / "solver" / "tiny.h5", "SolverParameter", Notes())
