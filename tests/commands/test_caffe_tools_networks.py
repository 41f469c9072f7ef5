"""Caffe's tools that use a trained network: the same arguments, and what Caffe recorded."""

import re
from pathlib import Path

import numpy as np
import pytest

import lenet.pycaffe as caffe
from lenet.cli.caffe_classification import brightness, prepared
from lenet.data.database import open_database, write_database
from lenet.errors import DataError, DescriptionError, FileError, UsageError
from lenet.formats.blob import read_blob, write_blob
from lenet.formats.datum import read_datum

EXAMPLES = Path(__file__).parents[2] / "examples" / "caffe-lenet"
GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "caffe"
needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason="Caffe's recorded weights of 10,000 iterations are not beside this checkout"
)

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [64, 1, 28, 28] } } }\n'
PROBABILITIES = 'layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }\n'
TRAINING = """layer {{ name: "data" type: "Data" top: "data" top: "label"
  data_param {{ source: "{source}" batch_size: 4 backend: LMDB }} }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ num_output: 2 kernel_size: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param {{ num_output: 5 weight_filler {{ type: "xavier" }} }} }}
"""


@pytest.fixture
def trained(tmp_path):
    """A network with 6 images of data, and its weights."""
    rng = np.random.default_rng(1)
    images = [(rng.integers(0, 256, (1, 5, 4)).astype(np.uint8), label) for label in range(6)]
    write_database(str(tmp_path / "images"), "lmdb", images)
    model, weights = tmp_path / "train.prototxt", tmp_path / "w.caffemodel"
    model.write_text(TRAINING.format(source=tmp_path / "images"))
    caffe.Net(str(model), caffe.TEST).save(str(weights))
    return weights, model


@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
def test_features_of_several_blobs(backend, lenet, tmp_path, trained):
    if backend == "leveldb":
        pytest.importorskip("plyvel")
    targets = f"{tmp_path / 'conv'},{tmp_path / 'ip'},{tmp_path / 'label'}"
    result = lenet("caffe", "extract_features.bin", *trained, "conv,ip,label", targets, 2, backend, "CPU")
    assert result.code == 0, result.err
    net = caffe.Net(str(trained[1]), caffe.TEST, weights=str(trained[0]))
    batches = []
    for _ in range(2):
        found = net.forward(["conv", "ip", "label"])
        batches.append({name: array.copy() for name, array in found.items()})
    for name, shape in (("conv", (2, 3, 2)), ("ip", (5, 1, 1)), ("label", (1, 1, 1))):
        with open_database(str(tmp_path / name), backend) as database:
            records = list(database.records())
        assert [key for key, _ in records] == [b"%010d" % index for index in range(8)]
        datums = [read_datum(value) for _, value in records]
        assert {(datum.shape, datum.encoded, datum.data, datum.label) for datum in datums} == {
            (shape, False, b"", 0)
        }
        found = np.stack([datum.image() for datum in datums])
        wanted = np.concatenate([batch[name] for batch in batches]).reshape(found.shape)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)  # other batches, other sums
        assert f"Extracted features of 8 query images for feature blob {name}" in result.err
    assert "] Successfully extracted the features!" in result.err


@needs_golden
def test_features_are_those_of_caffe(lenet, tmp_path):
    words = (GOLDEN / "lenet_10k.caffemodel", EXAMPLES / "lenet_train_test.prototxt")
    targets = f"{tmp_path / 'ip2'},{tmp_path / 'label'}"
    result = lenet("caffe", "extract_features", *words, "ip2,label", targets, 1, "lmdb")
    assert result.code == 0, result.err
    recorded = (GOLDEN / "text" / "extract_features.txt").read_text().splitlines()[2:]
    lines = [line.partition("] ")[2] for line in recorded]
    assert [line.partition("] ")[2] for line in result.err.splitlines()[-len(lines) :]] == lines
    for name, tolerance in (("ip2", 1e-5), ("label", 0)):  # float32 sums of 500 products in another order
        with np.load(GOLDEN / "formats" / f"extract_features_{name}.npz") as wanted:
            with open_database(str(tmp_path / name)) as database:
                records = list(database.records())
            assert [key.decode() for key, _ in records] == wanted["keys"].tolist()
            assert len(records[0][1]) == len(wanted["raw0"])
            for index, (_, value) in enumerate(records):
                found = np.frombuffer(read_datum(value).floats, "<f4")
                np.testing.assert_allclose(found, wanted[f"float_data/{index}"], rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("blobs", "code", "message"),
    [
        ("ip9", UsageError.exit_code, "the network has no blob 'ip9'\n  hint: did you mean 'ip'?"),
        ("", UsageError.exit_code, "the network has no blob ''"),
    ],
)
def test_unknown_blobs(blobs, code, message, lenet, tmp_path, trained):
    result = lenet("caffe", "extract_features", *trained, blobs, tmp_path / "db", 1, "lmdb")
    assert (result.code, message in result.err) == (code, True), result.err
    assert not (tmp_path / "db").exists()


def test_features_that_cannot_be_extracted(lenet, tmp_path, trained, colour):
    weights, model = trained

    def refused(code, message, *words):
        result = lenet("caffe", "extract_features", *words)
        assert (result.code, message in result.err) == (code, True), result.err
        assert not (tmp_path / "db").exists()

    rest = ("ip", tmp_path / "db", 1, "lmdb")
    refused(DescriptionError.exit_code, "an input that the user fills", colour[1], colour[0], *rest)
    refused(FileError.exit_code, "this is text", model, model, *rest)
    refused(FileError.exit_code, "nope", weights, tmp_path / "nope", *rest)
    refused(FileError.exit_code, "it exists already", weights, model, "ip", tmp_path / "images", 1, "lmdb")
    data = tmp_path / "images" / "data.mdb"
    data.write_bytes(data.read_bytes()[:9000])
    refused(FileError.exit_code, "images", weights, model, *rest)


# classification


def test_a_picture_on_its_way_into_the_network():
    pixels = np.random.default_rng(2).integers(0, 256, (4, 4, 4)).astype(np.uint8)
    mean = np.array([1.0, 2.0, 3.0], np.float32)
    found = prepared(pixels, (3, 4, 4), mean)
    np.testing.assert_array_equal(found, (pixels[..., 2::-1] - mean).transpose(2, 0, 1))
    grey = prepared(pixels[..., 0], (3, 4, 4), mean)
    np.testing.assert_array_equal(grey[2], pixels[..., 0] - np.float32(3))
    single = prepared(pixels[..., :3], (1, 4, 4), mean[:1])
    luma = np.rint(pixels[..., :3] @ np.array([0.299, 0.587, 0.114]))
    assert np.abs(single[0] + 1 - luma).max() <= 1
    assert brightness(np.full((1, 1, 3), 77, np.uint8)) == 77


def test_classification_prints_the_five_likeliest(lenet, tmp_path, colour, picture):
    write_blob(tmp_path / "mean", np.full((3, 8, 8), 100.0))
    (tmp_path / "names").write_text("".join(f"n0{index} class {index}\n" for index in range(6)))
    words = (*colour, tmp_path / "mean", tmp_path / "names", picture)
    result = lenet("caffe", "classification", *words)
    assert result.code == 0, result.err
    title, *lines = result.out.splitlines()
    assert title == f"---------- Prediction for {picture} ----------"
    found = [re.fullmatch(r'(\d\.\d{4}) - "n0(\d) class \2"', line).groups() for line in lines]
    scores = [float(score) for score, _ in found]
    assert len(found) == 5
    assert scores == sorted(scores, reverse=True)
    net = caffe.Net(str(colour[0]), caffe.TEST, weights=str(colour[1]))
    from lenet.formats.image import read_image

    net.blobs["data"].data[0] = prepared(read_image(picture), (3, 8, 8), np.full(3, 100, np.float32))
    wanted = net.forward()["prob"][0]
    assert [int(index) for _, index in found] == (-wanted).argsort()[:5].tolist()
    np.testing.assert_allclose(scores, np.sort(wanted)[::-1][:5], atol=6e-5)  # four decimals


@needs_golden
def test_classification_is_that_of_caffe(lenet, tmp_path):
    """Scores are exactly 0 for nine digits: in what order these come, Caffe leaves to its sorting."""
    write_blob(tmp_path / "mean", np.zeros((1, 28, 28)))
    (tmp_path / "names").write_text("".join(f"digit {index}\n" for index in range(10)))
    image = GOLDEN / "text" / "t10k_0.png"
    training = (EXAMPLES / "lenet_train_test.prototxt").read_text()
    layers = training[
        training.index('layer {\n  name: "conv1"') : training.index('layer {\n  name: "accuracy"')
    ]
    (tmp_path / "lenet.prototxt").write_text(INPUT + layers + PROBABILITIES)
    words = (GOLDEN / "lenet_10k.caffemodel", tmp_path / "mean", tmp_path / "names", image)
    result = lenet("caffe", "classification.bin", tmp_path / "lenet.prototxt", *words)
    assert result.code == 0, result.err
    recorded = (GOLDEN / "text" / "cpp_classification.txt").read_text().splitlines()
    assert result.out.splitlines()[1] == recorded[1] == '1.0000 - "digit 7"'
    assert [line[:9] for line in result.out.splitlines()[1:]] == [line[:9] for line in recorded[1:]]


@pytest.mark.parametrize(
    ("wrong", "content", "message"),
    [
        ("names", b"one\ntwo\n", "has 2 names, the network has 6 classes"),
        ("names", b"\xff\xfe", "is no UTF-8 text"),
        ("mean", b"\x08\x01", "this is no mean image"),
        ("picture.png", b"text", "this is no image"),
        ("w.caffemodel", b"", "w.caffemodel"),
        (
            "deploy.prototxt",
            b'layer { name: "a" type: "DummyData" top: "a" dummy_data_param { shape { dim: 1 } } }',
            "one input is wanted, there are: none",
        ),
    ],
)
def test_wrong_files_for_classification(wrong, content, message, lenet, tmp_path, colour, picture):
    write_blob(tmp_path / "mean", np.zeros((3, 8, 8)))
    (tmp_path / "names").write_text("a\n" * 6)
    (tmp_path / wrong).write_bytes(content)
    result = lenet("caffe", "classification", *colour, tmp_path / "mean", tmp_path / "names", picture)
    assert result.code != 0
    assert message in result.err
    assert result.out == ""


def test_a_mean_of_other_channels(lenet, tmp_path, colour, picture):
    write_blob(tmp_path / "mean", np.zeros((1, 8, 8)))
    assert read_blob(tmp_path / "mean").shape == (1, 1, 8, 8)
    (tmp_path / "names").write_text("a\n" * 6)
    result = lenet("caffe", "classification", *colour, tmp_path / "mean", tmp_path / "names", picture)
    assert result.code == DataError.exit_code
    assert "the mean image is 1 x 8 x 8, the network's input has 3 channels" in result.err
