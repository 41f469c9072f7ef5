"""`lenet train` with Keras files: a job on MNIST, as Keras would do it, and a `.keras` file at the end."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lenet.cli.keras_training import BUILT_IN, read
from lenet.cli.train import Options
from lenet.data.feed import Feed
from lenet.data.labelled import Part
from lenet.data.mnist import Mnist, mnist_arrays
from lenet.dialects.keras import training
from lenet.dialects.keras.model import read_model
from lenet.dialects.keras.training_data import Sets
from lenet.engine.train import Trainer
from lenet.errors import DescriptionError, LenetError, Notes, UsageError
from lenet.formats.idx import write_idx
from lenet.formats.image import write_png
from lenet.job import Schedule, Solver
from lenet.keras import LeNet
from lenet.keras.backend import the_keras
from lenet.layers.loss import SoftmaxLoss
from lenet.solvers.rate import Fixed
from lenet.solvers.update import Sgd

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras, when numpy is asked


@pytest.fixture(autouse=True)
def _keras_home(tmp_path, monkeypatch):
    """Where Keras keeps its settings."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))


def layer(name, **config):
    return {"module": "keras.layers", "class_name": name, "config": {"name": name.lower(), **config}}


def model_file(tmp_path, *layers, shape=(28, 28, 1)):
    """A small model as Keras' JSON text."""
    first = layer("InputLayer", batch_shape=[None, *shape])
    model = {"class_name": "Sequential", "config": {"name": "small", "layers": [first, *layers]}}
    path = tmp_path / "small.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    return path


SMALL = (layer("Flatten"), layer("Dense", units=10, activation="softmax"))


@pytest.fixture
def few(monkeypatch, tmp_path):
    """An epoch of 256 digits, 100 to test with, in a folder of its own."""
    few = Sets(Part(Mnist("train"), 256), Part(Mnist("test"), 100), 256, 100, tuple("0123456789"), "MNIST")
    monkeypatch.setattr(training, "mnist_sets", lambda: few)
    monkeypatch.chdir(tmp_path)


def job_of(file, **options):
    return read(Options(file=str(file), **options), Notes()).job


def test_the_tutorials_numbers():
    job = job_of(BUILT_IN)
    assert job.solver == Solver(Sgd(0.0), Fixed(0.01), iterations=20 * 469)
    assert (job.schedule.test, job.tests[0].batches) == (469, 100)  # all 10,000 after each epoch
    train = job.net.nodes
    feed = train[0].kind
    assert isinstance(feed, Feed)
    assert (feed.batch, feed.source.part, feed.transform.scale) == (128, "train", 1 / 255)
    assert isinstance(train[-1].kind, SoftmaxLoss)
    assert train[-1].inputs == ("dense_1", "label")
    assert sum(shapes.weights for shapes in job.net.shapes()) == 1_256_080
    fillers = {node.kind.weight_filler.norm for node in train if hasattr(node.kind, "weight_filler")}
    assert fillers == {"average"}  # as Keras starts


def test_what_the_command_line_says_counts(tmp_path):
    path = model_file(tmp_path, *SMALL)
    job = job_of(path, optimizer="adam", rate=0.5, epochs=3, batch=1000)
    assert type(job.solver.update).__name__ == "Adam"
    assert (job.solver.rate, job.solver.iterations) == (Fixed(0.5), 180)


def test_compile_settings_count(tmp_path):
    keras = the_keras()
    path = tmp_path / "compiled.keras"
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile(keras.optimizers.SGD(0.25, momentum=0.5), "mse")
    model.save(path)
    notes = Notes()
    job = read(Options(file=str(path)), notes).job
    assert (job.solver.update, job.solver.rate) == (Sgd(0.5), Fixed(0.25))
    assert any("compiled for mse" in note.message for note in notes)
    assert job_of(path, optimizer="sgd").solver.rate == Fixed(0.01)  # Keras' own default


def test_a_rescaling_is_kept(tmp_path, few, lenet):
    """The network's own preparation of pixels is done once, and is in the file that comes out."""
    path = model_file(tmp_path, layer("Rescaling", scale=1 / 127.5, offset=-1.0), *SMALL)
    job = job_of(path)
    pixel = np.array([0.0, 255.0])
    transform = job.net.nodes[0].kind.transform
    assert (pixel - transform.mean_values[0]) * transform.scale == pytest.approx([-1, 1])
    assert lenet("train", path, "--epochs", "1", "--no-report").code == 0
    done = read_model(Path("small_trained.keras"), Notes()).preprocessing
    assert (pixel * done.scale + done.bias) == pytest.approx([-1, 1])


def test_it_learns_as_keras_does(tmp_path):
    """The same weights, batches and rule give the same losses and weights, step for step."""
    keras = the_keras()
    keras.utils.set_random_seed(1)  # some weights bring two numbers of a window so close that either wins
    path = tmp_path / "start.keras"
    model = LeNet.build(28, 28, 1, 10)
    model.save(path)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    started = read(Options(file=str(path), rate=0.1, batch=32), Notes())
    first, *rest = started.job.net.nodes
    in_order = replace(first, kind=replace(first.kind, shuffle=False))
    job = replace(started.job, net=replace(started.job.net, nodes=(in_order, *rest)), schedule=Schedule())
    trainer = Trainer(job)
    trainer.load(started.model.weights)
    images, labels = mnist_arrays("train")
    for start in range(0, 160, 32):
        some = slice(start, start + 32)
        pixels = images[some].reshape(-1, 28, 28, 1).astype("float32") / 255
        theirs = float(model.test_on_batch(pixels, labels[some]))
        model.reset_metrics()
        model.train_on_batch(pixels, labels[some])
        model.reset_metrics()
        (progress,) = trainer.advance()
        assert progress.loss == pytest.approx(theirs, rel=1e-4)  # float32, sums in another order
    ours = trainer.network.weights()[model.layers[0].name]
    kernel = np.asarray(model.layers[0].kernel.value.detach().cpu()).transpose(3, 2, 0, 1)
    assert ours["weight"] == pytest.approx(kernel, abs=1e-5)


def test_training_ends_in_a_file_that_keras_reads(few, lenet):
    result = lenet("train", BUILT_IN, "--epochs", "2", "--batch", "32", "--rate", "0.1")
    assert result.code == 0, result.err
    assert "iteration 8  test  accuracy" in result.out
    assert "weighted average" in result.out  # the report in words
    assert "weights: runs/lenet/lenet.keras" in result.out
    folder = Path("runs/lenet")
    assert (folder / "curves.png").is_file()
    told = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert f"test accuracy {100 * told['accuracy']:.2f} % after 2 epochs" in result.out
    keras = the_keras()
    images, labels = (array[:100] for array in mnist_arrays("test"))
    model = keras.saving.load_model(folder / "lenet.keras")
    answers = model(images.reshape(-1, 28, 28, 1).astype("float32") / 255).detach().cpu().numpy()
    assert (answers.argmax(axis=1) == labels).mean() == pytest.approx(told["accuracy"])


def test_without_a_folder(tmp_path, few, lenet):
    path = model_file(tmp_path, *SMALL)
    assert "weights: small_trained.keras" in lenet("train", path, "--epochs", "1", "--no-report").out
    again = lenet("train", path, "--epochs", "1", "--no-report")
    assert (again.code, "there already" in again.err) == (3, True)
    more = lenet("train", "small_trained.keras", "--epochs", "1", "--no-report")
    assert (more.code, Path("small_trained_trained.keras").is_file()) == (0, True)


@pytest.mark.parametrize(
    ("layers", "shape", "words"),
    [
        (SMALL, (32, 32, 1), "MNIST are 1 x 28 x 28, the network takes 1 x 32 x 32"),
        ((layer("Flatten"), layer("Dense", units=9)), (28, 28, 1), "10 classes, the network answers with 9"),
        ((layer("Flatten"), layer("Dense", units=10, activation="tanh")), (28, 28, 1), "end in classes"),
    ],
)
def test_networks_that_cannot_learn_mnist(tmp_path, layers, shape, words):
    with pytest.raises(DescriptionError, match=words):
        job_of(model_file(tmp_path, *layers, shape=shape))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "sdg"}, "optimizer 'sdg' is not known"),
        ({"settings": (("a", "1"),)}, "no keys to set"),
        ({"snapshot": "x"}, "no snapshots"),
        ({"rate": -1.0}, "a learning rate is a number from 0 on, not -1"),
        ({"rate": float("nan")}, "not nan"),
    ],
)
def test_what_cannot_be_asked(tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        job_of(model_file(tmp_path, *SMALL), **options)


def test_what_is_not_there(lenet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    missing = lenet("train", "missing.keras")
    assert (missing.code, BUILT_IN in missing.err) == (3, True)
    assert lenet("train", "--epochs", "3").code == 2
    assert lenet("train", "missing_solver.prototxt", "--rate", "3").code == 2


class TestOtherData:
    """What --data names: two classes of 8 x 8, dark and light, so that a small network can tell them."""

    NETWORK = (layer("Flatten"), layer("Dense", units=2, activation="softmax"))

    @pytest.fixture
    def network(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        return model_file(tmp_path, *self.NETWORK, shape=(8, 8, 1))

    @pytest.fixture
    def arrays(self):
        labels = np.arange(50, dtype=np.uint8) % 2
        noise = np.random.default_rng(3).integers(0, 60, (50, 8, 8))
        return (noise + 150 * labels[:, None, None]).astype(np.uint8), labels

    def folders(self, root, arrays, names=("dark", "light")):
        for place, (image, label) in enumerate(zip(*arrays, strict=True)):
            path = root / names[label] / f"{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(path, image)
        return root

    def trained(self, lenet, network, data):
        words = ("--epochs", "6", "--batch", "8", "--rate", "0.1", "--no-report", "--data", data)
        return lenet("train", network, *words)

    def test_a_folder_for_each_class(self, lenet, network, arrays, tmp_path):
        result = self.trained(lenet, network, self.folders(tmp_path / "data", arrays))
        assert (result.code, "test accuracy 100.00 % after 6 epochs" in result.out) == (0, True), result.err
        assert "dark" in result.out  # the report names the classes
        assert job_of(network, data="data").tests[0].batches == 1  # a fifth of 50 is held out

    def test_two_folders(self, network, arrays, tmp_path):
        self.folders(tmp_path / "both" / "train", arrays)
        self.folders(tmp_path / "both" / "val", tuple(array[:30] for array in arrays))
        job = job_of(network, data="both")
        assert (job.net.nodes[0].kind.batch, job.tests[0].net.nodes[0].kind.batch) == (128, 30)
        assert job_of(network, data="both/train,both/val").tests == job.tests

    def test_idx_files_and_a_database(self, lenet, network, arrays, tmp_path):
        (tmp_path / "idx").mkdir()
        for part in ("train", "t10k"):
            for kind, array in zip(("images-idx3", "labels-idx1"), arrays, strict=True):
                write_idx(tmp_path / "idx" / f"{part}-{kind}-ubyte", array)
        assert self.trained(lenet, network, "idx").code == 0
        made = lenet("data", "convert", "idx/train-images-idx3-ubyte", "idx/train-labels-idx1-ubyte", "base")
        assert made.code == 0, made.err
        job = job_of(network, data="base")
        assert len(job.net.nodes[0].kind.source.open()) == 40

    def test_colours_are_red_first(self, arrays, tmp_path):
        pixel = np.zeros((50, 8, 8, 3), np.uint8)
        pixel[..., 0] = 200
        path = model_file(tmp_path, *self.NETWORK, shape=(8, 8, 3))
        root = self.folders(tmp_path / "data", (pixel, arrays[1]))
        reader = job_of(path, data=str(root)).net.nodes[0].kind.source.open()
        assert reader.read(0)[0][:, 0, 0].tolist() == [200, 0, 0]

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ("nowhere", "no such folder or database"),
            ("a,b,c", "does not name data"),
            ("data,", "does not name data"),
            ("empty", "holds no folders with images"),
            ("small.json", "no data to train with"),
            ("data,other", "the classes are left, right, those to train with are dark, light"),
            ("idx", "its images are 1 x 8 x 7, the network takes 1 x 8 x 8"),
        ],
    )
    def test_what_is_no_data(self, network, arrays, tmp_path, data, words):
        (tmp_path / "empty").mkdir()
        self.folders(tmp_path / "data", arrays)
        self.folders(tmp_path / "other", arrays, ("left", "right"))
        (tmp_path / "idx").mkdir()
        write_idx(tmp_path / "idx" / "images-idx3", arrays[0][:, :, :7])
        write_idx(tmp_path / "idx" / "labels-idx1", arrays[1])
        with pytest.raises(LenetError, match=words):
            job_of(network, data=data)

    def test_fewer_outputs_than_classes(self, tmp_path, monkeypatch, arrays):
        monkeypatch.chdir(tmp_path)
        path = model_file(tmp_path, layer("Flatten"), layer("Dense", units=1), shape=(8, 8, 1))
        self.folders(tmp_path / "data", arrays)
        with pytest.raises(DescriptionError, match="data has 2 classes, the network answers with 1"):
            job_of(path, data="data")

    def test_it_is_for_keras_files(self, lenet):
        assert "--data are for Keras files" in lenet("train", "--data", "x").err
