"""What `lenet eblearn detect` prints is what the real program printed, line for line.

Left out on both sides are times; on the real program's the lines that describe modules one by one and
those about its random numbers.  Numbers have the 6 digits that it prints, of which the last may differ.
"""

import re
from pathlib import Path

import pytest

from lenet.__main__ import main

SHARED = Path(__file__).parents[2].parent / "shared"
RECORDED = SHARED / "golden" / "eblearn" / "detect"
MODELS = SHARED / "models" / "eblearn"
NAMES = ["best_lena", "best_voc", "faceconf_nens", "rg_dump", "rg_nopad", "rg_type0", "rg_type3_nms1"]
NAMES += ["rg_type3_s14_max2", "rg_type4", "rg_type5", "mnist"]
DESCRIBING = re.compile(r"arch \d+: |Added |Random seed |Not using Intel|Using default resizing")
TIMED = re.compile(r"((net_)?processing=|remaining=|i=\d+ processing: |.*Execution time: |\d\.\d+ s wall)")
CAMERA = re.compile(r"Initializing directory camera|Image search pattern|Found \d+ images")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")

pytestmark = pytest.mark.skipif(
    not (RECORDED.is_dir() and MODELS.is_dir()),
    reason="the models and photographs are not beside the checkout",
)


def comparable(log):
    """The lines, those of the camera first: in the real program another thread writes them."""
    log = re.sub(r"//+", "/", log.replace("EBL/", f"{MODELS}/"))
    log = re.sub(r"detections_\d{8}\.\d{6}", "detections_TIME", log)
    log = re.sub(r"boxes\.processing", "boxes.\nprocessing", log)
    log = re.sub(r"resizepp module in network: .*", "resizepp module in network.", log)
    log = re.sub(r"in -?\d+x-?\d+$|/ 1x1 = -?\d+x-?\d+\)$", "in memory", log, flags=re.MULTILINE)
    lines = [line for line in log.splitlines() if not (DESCRIBING.match(line) or TIMED.match(line))]
    return sorted(filter(CAMERA.match, lines)), [line for line in lines if not CAMERA.match(line)]


def same(mine, theirs):
    """Whether two lines have the same words, and numbers that differ by rounding at most."""
    if NUMBER.sub("#", mine) != NUMBER.sub("#", theirs):
        return False
    pairs = zip(NUMBER.findall(mine), NUMBER.findall(theirs), strict=True)
    return all(float(first) == pytest.approx(float(second), rel=2e-5, abs=1e-4) for first, second in pairs)


@pytest.mark.parametrize("name", NAMES)
def test_its_log(name, tmp_path, monkeypatch, capsys):
    recorded = RECORDED / ("mnist" if name == "mnist" else f"face/{name}")
    (source,) = recorded.glob("*.conf")
    (tmp_path / source.name).write_text(source.read_text().replace("EBL/", f"{MODELS}/"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train").symlink_to(SHARED / "golden" / "eblearn" / "train")
    settings = [f"classes={MODELS}/demos/mnist/mnist_classes.mat"] if name == "mnist" else []
    settings = [word for setting in (*settings, "show_conf=0") for word in ("--set", setting)]
    assert main(["eblearn", "detect", source.name, "--figures", "0", *settings]) == 0
    theirs = (recorded / "detect.log").read_text()
    theirs = re.sub(r"^_+ Configuration _+\n.*?^_+\n", "", theirs, flags=re.MULTILINE | re.DOTALL)
    (my_camera, mine), (their_camera, theirs) = comparable(capsys.readouterr().out), comparable(theirs)
    assert my_camera == their_camera
    different = [pair for pair in zip(mine, theirs, strict=False) if not same(*pair)]
    assert not different
    assert len(mine) == len(theirs)
    assert (tmp_path / "finished").read_text() == (recorded / "finished").read_text()
