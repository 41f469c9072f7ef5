"""`lenet train` and `lenet test` as people run them: real processes, signals, wrong input."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lenet.__main__ import main
from lenet.cli import signals
from lenet.report.run import RunFolder

NET = """name: "tiny"
layer { name: "mnist" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { scale: 0.00390625 } data_param { source: "mnist_train_lmdb" batch_size: 20 } }
layer { name: "mnist" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { scale: 0.00390625 } data_param { source: "mnist_test_lmdb" batch_size: 100 } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { kernel_size: 4 stride: 4 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""

SOLVER = """net: "net.prototxt" base_lr: 0.05 lr_policy: "fixed" momentum: 0.9
max_iter: 30 test_iter: 100 test_interval: 30 display: 10 random_seed: 1 snapshot_prefix: "out/tiny"
solver_mode: CPU
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(NET)
    Path("solver.prototxt").write_text(SOLVER)
    return tmp_path


def train(*words):
    return main(["train", "solver.prototxt", *words])


def start(*words, **settings):
    """A training that goes on until somebody stops it."""
    command = [sys.executable, "-u", "-m", "lenet", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **settings)


def rest_of(process):
    """What is still said until the process ends, and its exit code."""
    with process:
        output = process.stdout.read()
    return output, process.returncode


def wait_for(process, word):
    """The lines up to the first that holds `word`."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            return lines
    raise AssertionError(f"'{word}' was never said: {''.join(lines)}")


class TestRun:
    def test_leaves_everything_in_its_folder(self, folder, capsys):
        assert train() == 0
        output = capsys.readouterr().out
        assert "test accuracy" in output
        assert "iteration 20  loss" in output
        run = folder / "runs" / "tiny"
        found = {path.name for path in run.iterdir()}
        assert found >= {"log.txt", "metrics.jsonl", "result.json", "report.html", "classes.txt", "files"}
        assert found >= {"curves.png", "confusion.png", "samples.png", "wrong.png"}
        result = json.loads((run / "result.json").read_text())
        assert 0.5 < result["accuracy"] <= 1
        assert result["seed"] == 1
        assert result["iterations"] == 30
        assert (run / "files" / "solver.prototxt").read_text() == SOLVER

    def test_the_result_is_told_before_the_report_is_drawn(self, folder, capsys, monkeypatch):
        told, draw = [], RunFolder.finish

        def finish(run, *args):
            told.append(capsys.readouterr().out)
            return draw(run, *args)

        monkeypatch.setattr(RunFolder, "finish", finish)
        assert train() == 0
        (before,), after = told, capsys.readouterr().out
        assert "test accuracy" in before
        assert "weights: " in before
        assert after == f"report:  {Path('runs', 'tiny', 'report.html')}\n"

    def test_a_second_run_overwrites_nothing(self, folder):
        assert train("--set", "max_iter=1") == 0
        assert train("--set", "max_iter=1") == 0
        assert sorted(path.name for path in (folder / "runs").iterdir()) == ["tiny", "tiny-2"]

    def test_settings_replace_the_files_own(self, folder):
        assert train("--set", "max_iter=2", "--set", "base_lr=0.5", "--name", "fast") == 0
        records = [json.loads(line) for line in (folder / "runs/fast/metrics.jsonl").read_text().splitlines()]
        assert [r["rate"] for r in records if r["record"] == "Progress" and r["rate"]] == [0.5, 0.5]

    def test_a_wrong_setting_is_an_error_with_the_nearest_key(self, folder, capsys):
        assert train("--set", "base_ir=0.5") == 4
        assert "did you mean 'base_lr'" in capsys.readouterr().err
        assert not (folder / "runs").exists()

    def test_without_a_report_there_is_no_folder(self, folder):
        assert train("--set", "max_iter=1", "--no-report") == 0
        assert not (folder / "runs").exists()
        assert (folder / "out" / "tiny_iter_1.caffemodel").is_file()

    def test_weights_start_a_new_run(self, folder, capsys):
        assert train("--no-report") == 0
        assert train("--no-report", "--weights", "out/tiny_iter_30.caffemodel", "--set", "max_iter=0") == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if "  test  accuracy" in line]
        assert lines[-1].split("(")[0].split(maxsplit=2)[2] == lines[-2].split("(")[0].split(maxsplit=2)[2]

    def test_a_gpu_that_is_not_there_is_said(self, folder, capsys):
        import torch

        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU")
        assert train("--set", "solver_mode=GPU", "--set", "max_iter=1", "--no-report") == 0
        assert "a GPU is asked for and there is none here: running on the CPU" in capsys.readouterr().err

    def test_its_test_is_what_lenet_test_says(self, folder, capsys):
        train("--no-report")
        trained = capsys.readouterr().out
        assert main(["test", "net.prototxt", "--weights", "out/tiny_iter_30.caffemodel"]) == 0
        accuracy = capsys.readouterr().out.splitlines()[0].split()[1]
        assert f"accuracy {float(accuracy):.4f}" in trained


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
class TestSignals:
    def test_ctrl_c_saves_and_says_how_to_go_on(self, folder, capsys):
        process = start("train", "solver.prototxt", "--set", "max_iter=1000000", "--no-report")
        wait_for(process, "iteration 20 ")
        process.send_signal(signal.SIGINT)
        output, code = rest_of(process)
        assert code == 0
        words = next(line for line in output.splitlines() if line.startswith("to go on: ")).split()[3:]
        state = words[-1]
        assert Path(state).is_file()
        iteration = int(state.split("_iter_")[1].split(".")[0])
        words = [f"max_iter={iteration + 5}" if word.startswith("max_iter=") else word for word in words[2:]]
        assert main(["train", *words, "--no-report"]) == 0
        assert f"saved out/tiny_iter_{iteration + 5}.caffemodel" in capsys.readouterr().out

    def test_sighup_saves_and_goes_on(self, folder):
        process = start("train", "solver.prototxt", "--set", "max_iter=1000000", "--no-report")
        wait_for(process, "iteration 10 ")
        process.send_signal(signal.SIGHUP)
        wait_for(process, "saved out/tiny_iter_")
        wait_for(process, "  loss ")
        process.send_signal(signal.SIGINT)
        assert rest_of(process)[1] == 0
        assert len(list((folder / "out").glob("*.solverstate"))) == 2

    def test_caffes_effects_of_signals(self, folder):
        process = start("caffe", "train", "--solver=solver.prototxt", "-sigint_effect", "snapshot")
        wait_for(process, "Iteration 10")
        process.send_signal(signal.SIGINT)
        output, code = rest_of(process)
        assert code == 0
        assert "Snapshotting to binary proto file" in output
        assert output.rstrip().endswith("caffe.cpp:250] Optimization Done.")


class TestBadInput:
    """Each: one clear error, its exit code, nothing lost."""

    def refused(self, capsys, code, *words):
        assert main(list(words)) == code
        error = capsys.readouterr().err
        assert "Traceback" not in error
        assert "lenet: error: " in error
        return error

    def test_missing_solver(self, folder, capsys):
        error = self.refused(capsys, 3, "train", "solvr.prototxt")
        assert "solvr.prototxt" in error

    def test_a_directory_instead_of_a_file(self, folder, capsys):
        Path("folder.prototxt").mkdir()
        assert "folder.prototxt" in self.refused(capsys, 3, "train", "folder.prototxt")

    def test_missing_net(self, folder, capsys):
        Path("net.prototxt").unlink()
        assert "net.prototxt" in self.refused(capsys, 3, "train", "solver.prototxt")

    def test_snapshot_with_weights(self, folder, capsys):
        train("--no-report")
        both = ("--snapshot", "out/tiny_iter_30.solverstate", "--weights", "out/tiny_iter_30.caffemodel")
        assert "exclude each other" in self.refused(capsys, 2, "train", "solver.prototxt", *both)

    @pytest.mark.parametrize("size", [0, 1, 100, -1])
    def test_truncated_weights(self, folder, capsys, size):
        train("--no-report")
        path = Path("out/tiny_iter_30.caffemodel")
        path.write_bytes(path.read_bytes()[:size])
        error = self.refused(capsys, 3, "test", "net.prototxt", "--weights", str(path))
        assert "tiny_iter_30.caffemodel" in error

    @pytest.mark.parametrize("size", [0, 1, 100, -1])
    def test_truncated_state(self, folder, capsys, size):
        train("--no-report")
        path = Path("out/tiny_iter_30.solverstate")
        path.write_bytes(path.read_bytes()[:size])
        error = self.refused(capsys, 3, "train", "solver.prototxt", "--snapshot", str(path), "--no-report")
        assert "tiny_iter_30.solverstate" in error

    def test_garbage_as_weights(self, folder, capsys):
        Path("bad.caffemodel").write_bytes(bytes(range(256)) * 50)
        self.refused(capsys, 3, "test", "net.prototxt", "--weights", "bad.caffemodel")

    def test_weights_of_another_net(self, folder, capsys):
        train("--no-report")
        Path("net.prototxt").write_text(NET.replace("kernel_size: 4 stride: 4", "kernel_size: 2 stride: 2"))
        error = self.refused(capsys, 5, "test", "net.prototxt", "--weights", "out/tiny_iter_30.caffemodel")
        assert "layer 'ip', weight: the weights are 10 x 49, the network wants 10 x 196" in error
        Path("net.prototxt").write_text(NET.replace('name: "ip"', 'name: "other"'))
        error = self.refused(capsys, 5, "test", "net.prototxt", "--weights", "out/tiny_iter_30.caffemodel")
        assert "no layer of these weights" in error

    def test_a_window_larger_than_its_input(self, folder, capsys):
        Path("net.prototxt").write_text(NET.replace("kernel_size: 4", "kernel_size: 29"))
        error = self.refused(capsys, 4, "train", "solver.prototxt", "--no-report")
        assert "net.prototxt:6:1: layer 'pool' (Pooling)" in error
        assert "hint:" in error

    def test_an_unknown_layer(self, folder, capsys):
        Path("net.prototxt").write_text(NET.replace('"Pooling"', '"Poling"'))
        error = self.refused(capsys, 4, "train", "solver.prototxt", "--no-report")
        assert "net.prototxt:6" in error
        assert "Pooling" in error

    def test_a_label_outside_the_classes(self, folder, capsys):
        Path("net.prototxt").write_text(NET.replace("num_output: 10", "num_output: 7"))
        error = self.refused(capsys, 6, "train", "solver.prototxt", "--no-report")
        assert "7 classes" in error
        assert "net.prototxt" in error

    def test_a_test_that_does_not_divide_the_set_is_noted(self, folder, capsys):
        Path("net.prototxt").write_text(NET.replace("batch_size: 100", "batch_size: 90"))
        assert train("--no-report", "--set", "max_iter=1") == 0
        error = capsys.readouterr().err
        assert "100 batches of 90 from 10,000 samples: not every sample counts equally often" in error
        assert main(["train", "solver.prototxt", "--no-report", "--strict"]) == 4

    def test_no_place_to_write_snapshots(self, folder, capsys):
        Path("file").touch()
        error = self.refused(capsys, 3, "train", "solver.prototxt", "--set", 'snapshot_prefix="file/tiny"')
        assert "snapshots cannot be written" in error
        assert "--set snapshot_prefix" in error

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
    def test_no_permission_to_write_snapshots(self, folder, capsys):
        Path("locked").mkdir(mode=0o555)
        error = self.refused(capsys, 3, "train", "solver.prototxt", "--set", 'snapshot_prefix="locked/tiny"')
        assert "permission" in error

    def test_a_full_disk_leaves_the_old_snapshot_whole(self, folder):
        """The limit on a file's size stands for the disk's end: writing stops in the middle of a file."""
        train("--no-report", "--set", "max_iter=10")
        weights = Path("out/tiny_iter_10.caffemodel")
        before = weights.read_bytes()
        limit = len(before) // 2

        def full():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        words = ("train", "solver.prototxt", "--set", "max_iter=10", "--no-report")
        process = start(*words, preexec_fn=full)
        output, code = rest_of(process)
        assert code == 3, output
        assert "Traceback" not in output
        assert "tiny_iter_10.caffemodel" in output
        assert weights.read_bytes() == before
        assert sorted(path.name for path in Path("out").iterdir()) == [
            "tiny_iter_10.caffemodel",
            "tiny_iter_10.solverstate",
            "tiny_iter_10.solverstate.place",
        ]

    def test_a_truncated_database(self, folder, capsys):
        assert main(["data", "lmdb", "."]) == 0
        data = Path("mnist_test_lmdb/data.mdb")
        data.write_bytes(data.read_bytes()[:100000])
        error = self.refused(capsys, 3, "train", "solver.prototxt", "--no-report")
        assert "mnist_test_lmdb" in error

    def test_a_hundred_megabytes_of_braces(self, folder, capsys):
        Path("net.prototxt").write_text("layer { " * (100 * 2**20 // 8))
        self.refused(capsys, 4, "show", "net.prototxt")

    def test_garbage_as_a_net(self, folder, capsys):
        Path("net.prototxt").write_bytes(bytes(range(256)) * 10)
        assert main(["train", "solver.prototxt", "--no-report"]) in (3, 4)
        assert "lenet: error: " in capsys.readouterr().err

    def test_nothing_is_left_behind(self, folder, capsys):
        before = sorted(folder.rglob("*"))
        shutil.copy("net.prototxt", "kept.prototxt")
        main(["train", "net.prototxt"])
        Path("kept.prototxt").unlink()
        assert sorted(folder.rglob("*")) == before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_request_that_comes_before_training_begins_is_kept():
    effects = {"SIGHUP": "snapshot"}
    with signals.kept(effects) as pending:
        os.kill(os.getpid(), signal.SIGHUP)
        with signals.Signals(effects, pending=pending) as requests:
            assert requests.poll() == "snapshot"
            assert requests.poll() is None
