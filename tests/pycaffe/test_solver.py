"""Solvers: the recorded trajectories of the real pycaffe, snapshots, callbacks, what scripts change."""

from pathlib import Path

import numpy as np
import pytest

import lenet.pycaffe as caffe

from .conftest import ORACLE, small_classifier, write

pytest.importorskip("h5py")
SOLVERS = ORACLE / "solver"
NAMES = sorted(path.stem for path in SOLVERS.glob("*.npz"))


@pytest.fixture(autouse=True)
def _beside_the_recordings(monkeypatch):
    monkeypatch.chdir(SOLVERS)


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_those_of_caffe(name):
    with np.load(SOLVERS / f"{name}.npz") as arrays:
        recorded = {key: arrays[key] for key in arrays.files}
    solver = caffe.get_solver(f"{name}_solver.prototxt")
    solver.net.copy_from("tiny_init.caffemodel")
    for index, loss in enumerate(recorded["loss"]):
        solver.step(1)
        # 20 steps of float32; the worst differs by 2e-7
        assert float(solver.net.blobs["loss"].data) == pytest.approx(loss, rel=1e-5, abs=1e-6)
        assert solver.lr == pytest.approx(recorded["lr_after"][index], rel=1e-6)
    for key, array in recorded.items():
        kind, *place = key.split("/")
        if kind == "param" and place[2] == f"iter{solver.iter}":
            found = solver.net.params[place[0]][int(place[1])].data
            np.testing.assert_allclose(found, array, rtol=0, atol=1e-5 * np.abs(array).max(), err_msg=key)


def solver_file(folder, **settings):
    """A solver of the small network on recorded rows."""
    lines = {
        "net": f'"{(SOLVERS / "tiny_net.prototxt").as_posix()}"',
        "base_lr": 0.05,
        "lr_policy": '"fixed"',
        "momentum": 0.9,
        "max_iter": 6,
        "random_seed": 4,
        "snapshot_prefix": f'"{(folder / "tiny").as_posix()}"',
        "snapshot_after_train": "false",
    } | settings
    text = "".join(f"{name}: {value}\n" for name, value in lines.items())
    (folder / "solver.prototxt").write_text(text, encoding="utf-8")
    return str(folder / "solver.prototxt")


def parameters(solver):
    return np.concatenate([blob.data.ravel() for blobs in solver.net.params.values() for blob in blobs])


def test_a_snapshot_goes_on_bit_for_bit(tmp_path):
    path = solver_file(tmp_path, snapshot=3)
    whole = caffe.SGDSolver(path)
    whole.solve()
    assert whole.iter == 6
    state = str(tmp_path / "tiny_iter_3.solverstate")
    restored, resumed = caffe.SGDSolver(path), caffe.SGDSolver(path)
    restored.restore(state)
    restored.step(3)
    resumed.solve(state)
    for part in (restored, resumed):
        assert part.iter == 6
        np.testing.assert_array_equal(parameters(part), parameters(whole))


def test_snapshot_on_demand(tmp_path):
    solver = caffe.SGDSolver(solver_file(tmp_path))
    solver.step(2)
    solver.snapshot()
    assert (tmp_path / "tiny_iter_2.caffemodel").is_file()
    assert (tmp_path / "tiny_iter_2.solverstate").is_file()


def test_a_step_by_hand_is_a_step(tmp_path):
    path = solver_file(tmp_path)
    first, second = caffe.SGDSolver(path), caffe.SGDSolver(path)
    first.step(3)
    for _ in range(3):
        second.net.clear_param_diffs()
        second.net.forward()
        second.net.backward()
        second.apply_update()
    assert second.iter == 3
    np.testing.assert_array_equal(parameters(first), parameters(second))


def test_the_class_decides_the_type(tmp_path):
    path = solver_file(tmp_path, type='"Nesterov"')
    assert type(caffe.get_solver(path)) is caffe.NesterovSolver
    plain, nesterov = caffe.SGDSolver(path), caffe.get_solver(path)
    plain.step(3)
    nesterov.step(3)
    assert np.abs(parameters(plain) - parameters(nesterov)).max() > 1e-6


def test_callbacks_frame_the_gradients(tmp_path):
    solver = caffe.SGDSolver(solver_file(tmp_path, iter_size=2))
    heard = []
    solver.add_callback(lambda: heard.append("start"), lambda: heard.append("ready"))
    solver.net.after_backward(lambda index: heard.append("back") if index == 0 else None)
    solver.step(2)
    assert heard == ["start", "back", "back", "ready"] * 2


def test_settings_can_be_read_and_the_rate_changed(tmp_path):
    solver = caffe.SGDSolver(solver_file(tmp_path))
    assert (solver.param.max_iter, solver.param.display, solver.param.layer_wise_reduce) == (6, 0, True)
    solver.param.base_lr = 0
    before = parameters(solver)
    solver.step(2)
    assert solver.lr == 0
    np.testing.assert_array_equal(parameters(solver), before)


def test_test_nets_use_the_parameters_that_learn(tmp_path):
    path = solver_file(tmp_path, test_iter=2, test_interval=2)
    solver = caffe.SGDSolver(path)
    assert len(solver.test_nets) == 1
    layer = next(iter(solver.net.params))
    assert np.shares_memory(solver.test_nets[0].params[layer][0].data, solver.net.params[layer][0].data)
    before = float(solver.test_nets[0].forward()["loss"])
    solver.step(5)
    assert float(solver.test_nets[0].forward()["loss"]) != before


def test_another_network_uses_a_solvers_parameters(tmp_path):
    solver = caffe.SGDSolver(solver_file(tmp_path))
    net = caffe.Net(str(SOLVERS / "tiny_net.prototxt"), caffe.TEST)
    solver.share_weights(net)
    layer = next(iter(solver.net.params))
    assert np.shares_memory(net.params[layer][0].data, solver.net.params[layer][0].data)


def test_inputs_that_the_script_fills_can_be_trained(tmp_path):
    net = small_classifier((4, 1, 8, 8), loss=True)
    write(tmp_path / "net.prototxt", net.to_proto())
    path = solver_file(tmp_path, net=f'"{(tmp_path / "net.prototxt").as_posix()}"')
    solver = caffe.SGDSolver(path)
    solver.net.blobs["data"].data[...] = np.random.default_rng(0).normal(size=(4, 1, 8, 8))
    solver.net.blobs["label"].data[...] = [0, 1, 2, 0]
    losses = []
    for _ in range(30):
        solver.step(1)
        losses.append(float(solver.net.blobs["loss"].data))
    assert losses[-1] < losses[0] / 5
    assert Path(path).is_file()
