"""A configuration trained, tested, timed and asked; saved answers; numbers to predict; bad data."""

import struct
from pathlib import Path

import numpy as np
import pytest

from lenet.formats.class_names import read_class_names, write_class_names
from lenet.formats.matrix import read_matrix, write_matrix

EXAMPLE = Path(__file__).parents[2] / "examples" / "eblearn-mnist"
MNIST = EXAMPLE / "mnist.conf"
SETTINGS = {
    "train_size": "30",
    "val_size": "20",
    "ndiaghessian": "2",
    "iterations": "1",
    "fixed_randomization": "1",
    "root": "none",
}
SMALL = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
TRAIN = ("train", MNIST, *SMALL, "--no-report")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def trained(lenet):
    result = lenet(*TRAIN, "--set", "save_answers=1", "--set", "save_confusion=1")
    assert result.code == 0, result.err
    return result


def test_answers_are_saved(trained):
    lines = Path("mnist_net00001_val_answers.csv").read_text().splitlines()
    assert lines[0] == "sample,desired,answer,confidence"
    assert len(lines) == 21
    confusion = read_matrix("mnist_net00001_confusion_test.mat")
    assert confusion.dtype == np.int32
    assert confusion.shape == (10, 10)
    pairs = [tuple(map(int, line.split(",")[1:3])) for line in lines[1:]]
    assert all(confusion[answer, desired] for desired, answer in pairs)
    assert confusion.sum() == 20
    assert read_matrix("mnist_net00000_confusion_train.mat").sum() == 30


def test_testing(lenet, trained):
    words = ("test", MNIST, "--weights", "mnist_net00001.mat", *SMALL)
    ours, theirs = lenet(*words), lenet(*words, "--log-style", "eblearn")
    confusion = read_matrix("mnist_net00001_confusion_test.mat")
    right = confusion.trace() / confusion.sum()
    assert f"accuracy             {right:.6g}\n" in ours.out
    assert theirs.out.startswith("i=1 name=val [0]  sz=20 test_energy=")
    assert f"test_ucorrect={100 * right:g}%" in theirs.out


def test_timing(lenet):
    result = lenet("time", MNIST, "--iterations", "2", *SMALL)
    assert result.code == 0, result.err
    assert "second order ms" in result.out
    assert "conv5" in result.out


def test_images(lenet, trained):
    from PIL import Image

    Image.fromarray(np.full((40, 30), 255, np.uint8)).save("white.png")
    words = ("classify", MNIST, "--weights", "mnist_net00001.mat")
    result = lenet(*words, "white.png", "--top", "2")
    assert result.code == 0, result.err
    assert "white.png: 30 x 40" in result.out
    assert len(result.out.splitlines()) == 4
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    assert lenet(*words, "bad.png").code == 3


def test_eblearns_classify(lenet, trained):
    Path("again.conf").write_text(
        MNIST.read_text()
        + "".join(f"{name} = {value}\n" for name, value in SETTINGS.items())
        + f"retrain_weights = mnist_net00001.mat\nconv2_table = {EXAMPLE}/table_6_16_connect_60.mat\n"
    )
    columns, plain = (
        lenet("eblearn", "classify", "again.conf", "-csv"),
        lenet("eblearn", "classify", "again.conf"),
    )
    assert columns.out == Path("mnist_net00001_val_answers.csv").read_text()
    assert "name=val" in plain.out
    assert lenet("eblearn", "classify", "again.conf", "-gradients").code == 2


def test_a_batch_is_said_to_be_something_else(lenet):
    result = lenet(*TRAIN, "--batch", "8")
    assert result.code == 0
    assert "learns from 8 samples together, EBLearn from one" in result.err
    assert lenet("train", "--batch", "8", "--no-report").code == 2


def test_names_of_classes(lenet):
    assert read_class_names(EXAMPLE / "mnist_classes.mat") == tuple("0123456789")
    write_class_names("words.mat", ["zero", "one", "two"])
    words = (*TRAIN, "--set", "val_classes=words.mat", "--set", "limit_classes=3", "--log-style", "eblearn")
    result = lenet(*words)
    assert result.code == 0, result.err
    assert "test_zero_errors=" in result.out
    assert "Creating a network with 3 outputs" in result.out
    assert '"two"' in result.out


def numbers_to_predict(threshold):
    random = np.random.default_rng(0)
    factors = random.normal(size=12)
    for name, number in (("train", 60), ("val", 30)):
        samples = random.uniform(-1, 1, (number, 12))
        np.savetxt(f"{name}.csv", samples, "%.6f", delimiter=",")
        np.savetxt(f"{name}_labels.csv", 10 + np.tanh(samples @ factors), "%.6f")
    lines = {
        "name": "numbers",
        "arch": "linear1,addc1,tanh,linear2,addc2",
        "linear1_in": "12",
        "linear1_out": "8",
        "linear2_in": "${linear1_out}",
        "linear2_out": "noutputs",
        "trainer": "trainable_module1",
        "trainable_module1_energy": "l2_energy",
        "answer": "regression_answer1",
        "regression_answer1_threshold": threshold,
        "label_bias": "-10",
        "eta": ".02",
        "iterations": "8",
        "ndiaghessian": "10",
        "fixed_randomization": "1",
        "shuffle_passes": "1",
        "save_answers": "1",
        "save_weights": "0",
        **{name: f"{name}.csv" for name in ("train", "val")},
        **{f"{name}_labels": f"{name}_labels.csv" for name in ("train", "val")},
    }
    Path("numbers.conf").write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))


def test_numbers_are_predicted_from_text(lenet):
    numbers_to_predict("1e9")
    result = lenet("train", "numbers.conf", "--no-report")
    assert result.code == 0, result.err
    assert "test accuracy 100.00 %" in result.out
    energies = [
        float(line.split("energy ")[1].split()[0]) for line in result.out.splitlines() if "test val" in line
    ]
    assert energies[-1] < energies[0] / 2
    last = np.loadtxt("numbers_net00008_val_answers.csv", delimiter=",", skiprows=1)
    mean = 0.5 * ((last[:, 1] - last[:, 2]) ** 2).mean()
    assert mean == pytest.approx(energies[-1], abs=1e-4)


def files_that_are_wrong():
    write_matrix("table.mat", np.array([[0, 0], [6, 1], [2, 15]], np.int32))
    write_matrix("short.mat", np.zeros(100))
    for name, shape in {"five": (5, 28, 28), "flat": (5, 0, 28)}.items():
        write_matrix(f"{name}.mat", np.zeros(shape, np.float32))
    for number in (4, 5, 6):
        write_matrix(f"labels{number}.mat", np.arange(number, dtype=np.int32))
    Path("empty-idx3").write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3i", 0, 28, 28))
    Path("nothing").write_bytes(b"")


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        (("conv2_table=table.mat",), 4, "row 1 of the connection table reads feature 6"),
        (("retrain=1", "retrain_weights=short.mat"), 5, "100 parameters, the network has 51046"),
        (("val_classes=nowhere.mat",), 3, "nowhere.mat"),
        (("classes=short.mat",), 3, "matrix of bytes"),
        (("train=five.mat", "train_labels=labels4.mat"), 6, "labels of 4 for 5 samples"),
        (("train=five.mat", "train_labels=labels6.mat"), 6, "labels of 6 for 5 samples"),
        (("train=flat.mat", "train_labels=labels5.mat"), 6, "no pixels"),
        (("train=empty-idx3", "train_labels=labels5.mat"), 6, "no samples"),
        (("val=nothing", "val_labels=labels5.mat"), 3, "nothing"),
        (("answer=vote_answer",), 4, "not supported"),
        (("trainable_module1_energy=scalerclass_energy",), 4, "not supported"),
    ],
)
def test_what_is_wrong_is_told(lenet, here, settings, code, words):
    files_that_are_wrong()
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    result = lenet(*TRAIN, *[word for setting in settings for word in ("--set", setting)])
    assert (result.code, "Traceback" in result.err) == (code, False), result.err
    assert words in result.err
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_latin_1(lenet):
    text = MNIST.read_text() + f"conv2_table = {EXAMPLE}/table_6_16_connect_60.mat\n# écrit à la main\n"
    Path("latin.conf").write_bytes(text.encode("latin-1"))
    result = lenet("train", "latin.conf", *SMALL, "--set", "test_only=1", "--no-report")
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("test", MNIST), 2),
        (("test", MNIST, "--weights", "w.mat", "--iterations", "3"), 2),
        (("test", MNIST, "--weights", "w.mat"), 3),
        (("time", MNIST, "--batch", "4"), 2),
        (("eblearn", "classify"), 2),
    ],
)
def test_words_that_cannot_be(lenet, words, code):
    result = lenet(*words)
    assert (result.code, "Traceback" in result.err) == (code, False), result.err
