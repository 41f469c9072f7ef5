"""Scripts that `lenet run` runs, and the examples, which are such scripts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lenet.__main__ import main
from lenet.errors import DescriptionError
from lenet.pycaffe.script import as_caffe, run_script

EXAMPLES = Path(__file__).parents[2] / "examples" / "pycaffe"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_screen():
    """Figures are saved instead of shown, whatever matplotlib was told before."""
    from matplotlib import pyplot

    before = pyplot.get_backend()
    pyplot.switch_backend("module://lenet.pycaffe.saved_figures")
    yield
    pyplot.switch_backend(before)


def example(name, *words):
    before = set(sys.modules)
    try:
        assert run_script(str(EXAMPLES / f"{name}.py"), words) == 0
    finally:
        for module in set(sys.modules) - before:
            if module in ("networks", "digit_pairs"):
                del sys.modules[module]


def test_every_way_to_import_caffe_means_the_same_modules():
    with as_caffe():
        import caffe
        import caffe.draw
        import caffe.io
        from caffe.proto import caffe_pb2

        import lenet.pycaffe

        assert caffe is lenet.pycaffe
        assert caffe_pb2 is lenet.pycaffe.proto.caffe_pb2
        assert caffe.__version__ == "1.0.0"
    assert "caffe" not in sys.modules


def test_step_by_step_then_surgery_then_fine_tuning(no_screen, capsys, tmp_path):
    example("step_by_step", "25")
    assert Path("step_by_step_1.png").stat().st_size > 10_000
    assert "label_data_1_split_0" in capsys.readouterr().out
    example("net_surgery")
    out = capsys.readouterr().out
    assert "144 crops" in out
    assert float(out.rsplit(maxsplit=1)[-1]) < 1e-4  # float32 sums of 800 numbers near 1
    example("fine_tuning", "5")
    assert "learned  features, kept: True" in capsys.readouterr().out


def test_logistic_regression(capsys):
    pytest.importorskip("h5py")
    example("logistic_regression", "300")
    lines = capsys.readouterr().out.splitlines()
    plain, hidden = (float(line.split()[-1]) for line in lines)
    assert 0.55 < plain < 0.75
    assert hidden > 0.9


def test_a_data_layer_in_python(capsys):
    example("digit_pairs", "50")
    assert "after   50 steps: right 0." in capsys.readouterr().out


def test_the_verb_saves_figures_without_a_screen():
    Path("old.py").write_text(
        "import sys, caffe\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
        "print(sys.argv[1:], caffe.TEST)\n",
        encoding="utf-8",
    )
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [sys.executable, "-m", "lenet", "run", "old.py", "--gpu", "0"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (0, "['--gpu', '0'] 1\n"), result.stderr
    if sys.platform.startswith("linux"):
        assert Path("old_1.png").is_file()


def test_what_a_script_raises(capsys):
    Path("exits.py").write_text("import sys\nsys.exit('no luck')\n", encoding="utf-8")
    Path("fails.py").write_text("def f():\n    return 1 / 0\nf()\n", encoding="utf-8")
    Path("two.py").write_text("print 'hello'\n", encoding="utf-8")
    Path("net.py").write_text("import caffe\ncaffe.Net('missing.prototxt', caffe.TEST)\n", encoding="utf-8")
    assert main(["run", "exits.py"]) == 1
    assert capsys.readouterr().err == "no luck\n"
    assert main(["run", "fails.py"]) == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error
    assert "runpy" not in error
    with pytest.raises(DescriptionError, match="print") as caught:
        run_script("two.py", [])
    assert (caught.value.where.line, "Python 2" in caught.value.hint) == (1, True)
    assert main(["run", "net.py"]) == 3
    assert "missing.prototxt" in capsys.readouterr().err
    assert main(["run", "missing.py"]) == 3
    assert main(["run"]) == 2
    assert main(["run", "--help"]) == 0
