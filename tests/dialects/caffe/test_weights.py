"""Weights and solver states: Caffe's recorded files, written and read again, damaged and mixed up."""

import json
import math
import sys
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lenet.checkpoint import Place, SolverState
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.schema import new_message, schema
from lenet.dialects.caffe.weights import read_state, read_weights, write_state, write_weights
from lenet.errors import FileError, LenetError, MissingExtra, Notes, WeightsError
from lenet.formats.protobuf import write_binary
from lenet.layers import Dense, Input
from lenet.net import Net, Node, ParameterUse, State
from lenet.weights import Weights

HERE = Path(__file__).parent
ORACLE = HERE.parents[1] / "oracle" / "caffe"
SHARED = HERE.parents[3] / "shared"
GOLDEN = SHARED / "golden" / "caffe" / "train"
TINY = ORACLE / "solver" / "tiny_init.caffemodel"
LENET = HERE / "lenet_train_test.prototxt"
needs_recordings = pytest.mark.skipif(not GOLDEN.exists(), reason="needs the recordings beside the checkout")
ENDINGS = ["", ".h5"]


def tiny():
    return read_net(ORACLE / "solver" / "tiny_net.prototxt", Notes()).select(State("train"))


def lenet(phase="train"):
    return read_net(LENET, Notes()).select(State(phase))


def some_weights(net, shapes):
    random = np.random.default_rng(0)
    layers = {node.name: {} for node in net.nodes}
    for name, its in shapes.items():
        layers[name] = {key: random.normal(size=shape).astype(np.float32) for key, shape in its.items()}
    return Weights(layers)


LENET_SHAPES = {
    "conv1": {"weight": (20, 1, 5, 5), "bias": (20,)},
    "conv2": {"weight": (50, 20, 5, 5), "bias": (50,)},
    "ip1": {"weight": (500, 800), "bias": (500,)},
    "ip2": {"weight": (10, 500), "bias": (10,)},
}


def equal(first, second):
    return list(first) == list(second) and all(
        list(first[name].values()) == []
        or all(map(np.array_equal, first[name].values(), second[name].values()))
        for name in first
    )


def layout(path):
    """What Google's own reader sees of every layer."""
    message = schema().message_class("NetParameter").FromString(Path(path).read_bytes())
    return message.name, [
        (
            layer.name,
            layer.type,
            list(layer.bottom),
            list(layer.top),
            layer.phase,
            list(layer.loss_weight),
            [(param.lr_mult, param.decay_mult) for param in layer.param],
            [(list(blob.shape.dim), list(blob.data), blob.HasField("num")) for blob in layer.blobs],
        )
        for layer in message.layer
    ]


def test_recorded_weights_are_read():
    weights = read_weights(TINY, Notes())
    shapes = {name: {key: array.shape for key, array in its.items()} for name, its in weights.layers.items()}
    assert shapes == {
        "d": {},
        "conv": {"weight": (3, 2, 3, 3), "bias": (3,)},
        "relu": {},
        "ip": {"weight": (4, 12), "bias": (4,)},
        "loss": {},
    }
    assert weights["conv"]["bias"] == pytest.approx([0.1] * 3)  # its constant filler, as float32
    assert weights.where.file == str(TINY)
    assert all(array.flags.writeable for its in weights.layers.values() for array in its.values())


def test_the_layout_of_weights_is_caffes(tmp_path):
    path = tmp_path / "x.caffemodel"
    write_weights(path, tiny(), read_weights(TINY, Notes()))
    assert layout(path) == layout(TINY)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.caffemodel"]


def test_splits_are_written_with_caffes_names(tmp_path):
    path = tmp_path / "x.caffemodel"
    net = lenet("test")
    write_weights(path, net, some_weights(net, LENET_SHAPES))
    _, layers = layout(path)
    recorded = json.loads((ORACLE / "nets" / "lenet_train_test.TEST.json").read_text())["layers"]
    assert [[layer[0], layer[1], layer[2], layer[3], [blob[0] for blob in layer[7]]] for layer in layers] == [
        [layer[key] for key in ("name", "type", "bottoms", "tops", "params")] for layer in recorded
    ]
    assert {layer[4] for layer in layers} == {1}  # phase TEST


@needs_recordings
def test_the_layout_of_a_snapshot_is_caffes(tmp_path):
    recorded = GOLDEN / "sgd" / "sgd_iter_100.caffemodel"
    path = tmp_path / "x.caffemodel"
    write_weights(path, lenet(), read_weights(recorded, Notes()))
    assert layout(path) == layout(recorded)


@needs_recordings
def test_recorded_hdf5_files_are_read_and_written_alike(tmp_path):
    folder = GOLDEN / "sgd_hdf5"
    weights = read_weights(folder / "sgd_hdf5_iter_100.caffemodel.h5", Notes())
    state = read_state(folder / "sgd_hdf5_iter_100.solverstate.h5")
    assert (state.iteration, state.stage, len(state.history)) == (100, 0, 8)
    write_weights(tmp_path / "x.caffemodel.h5", lenet(), weights)
    write_state(tmp_path / "x.solverstate.h5", state)
    assert contents(tmp_path / "x.caffemodel.h5") == contents(folder / "sgd_hdf5_iter_100.caffemodel.h5")
    assert contents(tmp_path / "x.solverstate.h5") == contents(folder / "sgd_hdf5_iter_100.solverstate.h5")


def contents(path):
    """Every group and array of an HDF5 file: name, type, shape, bytes."""
    found = {}

    def add(name, item):
        is_array = isinstance(item, h5py.Dataset)
        found[name] = (str(item.dtype), item.shape, np.asarray(item[()]).tobytes()) if is_array else None

    with h5py.File(path) as file:
        file.visititems(add)
    return found


@needs_recordings
def test_weights_of_2014_are_read():
    folder = SHARED / "models" / "caffe" / "lenet_v1"
    notes = Notes()
    weights = read_weights(folder / "lenet_iter_10000.caffemodel", notes)
    assert weights["ip1"]["weight"].shape == (1, 1, 500, 800)
    fitted = weights.fitted(LENET_SHAPES)
    assert {
        name: {key: array.shape for key, array in its.items()} for name, its in fitted.items()
    } == LENET_SHAPES
    assert any("V1" in note.message for note in notes)
    assert read_state(folder / "lenet_iter_10000.solverstate").iteration == 10000


@pytest.mark.parametrize("version", ["V0", "V1"])
def test_old_versions_are_read(tmp_path, version):
    """Four axes for every blob, numbers for types, and V0's layer inside its layer."""
    net = new_message("NetParameter")
    layer = net.add_message("layers")
    inner = layer.add_message("layer") if version == "V0" else layer
    inner.add("name", "ip")
    inner.add("type", "innerproduct" if version == "V0" else "INNER_PRODUCT")
    if version == "V0":
        inner.add("num_output", 2)
    for shape, data in (((1, 1, 2, 3), range(6)), ((1, 1, 1, 2), range(2))):
        blob = inner.add_message("blobs")
        for name, size in zip(("num", "channels", "height", "width"), shape, strict=True):
            blob.add(name, size)
        blob.add("data", np.array(data, np.float32))
    path = tmp_path / "old"
    path.write_bytes(write_binary(net, schema()))
    fitted = read_weights(path, Notes()).fitted({"ip": {"weight": (2, 3), "bias": (2,)}})
    assert fitted["ip"]["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


def one_blob(**fields):
    """A caffemodel of one layer with one blob."""
    net = new_message("NetParameter")
    layer = net.add_message("layer")
    layer.add("name", "s")
    layer.add("type", "Scale")
    blob = layer.add_message("blobs")
    if "dim" in fields:
        shape = blob.add_message("shape")
        for size in fields.pop("dim"):
            shape.add("dim", size)
    for name, value in fields.items():
        blob.add(name, value)
    return write_binary(net, schema())


def test_doubles_are_read(tmp_path):
    (tmp_path / "x").write_bytes(one_blob(dim=[2], double_data=np.array([math.pi, 1])))
    array = read_weights(tmp_path / "x", Notes())["s"]["weight"]
    assert array.dtype == np.float64
    assert array.tolist() == [math.pi, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b'name: "LeNet" layer { }', "this is text, weights are binary"),
        (bytes(range(255, 0, -1)), "damaged"),
        (TINY.read_bytes()[:700], "truncated"),
        (one_blob(dim=[3], data=np.zeros(2, np.float32)), "layer 's', weight: the shape is 3"),
        (one_blob(dim=[-1], data=np.zeros(1, np.float32)), "the shape is -1"),
        (one_blob(dim=[2**40, 2**40], data=np.zeros(1, np.float32)), "which is not the 1 numbers"),
        (one_blob(dim=[0]), "holds no weights"),
        (bytes([8, 100, 18, 1, 65]), "this is a solver's state"),
    ],
)
def test_what_is_no_weights(tmp_path, content, message):
    path = tmp_path / "x.caffemodel"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_weights(path, Notes())
    assert message in str(caught.value)
    assert caught.value.where.file == str(path)


@pytest.mark.parametrize("name", ["no.caffemodel", "no.caffemodel.h5", "", "h5/x.h5"])
def test_files_that_are_not_there(tmp_path, name):
    (tmp_path / "h5").touch()
    for read in (lambda path: read_weights(path, Notes()), read_state):
        with pytest.raises(FileError):
            read(str(tmp_path / name))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 792), st.none() | st.integers(0, 255))
def test_damaged_weights_give_an_error_or_weights(tmp_path, position, byte):
    """Cut off, or one byte changed: never anything but an error of ours."""
    data = bytearray(TINY.read_bytes())
    if byte is None:
        del data[position:]
    else:
        data[position] = byte
    path = tmp_path / "x.caffemodel"
    path.write_bytes(data)
    with suppress(LenetError):
        assert read_weights(path, Notes()).count()


def test_weights_of_another_network():
    weights = read_weights(TINY, Notes())
    with pytest.raises(
        WeightsError, match="layer 'ip', weight: the weights are 4 x 12, the network wants 5 x 12"
    ):
        weights.fitted({"ip": {"weight": (5, 12), "bias": (5,)}})
    assert weights.unused({"conv1": {}, "ip": {}}) == [("conv", "did you mean 'conv1'?")]


@pytest.mark.parametrize("ending", ENDINGS)
def test_weights_are_written_and_read_again(tmp_path, ending):
    path = tmp_path / f"x.caffemodel{ending}"
    net = lenet()
    weights = some_weights(net, LENET_SHAPES)
    write_weights(path, net, weights, gradients=weights)
    again = read_weights(path, Notes())
    for name, arrays in weights.layers.items():
        assert all(map(np.array_equal, arrays.values(), again[name].values()))
    if ending:
        assert contents(path)["diff/ip2/1"] == contents(path)["data/ip2/1"]
    else:
        message = schema().message_class("NetParameter").FromString(path.read_bytes())
        assert list(message.layer[-2].blobs[1].diff) == list(message.layer[-2].blobs[1].data)


def test_shared_weights_are_written_once_into_hdf5(tmp_path):
    """As in Caffe; a layer that shares only some of its weights is written whole, so that it can be read."""
    shared = (ParameterUse("w"), ParameterUse("b"))
    net = Net(
        "",
        (
            Node("x", Input(((1, 2),)), (), ("x",)),
            Node("a", Dense(2), ("x",), ("a",), uses=shared),
            Node("b/c", Dense(2), ("x",), ("b",), uses=shared),
            Node("d", Dense(2), ("x",), ("d",), uses=shared[:1]),
        ),
    )
    shapes = {name: {"weight": (2, 2), "bias": (2,)} for name in ("a", "b/c", "d")}
    path = tmp_path / "x.caffemodel.h5"
    write_weights(path, net, some_weights(net, shapes))
    names = {name: list(arrays) for name, arrays in read_weights(path, Notes()).layers.items()}
    assert names == {"a": ["0", "1"], "b/c": [], "d": ["0", "1"], "x": []} | {
        name: [] for name in names if name.endswith("split")
    }


def test_what_is_no_hdf5_of_caffes(tmp_path):
    path = tmp_path / "x.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(40))
    for read in (lambda path: read_weights(path, Notes()), read_state):
        with pytest.raises(FileError, match="no whole HDF5 file"):
            read(path)
    with h5py.File(path, "w") as file:
        file["data/ip/no"] = [1.0]
        file["iter"] = "one"
        file["history/0"] = [1.0]
    with pytest.raises(FileError, match="array, a group for a layer is wanted"):
        read_weights(path, Notes())
    with pytest.raises(FileError, match="not a whole number"):
        read_state(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("data/ip/0", (2**20, 2**20), "f4")  # declared, never written
    with pytest.raises(FileError, match="has 0 bytes, its shape needs 4398046511104"):
        read_weights(path, Notes())


def test_hdf5_without_its_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtra, match="h5py"):
        write_state(tmp_path / "x.solverstate.h5", SolverState(1, ()))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_the_old_snapshot_whole(tmp_path, monkeypatch, ending):
    def full(_):
        raise OSError(28, "No space left on device")

    weights = tmp_path / f"x.caffemodel{ending}"
    state = tmp_path / f"x.solverstate{ending}"
    write_weights(weights, tiny(), read_weights(TINY, Notes()))
    write_state(state, SolverState(1, (), place=Place({"train/d": 3})))
    before = weights.read_bytes(), state.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="the disk is full"):
        write_weights(weights, tiny(), read_weights(TINY, Notes()))
    with pytest.raises(FileError, match="the disk is full"):
        write_state(state, SolverState(2, ()))
    assert (weights.read_bytes(), state.read_bytes()) == before
    assert read_state(state).place == Place({"train/d": 3})
    assert len(list(tmp_path.iterdir())) == 3
