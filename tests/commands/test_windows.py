"""Pictures in windows, on a screen that nobody sees: real processes, real windows."""

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lenet.cli.windows import open_windows
from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.windows import read_detection_windows, read_training_windows
from lenet.errors import Notes

EXAMPLE = Path(__file__).parents[2] / "examples" / "eblearn-mnist"
SMALL = (
    "train_size=30", "val_size=20", "ndiaghessian=2", "iterations=1", "fixed_randomization=1", "root=none",
    "show_wsample=6",
)  # fmt: skip
LONGEST = 240  # seconds until a window has to be there, on a busy machine


NET = """name: "tiny"
layer { name: "mnist" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 } data_param { source: "mnist_test_lmdb" batch_size: 20 } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { kernel_size: 4 stride: 4 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "net.prototxt" base_lr: 0.05 lr_policy: "fixed" max_iter: 2 test_iter: 2 test_interval: 2
random_seed: 1 snapshot_prefix: "tiny" solver_mode: CPU
"""


@pytest.fixture
def tiny_solver(tmp_path):
    """A solver of Caffe's for a small network on the MNIST of the package."""
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return "solver.prototxt"


@pytest.fixture
def screen():
    """The environment of a process with a screen of its own."""
    server = shutil.which("Xvfb")
    if not server or not shutil.which("xwininfo"):
        pytest.skip("Xvfb and xwininfo are not installed")
    pytest.importorskip("tkinter")
    reads, writes = os.pipe()
    words = [server, "-displayfd", str(writes), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    process = subprocess.Popen(words, pass_fds=[writes], stderr=subprocess.DEVNULL)
    os.close(writes)
    with os.fdopen(reads) as told:
        number = told.readline().strip()
    if not number:
        process.wait()
        pytest.skip("Xvfb does not start here")
    yield {**os.environ, "DISPLAY": f":{number}", "MPLBACKEND": "TkAgg"}
    process.terminate()
    process.wait()


def titles(screen):
    """The titles of the windows on a screen."""
    listed = subprocess.run(
        ["xwininfo", "-root", "-tree"], env=screen, capture_output=True, text=True, check=True
    )
    return set(re.findall(r'0x\w+ "([^"]+: [^"]+|lenet detect)":', listed.stdout))


def lenet(*words):
    return [sys.executable, "-m", "lenet", *map(str, words)]


def settings(*words):
    return [part for word in (*SMALL, *words) for part in ("--set", word)]


def until_waiting(process):
    """What a process printed until it waits for its windows to be closed."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("close the window"):
            return "".join(lines)
    raise AssertionError("".join(lines))


def started(words, screen, folder):
    return subprocess.Popen(
        words,
        env=screen,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C counts, also where these tests run in the background
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_a_configuration_opens_its_windows_while_training(screen, tmp_path):
    asked = settings("show_train=1", "show_val_errors=1", "show_wait_user=1")
    process = started(lenet("train", EXAMPLE / "mnist.conf", "--name", "few", *asked), screen, tmp_path)
    try:
        said = until_waiting(process)
        shown = titles(screen)
        picture = screenshot(screen)
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert {
        "few: internal fprop states",
        "few: internal bprop states",
        "few: internal bbprop states",
        "few: val Incorrect classifications, highest energies first",
        "few: val Incorrect classifications, lowest energies first",
    } <= shown
    assert not any("train" in title or "Samples" in title for title in shown)
    assert "epoch 1 of 1" in said
    assert "test accuracy" in said
    assert (tmp_path / "runs" / "few" / "curvatures.png").exists()
    assert picture is None or len(picture.getcolors(2**24)) > 20


def screenshot(screen):
    """The screen as an image, where that can be taken."""
    from PIL import ImageGrab, features

    return ImageGrab.grab(xdisplay=screen["DISPLAY"]) if features.check("xcb") else None


TELLING = """
import sys
from lenet.__main__ import main
from lenet.cli.windows import Windows

close = Windows.close
Windows.close = lambda self: (print("open at the end:", self.titles), close(self))
sys.exit(main(["train", "solver.prototxt", "--show", "--name", "tiny", "--no-report"]))
"""


def test_show_opens_windows_for_a_network_of_caffes_and_ends_by_itself(screen, tmp_path, tiny_solver):
    done = subprocess.run(
        [sys.executable, "-c", TELLING],
        env=screen,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    assert done.returncode == 0, done.stderr
    assert "no windows" not in done.stderr
    for title in ("How it learns", "Samples", "internal fprop states", "Incorrect classifications"):
        assert f"'tiny: {title}" in done.stdout, done.stdout


CLOSING = """
import numpy as np
from matplotlib import pyplot
from lenet.cli.windows import open_windows
from lenet.errors import Notes
from lenet.report.style import LIGHT, sheet

notes = Notes()
windows = open_windows("", notes)
assert not list(notes), list(notes)
for title in ("a: one", "a: two"):
    windows.show(title, sheet(2.0, LIGHT, title))
assert windows.titles == ["a: one", "a: two"]
window = pyplot.figure("a: one").canvas.manager.window
window.tk.call(window.protocol("WM_DELETE_WINDOW"))  # as its button does
assert windows.titles == ["a: two"], windows.titles
for height in (2.0, 3.0):  # another picture, another size
    windows.show("a: one", sheet(height, LIGHT, "again"))
    windows.show("a: two", sheet(height, LIGHT, "again"))
    windows.react(at_once=True)
assert windows.titles == ["a: two"]
windows.wait(0.2)
windows.show("a: vast", sheet(40.0, LIGHT, "vast"))  # inches; the screen has 1,000 pixels
height = pyplot.figure("a: vast").get_size_inches()[1] * 100
assert 500 < height < 900, height
windows.close()
assert windows.titles == []
windows.wait()
"""


def test_a_window_that_is_closed_stays_closed(screen):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CLOSING],
        env=screen,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
def test_without_a_screen_files_are_written(tmp_path, tiny_solver):
    done = subprocess.run(
        lenet("train", tiny_solver, "--show", "--name", "tiny"),
        env={**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    assert done.returncode == 0, done.stderr
    assert "there is no screen (DISPLAY is not set)" in done.stderr
    assert f"pictures are written to {Path('runs', 'tiny')}" in done.stderr
    assert (tmp_path / "runs" / "tiny" / "states.png").exists()


def test_drawing_without_windows_is_said(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":99999")  # the tests' own choice of matplotlib's backend is Agg
    notes = Notes()
    assert open_windows("files are written", notes) is None
    (note,) = notes
    assert "which has none" in note.message
    assert note.message.endswith("; files are written")


def conf(tmp_path, text):
    path = tmp_path / "a.conf"
    path.write_text(textwrap.dedent(text))
    return path


def test_what_a_configuration_shows_while_training(tmp_path):
    file = conf(
        tmp_path,
        """
        show_train = 1
        show_train_ninternals = 3
        show_train_errors = 1
        show_val_correct = 1
        show_hsample = 5
        show_wsample = 18
        show_raw_outputs = 1
        show_energies = 0
        show_only_images = 1
        show_wait_user = 1
        """,
    )
    wanted = read_training_windows(read_values(file, Notes()))
    assert (wanted.opened, wanted.internals, wanted.wait) == (True, 3, True)
    assert (wanted.errors, wanted.correct) == (("train",), ("val",))
    assert (wanted.rows, wanted.columns) == (5, 18)
    assert (wanted.outputs, wanted.energies, wanted.words) == (True, False, False)
    assert wanted.limits == (1.0, 0.01, 0.01)


def test_display_alone_opens_no_window_while_training(tmp_path):
    values = read_values(conf(tmp_path, "display = 1\nshow_val_errors = 1\n"), Notes())
    assert not read_training_windows(values).opened
    assert read_detection_windows(values).opened


def test_what_a_configuration_shows_while_detecting(tmp_path):
    text = (
        "display=1\nminimal_display=1\nnext_on_key=n\ndisplay_sleep=250\nbbox_show_conf=0\ndisplay_zoom=2\n"
    )
    wanted = read_detection_windows(read_values(conf(tmp_path, text), Notes(), "detect"))
    assert (wanted.opened, wanted.plain, wanted.key, wanted.seconds) == (True, True, "n", 0.25)
    assert (wanted.classes, wanted.confidences, wanted.zoom) == (True, False, 2.0)
