"""Files that are broken, made to harm, or of something else: one clear error each, and nothing is run."""

import contextlib
import io
import json
import multiprocessing
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_networks import read_quietly

from lenet.dialects import recognise
from lenet.dialects.keras.contents import content_of
from lenet.dialects.keras.model import read_model, write_model
from lenet.errors import (
    DescriptionError,
    FileError,
    LenetError,
    MissingExtra,
    Notes,
    UsageError,
    WeightsError,
)
from lenet.formats import hdf5_apart
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.layer import Input
from lenet.layers.normalization import LRN
from lenet.model import Model
from lenet.net import Net, Node
from lenet.weights import Weights


def model(outputs=3, kind=None):
    nodes = [
        Node("data", Input(((1, 2, 5, 5),)), (), ("data",)),
        Node("conv", Convolution(4, (3,)), ("data",), ("conv",)),
        Node("ip", kind or Dense(outputs), ("conv",), ("ip",)),
    ]
    net, draw = Net("small", tuple(nodes)), np.random.default_rng(0)
    layers = {
        node.name: {name: draw.normal(size=p.shape).astype("f") for name, p in shapes.parameters.items()}
        for node, shapes in zip(nodes, net.shapes(), strict=True)
    }
    return Model(net, Weights(layers))


@pytest.fixture
def files(tmp_path):
    """A model in each of its forms."""
    for name in ("net.keras", "net.h5", "net.json"):
        write_model(model(), tmp_path / name, Notes())
    (tmp_path / "net.weights.h5").rename(tmp_path / "only.weights.h5")
    return tmp_path


class OneProcess:
    """The library in one other process for many files; one that a file ends is followed by another."""

    def __init__(self):
        self.pool = self.new()

    def new(self):
        return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def asked(self, question, seconds):
        try:
            return self.pool.submit(hdf5_apart.answer_to, question).result(seconds)
        except BrokenProcessPool:
            self.pool = self.new()
            return b""


@pytest.fixture(scope="module")
def one_process():
    process, own = OneProcess(), hdf5_apart._asked
    hdf5_apart._asked = process.asked
    yield process
    hdf5_apart._asked = own
    process.pool.shutdown()


def config_of(path):
    return json.loads(zipfile.ZipFile(path).read("config.json"))


def archive(path, config=None, weights=None, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("metadata.json", '{"keras_version": "3.8.0"}')
        if config is not None:
            file.writestr("config.json", config if isinstance(config, bytes) else json.dumps(config))
        if weights is not None:
            file.writestr("model.weights.h5", weights)
        for name, data in more.items():
            file.writestr(name, data)
    return path


def refused(path, error, words, **given):
    with pytest.raises(error) as caught:
        read_model(path, Notes(), **given)
    assert words in str(caught.value)
    assert str(path) in str(caught.value.where)


def test_what_a_file_holds(files):
    found = {path.name: content_of(path) for path in files.iterdir()}
    assert found == {
        "net.keras": "archive",
        "net.h5": "model",
        "net.json": "description",
        "only.weights.h5": "weights",
    }
    for name in found:
        assert recognise(files / name).name == "keras"
    assert recognise("lenet.caffemodel.h5").name == "caffe"
    (files / "other").write_text("{}")
    assert content_of(files / "other") is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("name", ["net.keras", "net.h5", "net.json"])
def test_truncated_anywhere(files, one_process, name, data):
    whole = (files / name).read_bytes()
    size = data.draw(st.integers(0, len(whole) - 1), "size")
    (files / f"cut-{name}").write_bytes(whole[:size])
    with pytest.raises(LenetError):
        read_model(files / f"cut-{name}", Notes())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 20_000), byte=st.integers(0, 255))
@pytest.mark.parametrize("name", ["net.keras", "net.h5", "net.json"])
def test_a_wrong_byte_is_an_error_or_nothing(files, one_process, name, place, byte):
    changed = bytearray((files / name).read_bytes())
    changed[place % len(changed)] = byte
    (files / f"changed-{name}").write_bytes(changed)
    try:
        read_model(files / f"changed-{name}", Notes())
    except LenetError as error:
        assert error.message  # noqa: PT017


WRONG = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), wrong=WRONG)
def test_wrong_values_anywhere_in_the_description(files, data, wrong):
    """Every setting replaced by something else: an error with a message, or the setting means nothing."""
    config = config_of(files / "net.keras")
    here = config
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(here[key], dict | list) and here[key]) or data.draw(st.booleans()):
            break
        here = here[key]
    here[key] = wrong
    try:
        read_model(archive(files / "odd.keras", config), Notes())
    except LenetError as error:
        assert error.message  # noqa: PT017


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"class_name": "Lambda"}, "layer 'conv' (Lambda) is code in the file, which is never run"),
        ({"class_name": "Swirl"}, "layer 'conv' (Swirl): such a layer is not known here"),
        ({"class_name": "conv2d"}, "did you mean 'Conv2D'"),
        ({"module": "mine.layers", "registered_name": "mine>Conv2D"}, "is a custom object, 'mine>Conv2D'"),
        ({"class_name": "mine>Conv"}, "is a custom object, 'mine>Conv'"),
        ({"module": "builtins", "class_name": "exec"}, "custom object"),
        ({"config": {"name": "conv", "kernel_size": 3}}, "layer 'conv' (Conv2D): filters is missing"),
        ({"config": {"name": "conv", "filters": -1, "kernel_size": 3}}, "filters is -1, it must be"),
        ({"config": {"name": "conv", "filters": 1, "kernel_size": 30}}, "larger than its input"),
        ({"config": {"name": "conv", "filters": 1, "kernel_size": 3, "activation": "zigzag"}}, "'zigzag'"),
        ({"config": {"name": "conv", "filters": 1, "kernel_size": 3, "padding": "reflect"}}, "'reflect'"),
    ],
)
def test_layers_that_are_refused(files, change, words):
    config = config_of(files / "net.keras")
    config["config"]["layers"][1] |= change
    refused(archive(files / "odd.keras", config), DescriptionError, words)


def test_custom_activation(files):
    config = config_of(files / "net.keras")
    custom = {"module": "mine", "class_name": "function", "config": "spin", "registered_name": "spin"}
    config["config"]["layers"][1]["config"]["activation"] = custom
    refused(archive(files / "odd.keras", config), DescriptionError, "custom object, 'spin'")


def test_archives_made_to_harm(files):
    config = config_of(files / "net.keras")
    bomb = archive(files / "bomb.keras", config, bytes(70 << 20))
    assert bomb.stat().st_size < 1 << 20
    refused(bomb, FileError, "would unpack to 73400320 bytes")
    refused(archive(files / "up.keras", config, **{"../../evil": "x"}), FileError, "leads out of the archive")
    refused(
        archive(files / "root.keras", config, **{"/etc/evil": "x"}), FileError, "leads out of the archive"
    )
    with zipfile.ZipFile(files / "two.keras", "w") as file:
        file.writestr("config.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("config.json", "{}")
    refused(files / "two.keras", FileError, "there twice")
    refused(archive(files / "deep.keras", b"[" * 100_000), FileError, "config.json")
    refused(archive(files / "list.keras", b"[]"), FileError, "not of a model")
    refused(archive(files / "words.keras", b"\xff\xfe{"), FileError, "config.json")


@pytest.mark.parametrize("packing", ["STORED", "DEFLATED", "BZIP2", "LZMA"])
def test_broken_members(files, packing):
    """Whatever a zip may pack with: a damaged member is an error."""
    path = files / "packed.keras"
    with (
        zipfile.ZipFile(files / "net.keras") as old,
        zipfile.ZipFile(path, "w", getattr(zipfile, f"ZIP_{packing}")) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert read_quietly(path)[0].net.nodes
    data = path.read_bytes()
    for place in range(60, 160, 7):  # within the first member, behind its header
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        with contextlib.suppress(FileError):
            read_model(path, Notes())


def external(group, file, outside):
    group["bias"] = h5py.ExternalLink(outside, "/numbers")


def soft(group, file, outside):
    group["bias"] = h5py.SoftLink("/model_weights/ip/ip/bias")


def circle(group, file, outside):
    group["bias"] = file["/"]


def elsewhere(group, file, outside):
    group.create_dataset("bias", (4,), "f4", external=[(outside, 0, 16)])


def huge(group, file, outside):
    group.create_dataset("bias", (1 << 40,), "f4", chunks=(1 << 16,), compression="gzip")


def empty(group, file, outside):
    group.create_dataset("bias", (1 << 40,), "f4")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (external, "is a link to another file"),
        (soft, "is a link to another place"),
        (circle, "more than 64 groups within each other"),
        (elsewhere, "keeps its numbers in other files"),
        (huge, "unpacks to more than such a file can hold"),
        (empty, "was the file written to its end?"),
    ],
)
def test_hdf5_made_to_harm(files, change, words):
    with h5py.File(files / "secret.h5", "w") as file:
        file["numbers"] = np.zeros(3)
    with h5py.File(files / "net.h5", "a") as file:
        group = file["model_weights/conv/conv"]
        del group["bias"]
        change(group, file, str(files / "secret.h5"))
    refused(files / "net.h5", FileError, words)


def test_weights_of_another_model(files):
    write_model(model(outputs=5), files / "other.keras", Notes())
    write_model(model(outputs=5), files / "other.h5", Notes())
    write_model(model(outputs=7), files / "x.weights.h5", Notes())
    for name in ("other.keras", "other.h5", "x.weights.h5"):
        with pytest.raises(WeightsError, match=r"layer 'ip' \(Dense\).*the network wants 3 x 36"):
            read_model(files / "net.json", Notes(), weights=files / name)


def test_no_description_or_no_weights(files):
    refused(files / "only.weights.h5", FileError, "holds weights and no description")
    found, notes = read_quietly(files / "net.json")
    assert found.weights.layers == {}
    assert any("holds no weights" in str(note) for note in notes)
    with pytest.raises(WeightsError, match="has no weights"):
        write_model(found, files / "new.keras", Notes())
    assert not (files / "new.keras").exists()
    (files / "empty.keras").write_bytes(b"")
    refused(files / "empty.keras", FileError, "no whole file of Keras'")
    refused(files / "none.keras", FileError, "there is no such file")


def test_description_and_weights_beside_each_other(tmp_path):
    names = [path.name for path in write_model(model(), tmp_path / "pair.weights.h5", Notes())]
    assert names == ["pair.json", "pair.weights.h5"]
    for name in names:
        found, notes = read_quietly(tmp_path / name)
        assert list(found.weights.layers) == ["conv", "ip"]
        assert any("beside it" in str(note) for note in notes)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(DescriptionError, match=r"layer 'ip' \(LRN\): Keras has no such layer"):
        write_model(model(kind=LRN(3, 1.0, 0.75, 1.0, "across")), tmp_path / "out.keras", Notes())
    with pytest.raises(UsageError, match="no form with this suffix"):
        write_model(model(), tmp_path / "out.onnx", Notes())
    with pytest.raises(FileError, match="no such file or directory"):
        write_model(model(), tmp_path / "nowhere" / "out.keras", Notes())
    assert list(tmp_path.iterdir()) == []


def test_open_sizes(files):
    config = config_of(files / "net.keras")
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, None, None, 2]
    refused(archive(files / "open.keras", config), DescriptionError, "? x ? x ? x 2, leaves sizes open")
    model, _ = read_quietly(files / "open.keras", sample=(2, 5, 5))
    assert model.net.nodes[0].kind.shapes == ((1, 2, 5, 5),)
    refused(files / "open.keras", DescriptionError, "samples of 5 x 5 x 3 do not fit", sample=(3, 5, 5))


def test_without_h5py(files, monkeypatch):
    """What h5py writes plainly is read without it; other HDF5 is not, and none is written."""
    with h5py.File(files / "net.h5") as old, h5py.File(files / "new.h5", "w", track_order=True) as new:
        new.attrs.update(old.attrs)
        old.copy("model_weights", new)
        for index in range(20):  # so many names lie in a heap
            new[f"number {index}"] = index
    monkeypatch.setitem(sys.modules, "h5py", None)
    for name in ("net.keras", "net.h5", "net.json"):
        assert read_model(files / name, Notes()).net.nodes
    with pytest.raises(MissingExtra, match="h5py") as caught:
        read_model(files / "new.h5", Notes())
    assert "pip install 'lenet[hdf5]'" in str(caught.value)
    with pytest.raises(MissingExtra, match="h5py"):
        write_model(model(), files / "written.keras", Notes())


def test_what_is_written_is_the_same_every_time(files):
    write_model(model(), files / "again.keras", Notes())
    assert (files / "again.keras").read_bytes() == (files / "net.keras").read_bytes()
    found, _ = read_quietly(files / "net.keras")
    memory = io.BytesIO((files / "net.keras").read_bytes())
    assert zipfile.ZipFile(memory).namelist() == ["metadata.json", "config.json", "model.weights.h5"]
    for name, arrays in model().weights.layers.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(found.weights[name][key], array)
