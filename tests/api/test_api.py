"""The Python interface gives what the verbs give."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import lenet
from lenet.data.mnist import mnist_arrays
from lenet.errors import DataError, DescriptionError, FileError, UsageError, WeightsError
from lenet.formats.idx import write_idx
from lenet.results import Progress, TestScores

ROOT = Path(__file__).parents[2]
ITERATIONS = 60  # enough for two digits in three


@pytest.fixture(scope="module")
def records():
    return []


@pytest.fixture(scope="module")
def trained(records):
    settings = {"max_iter": ITERATIONS, "test_interval": ITERATIONS, "test_iter": 5, "random_seed": 1}
    return lenet.train(settings=settings, listen=records.append)


@pytest.fixture(scope="module")
def digits():
    images, labels = mnist_arrays("test")
    return images[:200], labels[:200]


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "lenet.prototxt"
    trained.net.save(path)
    return path


class TestTraining:
    def test_listeners_hear_every_record(self, trained, records):
        assert [r.iteration for r in records if isinstance(r, Progress)][:ITERATIONS] == [*range(ITERATIONS)]
        assert sum(isinstance(r, TestScores) for r in records) == len(trained.tests) == 2

    def test_it_learns(self, trained, digits):
        assert trained.accuracy == trained.tests[-1].value("accuracy") > 0.6
        assert trained.net.accuracy(*digits) > 0.6

    def test_the_preprocessing_is_the_file_s(self, trained):
        assert trained.net.preprocessing.scale == 1 / 256

    def test_settings_are_for_files(self, trained):
        with pytest.raises(UsageError, match="settings are for files"):
            lenet.train(_job(), settings={"max_iter": 1})

    def test_a_job_is_trained_as_it_is(self):
        assert lenet.train(_job()).seed == 3

    def test_wrong_settings_are_refused(self):
        with pytest.raises(lenet.LenetError, match="base_lrr"):
            lenet.train(settings={"base_lrr": 1})

    def test_a_configuration_of_eblearn(self):
        net = lenet.train(
            ROOT / "examples/eblearn-mnist/mnist.conf",
            settings={
                "iterations": 1,
                "train_size": 20,
                "val_size": 10,
                "ndiaghessian": 5,
                "save_weights": 0,
            },
        ).net
        assert net.input_shape == (1, 28, 28)
        assert net.weights.count() == 51_046
        assert (net.preprocessing.scale, net.preprocessing.size) == (0.01, (28, 28))
        assert net.model.answer is not None
        assert net.name == "mnist" or net.model.dialect == "eblearn"

    def test_a_keras_file(self, digits, tmp_path):
        heard = []
        settings = {"epochs": 1, "batch": 500, "rate": 0.1, "data": _small_idx(tmp_path)}
        trained = lenet.train("keras-lenet", settings=settings, listen=heard.append)
        assert trained.net.input_shape == (1, 28, 28)
        assert {record.iteration for record in heard if isinstance(record, Progress)} >= {0, 1, 2, 3}
        assert trained.net.preprocessing.scale == 1 / 255
        images, labels = digits
        assert trained.accuracy == pytest.approx(trained.net.accuracy(images, labels))
        trained.net.save(tmp_path / "lenet.keras")
        scores = lenet.test(tmp_path / "lenet.keras", settings={"data": _small_idx(tmp_path)})
        assert scores["accuracy"] == pytest.approx(trained.accuracy)
        again = lenet.train(tmp_path / "lenet.keras", settings={**settings, "rate": 0})
        np.testing.assert_allclose(  # through a Rescaling and back: float32
            again.net.predict(images[:5]), trained.net.predict(images[:5]), rtol=0, atol=1e-6
        )

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"epoch": 1}, "no setting 'epoch'"),
            ({"epochs": "many"}, "epochs is 'many', a number is wanted"),
            ({"batch": 0}, "batch is 0, 1 or more"),
            ({"rate": -1}, "a learning rate is a number from 0 on"),
            ({"optimizer": "sdg"}, "optimizer 'sdg' is not known"),
        ],
    )
    def test_what_cannot_be_asked_of_a_keras_file(self, settings, words):
        with pytest.raises(UsageError, match=words):
            lenet.train("keras-lenet", settings=settings)

    def test_files_that_tell_nothing_of_training(self, tmp_path):
        with pytest.raises(FileError, match="no such file"):
            lenet.train(tmp_path / "nowhere.keras")
        (tmp_path / "net.onnx").write_bytes(b"?")
        for verb in (lenet.train, lenet.test):
            with pytest.raises(UsageError, match="onnx's tells nothing of training"):
                verb(tmp_path / "net.onnx")


def _small_idx(folder):
    """2,000 digits to train with and 200 to test with."""
    for name, part, number in (("train", "train", 2000), ("t10k", "test", 200)):
        for kind, array in zip(("images-idx3", "labels-idx1"), mnist_arrays(part), strict=True):
            values = array[:number].squeeze().astype(np.uint8)
            write_idx(folder / f"{name}-{kind}-ubyte", values)
    return folder


class TestDevices:
    @pytest.mark.parametrize("word", ["foo", "", "cuda:x", "cpu:0", "gpu:999"])
    def test_words_for_devices(self, word, saved):
        for ask in (lenet.load, lenet.train, lenet.test):
            with pytest.raises(UsageError, match=r"there is no device|no GPU"):
                ask(saved, device=word)

    def test_no_gpu(self, saved, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(UsageError, match="no GPU 'cuda': there is none"):
            lenet.load(saved, saved.with_suffix(".caffemodel"), device="cuda")


def _job():
    from importlib.resources import files

    from lenet.dialects.caffe.solver import read_solver
    from lenet.errors import Notes

    folder = files("lenet.models")
    settings = (
        ("net", f'"{folder.joinpath("lenet_train_test.prototxt")}"'),
        ("max_iter", "1"),
        ("test_interval", "0"),
        ("test_iter", "1"),
        ("random_seed", "3"),
    )
    return read_solver(str(folder.joinpath("lenet_solver.prototxt")), Notes(), settings)


class TestPrediction:
    def test_shapes_that_mean_the_same(self, trained, digits):
        images = digits[0]
        wanted = trained.net.predict(images[:3])
        assert wanted.shape == (3, 10)
        np.testing.assert_array_equal(trained.net.predict(images[:3, 0]), wanted)
        # one image alone goes another way through the matrix product: float32 rounding
        np.testing.assert_allclose(trained.net.predict(images[0, 0]), wanted[:1], rtol=0, atol=1e-6)
        np.testing.assert_allclose(trained.net.predict(images[0]), wanted[:1], rtol=0, atol=1e-6)

    def test_raw_samples_are_not_prepared(self, trained, digits):
        images = digits[0][:5]
        prepared = images.astype(np.float32) * np.float32(1 / 256)
        np.testing.assert_array_equal(trained.net.predict(prepared, raw=True), trained.net.predict(images))

    def test_more_than_a_batch(self, trained, digits):
        images = digits[0]
        # other batch sizes, other orders of sums
        np.testing.assert_allclose(
            trained.net.predict(images)[64:128], trained.net.predict(images[64:128]), rtol=0, atol=1e-6
        )

    def test_other_shapes_are_refused(self, trained):
        with pytest.raises(DataError, match="the network takes N x 1 x 28 x 28"):
            trained.net.predict(np.zeros((2, 3, 28, 28)))

    def test_activations(self, trained, digits):
        found = trained.net.activations(digits[0][:2])
        assert found["conv1"].shape == (2, 20, 24, 24)
        assert found["pool2"].shape == (2, 50, 4, 4)
        np.testing.assert_allclose(found["prob"].sum(axis=1), 1, atol=1e-6)
        with pytest.raises(UsageError, match="no blob 'conv9'"):
            trained.net.activations(digits[0][:2], blobs=["conv9"])

    def test_classify_a_file_and_an_array(self, trained, digits, tmp_path):
        pixels = digits[0][0, 0]
        Image.fromarray(pixels).save(tmp_path / "seven.png")
        from_file, from_array = trained.net.classify(tmp_path / "seven.png"), trained.net.classify(pixels)
        assert from_file == from_array
        assert len(from_file) == 5
        assert from_file[0].label == trained.net.predict(pixels).argmax()
        assert sum(answer.probability for answer in trained.net.classify(pixels, top=10)) == pytest.approx(1)

    def test_names_of_classes(self, trained, digits):
        named = trained.net.with_classes([f"digit {n}" for n in range(10)])
        answer = named.classify(digits[0][0, 0])[0]
        assert answer.name == f"digit {answer.label}"

    def test_detect_gives_places_of_the_image(self, trained, digits):
        page = np.zeros((60, 90), np.uint8)
        page[10:38, 50:78] = digits[0][0, 0]
        found = trained.net.detect(page, threshold=0.2)
        assert (found.height, found.width) == (60, 90)
        assert any(abs(box.top - 10) < 8 and abs(box.left - 50) < 8 for box in found.boxes)

    def test_detect_in_a_list_of_images(self, trained, digits, tmp_path):
        pages = [np.zeros(size, np.uint8) for size in ((40, 60), (40, 60), (50, 40), (40, 60))]
        for place, page in enumerate(pages):
            page[5 : 5 + 28, 2 + place : 2 + place + 28] = digits[0][place, 0]
        Image.fromarray(pages[1]).save(tmp_path / "second.png")
        found = trained.net.detect((pages[0], tmp_path / "second.png", *pages[2:]), threshold=0.2)
        alone = [trained.net.detect(page, threshold=0.2) for page in pages]
        assert [each.name for each in found] == ["image", "second.png", "image", "image"]
        for mine, theirs in zip(found, alone, strict=True):
            assert (mine.height, mine.width) == (theirs.height, theirs.width)
            assert [(box.top, box.left, box.label) for box in mine.boxes] == [
                (box.top, box.left, box.label) for box in theirs.boxes
            ]
        assert trained.net.detect([]) == []
        with pytest.raises(FileError, match="gone"):
            trained.net.detect([pages[0], tmp_path / "gone.png"])

    def test_arrays_that_cannot_be_written_to(self, trained, digits):
        images = digits[0][:2].astype(np.float32)
        images.flags.writeable = False
        np.testing.assert_array_equal(
            trained.net.predict(images, raw=True), trained.net.predict(images.copy(), raw=True)
        )
        page = np.zeros((30, 40), np.uint8)
        page.flags.writeable = False
        assert trained.net.detect(page).width == 40

    def test_a_module_for_torch(self, trained, digits):
        module = trained.net.torch()
        samples = torch.from_numpy(digits[0][:4].astype(np.float32) / 256)
        answers = module(samples)
        np.testing.assert_allclose(
            answers.detach().numpy(), trained.net.predict(digits[0][:4]), rtol=0, atol=1e-6
        )
        answers[:, 0].sum().backward()
        assert all(parameter.grad is not None for parameter in module.parameters())

    def test_the_state_of_a_module_has_the_layers_names(self, trained, digits):
        module = trained.net.torch()
        state = module.state_dict()
        layers = trained.net.weights.layers
        assert list(state) == [f"{layer}.{name}" for layer in layers for name in layers[layer]]
        np.testing.assert_array_equal(state["conv1.weight"].numpy(), trained.net.weights["conv1"]["weight"])
        samples = torch.from_numpy(digits[0][:4].astype(np.float32) / 256)
        before = module(samples)
        module.load_state_dict({name: torch.zeros_like(tensor) for name, tensor in state.items()})
        np.testing.assert_allclose(module(samples).detach().numpy(), 0.1)  # no class before another
        double = copy.deepcopy(trained.net.torch()).double()
        np.testing.assert_allclose(double(samples.double()).detach(), before.detach(), atol=1e-6)


class TestFiles:
    def test_save_and_load(self, trained, saved, digits):
        again = lenet.load(saved, saved.with_suffix(".caffemodel"))
        np.testing.assert_array_equal(again.predict(digits[0][:5]), trained.net.predict(digits[0][:5]))
        assert again.preprocessing == trained.net.preprocessing

    def test_nothing_is_replaced(self, trained, saved):
        before = saved.read_bytes()
        with pytest.raises(FileError, match="is there already"):
            trained.net.save(saved)
        assert saved.read_bytes() == before

    @pytest.mark.parametrize("suffix", [".onnx", ".pt", ".keras", ".safetensors", ".prototxt"])
    def test_what_is_written_is_run_beside_the_network(self, trained, suffix, tmp_path):
        with pytest.raises(DescriptionError, match="nothing was written"):
            trained.net.save(tmp_path / f"net{suffix}", tolerance=-1)
        assert list(tmp_path.iterdir()) == []
        written = trained.net.save(tmp_path / f"net{suffix}")
        assert sorted(tmp_path.iterdir()) == sorted(written)

    def test_a_network_without_weights(self, saved):
        with pytest.raises(WeightsError, match="without weights"):
            lenet.load(saved)

    def test_test_reads_the_test_data(self, trained, saved):
        scores = lenet.test(
            ROOT / "examples/caffe-lenet/lenet_train_test.prototxt",
            saved.with_suffix(".caffemodel"),
            batches=5,
        )
        images, labels = mnist_arrays("test")  # five batches of 100
        assert scores["accuracy"] == pytest.approx(trained.net.accuracy(images[:500], labels[:500]), abs=1e-6)

    def test_test_answers_a_validation_set(self, tmp_path):
        conf = ROOT / "examples/eblearn-mnist/mnist.conf"
        sizes = {"train_size": 20, "val_size": 10, "save_weights": 0, "ndiaghessian": 5, "iterations": 1}
        net = lenet.train(conf, settings=sizes).net
        net.save(tmp_path / "small.conf")
        scores = lenet.test(conf, tmp_path / "small.mat", settings={"val_size": 50})
        images, labels = mnist_arrays("test")
        answers = net.predict(images[:50]).reshape(50, -1).argmax(axis=1)
        assert scores["accuracy"] == pytest.approx((answers == labels[:50]).mean())

    @pytest.mark.parametrize("wrong", [{"batches": 0}, {"settings": {"a": 1}}, {"weights": None}])
    def test_what_cannot_be_tested(self, saved, wrong):
        with pytest.raises(UsageError):
            lenet.test(saved, **{"weights": saved.with_suffix(".caffemodel"), **wrong})

    def test_a_notebook_sees_layers_and_filters(self, trained):
        assert "431,080" in repr(trained.net)
        assert '<img width="480" src="data:image/png;base64,' in trained.net._repr_html_()


class TestMisuse:
    @pytest.mark.parametrize("given", [3, b"lenet.prototxt", ["lenet.prototxt"], 0.5])
    def test_what_is_no_name_of_a_file(self, trained, given):
        asks = (lenet.train, lenet.test, lenet.load, trained.net.save)
        for ask in (*asks, lambda name: lenet.load("x", name), lambda name: lenet.test("x", name)):
            with pytest.raises(UsageError, match=r"is no name of a file") as raised:
                ask(given)
            assert raised.value.message == f"{given!r} is no name of a file"

    @pytest.mark.parametrize("threshold", [None, 0.2])
    def test_a_threshold_is_for_one_call(self, trained, digits, threshold):
        page = np.zeros((60, 90), np.uint8)
        page[10:38, 50:78] = digits[0][0, 0]
        alone = lenet.LoadedNet(trained.net.model)
        wanted = alone.detect(page, threshold=threshold)
        trained.net.detect(page, threshold=0.5)
        assert trained.net.detect(page, threshold=threshold) == wanted

    def test_nothing_beside_the_target_is_replaced(self, trained, tmp_path):
        (tmp_path / "net.caffemodel").write_bytes(b"mine")
        with pytest.raises(FileError, match="is there already"):
            trained.net.save(tmp_path / "net.prototxt")
        assert [path.name for path in tmp_path.iterdir()] == ["net.caffemodel"]
        assert (tmp_path / "net.caffemodel").read_bytes() == b"mine"

    def test_an_unknown_suffix(self, trained, tmp_path):
        with pytest.raises(UsageError, match="does not say which system"):
            trained.net.save(tmp_path / "net.foo")

    @pytest.mark.parametrize("samples", [np.zeros((0, 1, 28, 28)), None, "abc", np.zeros((2, 5))])
    def test_what_is_no_sample(self, trained, samples):
        with pytest.raises(DataError):
            trained.net.predict(samples)

    def test_labels_of_another_number(self, trained, digits):
        with pytest.raises(DataError, match="5 answers and labels"):
            trained.net.accuracy(digits[0][:5], digits[1][:4])

    def test_what_is_no_image(self, trained):
        with pytest.raises(DataError, match="no image"):
            trained.net.classify(np.zeros((0, 28), np.uint8))

    def test_how_many_classes(self, trained, digits):
        with pytest.raises(UsageError, match="top is 0"):
            trained.net.classify(digits[0][0, 0], top=0)

    def test_one_blob_by_its_name(self, trained, digits):
        assert list(trained.net.activations(digits[0][:1], blobs="ip1")) == ["ip1"]


class TestWeights:
    def test_they_cannot_be_changed_in_place(self, trained):
        with pytest.raises(ValueError, match="read-only"):
            trained.net.weights["ip2"]["bias"][0] = 1

    def test_others_give_other_answers(self, trained, digits):
        bias = np.zeros(10, np.float32)
        bias[3] = 1000
        changed = trained.net.with_weights({"ip2": {"bias": bias}})
        assert set(changed.predict(digits[0][:20]).argmax(axis=1)) == {3}
        assert set(trained.net.predict(digits[0][:20]).argmax(axis=1)) != {3}

    @pytest.mark.parametrize(
        "changes", [{"ip9": {"bias": 0}}, {"ip2": {"bios": 0}}, {"ip2": {"bias": [1, 2]}}]
    )
    def test_changes_that_cannot_be(self, trained, changes):
        with pytest.raises(WeightsError):
            trained.net.with_weights(changes)
