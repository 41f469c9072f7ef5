"""Data and windows that scripts ask other libraries for."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenet.data.mnist import mnist_arrays
from lenet.errors import MissingExtra
from lenet.keras import windows
from lenet.keras.backend import missing
from lenet.keras.fetching import mldata, openml
from lenet.keras.script import as_keras
from lenet.keras.session import Session


@pytest.fixture
def told():
    return []


def test_fetch_mldata(told):
    pytest.importorskip("sklearn")
    found = mldata(Session(told.append))("MNIST original")
    assert (found.data.shape, found.data.dtype) == ((70000, 784), np.uint8)
    assert (np.diff(found.target[:60000]) >= 0).all()
    assert (np.diff(found.target[60000:]) >= 0).all()
    images, labels = mnist_arrays("train")
    assert np.array_equal(found.data[0], images[labels == 0][0].ravel())
    with pytest.raises(ValueError, match="only MNIST"):
        mldata(Session(told.append))("iris")
    assert "fetch_openml" in told[0].message


def test_fetch_openml(told):
    pytest.importorskip("sklearn")
    fetch = openml(lambda name, **words: (name, words), Session(told.append))
    data, target = fetch("mnist_784", version=1, return_X_y=True)
    images, labels = mnist_arrays("test")
    assert np.array_equal(data[60000:].to_numpy(), images.reshape(10000, -1))
    assert target[60000:].astype(int).tolist() == labels.tolist()
    assert target.values[0] == "5"
    assert fetch(data_id=554).data.shape == (70000, 784)
    assert fetch("iris", version=1) == ("iris", {"version": 1})
    assert [note.wrong for note in told] == [False]


def test_a_script_finds_them_in_scikit_learn(told):
    datasets = pytest.importorskip("sklearn.datasets")
    real = datasets.fetch_openml
    with as_keras(told.append):
        assert import_module("sklearn.cross_validation").train_test_split
        assert datasets.fetch_openml is not real
        assert datasets.fetch_mldata
    assert datasets.fetch_openml is real
    assert not hasattr(datasets, "fetch_mldata")


def test_windows_are_saved(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["folder/digits.py"])
    shown = windows.SavedWindows()
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, :, 0] = 255  # blue comes first
    shown.imshow("A digit", image)
    shown.imshow("grey", np.full((4, 6), 0.5))
    assert shown.waitKey(0) == -1
    assert capsys.readouterr().err == "saved digits_A_digit_1.png\nsaved digits_grey_2.png\n"
    assert Image.open("digits_A_digit_1.png").getpixel((0, 0)) == (0, 0, 255)
    assert Image.open("digits_grey_2.png").getpixel((0, 0)) == 127


def test_a_digit_without_opencv(tmp_path):
    cv2 = windows.stand_in("cv2")
    image = cv2.merge([np.zeros((28, 28), np.uint8)] * 3)
    image = cv2.resize(image, (96, 96), interpolation=cv2.INTER_LINEAR)
    assert image.shape == (96, 96, 3)
    cv2.putText(image, "7", (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.75, (0, 255, 0), 2)
    rows, columns = np.nonzero(image[:, :, 1])
    assert len(rows)
    assert rows.max() <= 21
    assert columns.min() >= 4
    assert not image[:, :, (0, 2)].any()
    path = str(tmp_path / "digit.png")
    assert cv2.imwrite(path, image)
    assert np.array_equal(cv2.imread(path), image)
    assert cv2.imread(path, 0).shape == (96, 96)
    assert cv2.imread(str(tmp_path / "missing.png")) is None
    with pytest.raises(ImportError, match=r"cv2\.VideoCapture needs OpenCV"):
        cv2.VideoCapture(0)


def test_a_script_without_opencv_or_scikit_learn(told, monkeypatch):
    """Nobody finds them here: what comes last is asked."""
    hidden = ("cv2", "sklearn")

    class Hiding:
        def __init__(self, finder):
            self.finder = finder

        def find_spec(self, name, path=None, target=None):
            return None if name.split(".")[0] in hidden else self.finder.find_spec(name, path, target)

    monkeypatch.setattr(sys, "meta_path", [Hiding(finder) for finder in sys.meta_path])
    for name in [name for name in sys.modules if name.split(".")[0] in hidden]:
        monkeypatch.delitem(sys.modules, name)
    with as_keras(told.append):
        assert import_module("cv2").FONT_HERSHEY_SIMPLEX == 0
        with pytest.raises(MissingExtra, match="scikit-learn") as caught:
            import_module("sklearn.metrics")
        assert isinstance(caught.value, ImportError)
    assert "cv2" not in sys.modules
    assert "OpenCV is not installed" in told[0].message
    assert str(missing("keras", "this")).endswith("pip install 'lenet[keras]'")


def test_a_real_tensorflow_stays(told, tmp_path, monkeypatch, request):
    """Only its Keras is ours."""
    pytest.importorskip("keras")
    if "tensorflow" in sys.modules:
        pytest.skip("TensorFlow was imported before")
    (tmp_path / "tensorflow").mkdir()
    Path(tmp_path / "tensorflow" / "__init__.py").write_text("data = 'its own'\n", encoding="utf-8")
    import keras  # before, or it would find this TensorFlow

    monkeypatch.syspath_prepend(tmp_path)
    request.addfinalizer(lambda: sys.modules.pop("tensorflow", None))
    with as_keras(told.append):
        tensorflow = import_module("tensorflow")
        assert (tensorflow.data, tensorflow.keras) == ("its own", keras)
        assert import_module("tensorflow.keras.layers") is keras.layers
