"""Networks: as the real Caffe builds them, and what only a whole network can get wrong."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.data.feed import Feed
from lenet.dialects import recognise
from lenet.dialects.caffe.contents import content_of
from lenet.dialects.caffe.layers import spelling_for
from lenet.dialects.caffe.net import insert_splits, message_from_net, net_from_message, read_net
from lenet.dialects.caffe.schema import schema
from lenet.errors import DescriptionError, FileError, Notes, UsageError, Where
from lenet.formats.prototxt import read_text, write_text
from lenet.layers import Input, ReLU, Silence, Split
from lenet.net import Net, Node, Opaque, ParameterUse, Rule, State

HERE = Path(__file__).parent
ORACLE = HERE.parents[1] / "oracle" / "caffe"
SHARED = HERE.parents[3] / "shared"
STRUCTURES = sorted((SHARED / "golden" / "caffe" / "nets").glob("*.json"))
LAYER_CASES = sorted((ORACLE / "layers").glob("*.prototxt"))
LENET = HERE / "lenet_train_test.prototxt"


def read(text):
    notes = Notes()
    net = net_from_message(read_text(text, "net.prototxt", schema(), "NetParameter", notes), notes)
    notes.check()
    return net


def logged(name):
    """The networks that a recorded log prints, in order."""
    text = (ORACLE / "log" / name).read_text(encoding="utf-8")
    return [
        read(part) for part in re.findall(r"from parameters: \n(name: .*?)^[IWEF]\d{8}", text, re.M | re.S)
    ]


def with_recorded_feeds(net, blobs):
    """Data layers replaced by inputs of the recorded shapes."""

    def shapes(node):
        return Input(tuple(tuple(blobs[name]) for name in node.outputs))

    nodes = (replace(node, kind=shapes(node)) if isinstance(node.kind, Feed) else node for node in net.nodes)
    return replace(net, nodes=tuple(nodes))


def check_structure(net, recorded):
    """Layers, blobs, parameters, outputs and loss weights of a network with splits."""
    layers = recorded["layers"]
    assert [node.name for node in net.nodes] == [layer["name"] for layer in layers]
    names = [layer["name"] for layer in layers]
    for node, layer in zip(net.nodes, layers, strict=True):
        word = node.kind.kind if isinstance(node.kind, Opaque) else spelling_for(node.kind).word
        assert word == layer["type"]
        if names.count(node.name) == 1:
            assert list(node.inputs) == layer["bottoms"]
            assert list(node.outputs) == layer["tops"]
    weights = {
        name: w for node in net.nodes for name, w in zip(node.outputs, node.loss_weights, strict=False) if w
    }
    assert weights == pytest.approx(recorded["loss_weights"], rel=1e-6)  # recorded as float32
    assert list(net.outputs()) == recorded["outputs"]
    if not any(isinstance(node.kind, Opaque) for node in net.nodes):
        check_shapes(net, recorded)


def check_shapes(net, recorded):
    given_shapes = {name: tuple(shape) for name, shape in recorded["blobs"].items()}
    shapes = with_recorded_feeds(net, recorded["blobs"]).shapes(given_shapes)
    blobs = {}
    for node, its in zip(net.nodes, shapes, strict=True):
        blobs.update(zip(node.outputs, its.outputs, strict=True))
    assert blobs == given_shapes
    parameters = [[list(parameter.shape) for parameter in its.parameters.values()] for its in shapes]
    assert parameters == [layer["params"] for layer in recorded["layers"]]


def recorded_structure(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_lenet_is_built_as_caffe_builds_it():
    net = read_net(LENET, Notes()).select(State("test"))
    check_structure(insert_splits(net), recorded_structure(ORACLE / "nets" / "lenet_train_test.TEST.json"))


def test_the_autoencoder_is_built_as_caffe_builds_it():
    net = logged("train_autoencoder_two_test_nets.txt")[0]
    check_structure(insert_splits(net), recorded_structure(ORACLE / "nets" / "mnist_autoencoder.TRAIN.json"))


@pytest.mark.skipif(not STRUCTURES, reason="needs the recordings beside the checkout")
@pytest.mark.parametrize("path", STRUCTURES, ids=lambda path: path.stem)
def test_real_networks_are_built_as_caffe_builds_them(path):
    recorded = recorded_structure(path)
    source = SHARED / "models" / "caffe" / "bvlc" / recorded["source"]
    if not source.exists():
        pytest.skip(f"{recorded['source']} is not there")
    net = read_net(source, Notes()).select(State(recorded["phase"].lower()))
    check_structure(insert_splits(net), recorded)


def test_what_caffe_prints_is_the_network_that_was_read():
    net = read_net(LENET, Notes())
    trained, tested = logged("train_SIGINT.txt")
    assert trained.select(State("train")) == net.select(State("train"))
    assert tested.select(State("test")) == net.select(State("test"))
    assert trained.state == State("train", stages=frozenset({""}))


@pytest.mark.parametrize("path", LAYER_CASES, ids=lambda path: path.stem)
def test_recorded_layers_are_written_and_read_again(path):
    net = read_net(path, Notes())
    assert read(write_text(message_from_net(net))) == net


def test_what_is_caffes_default_is_not_written():
    text = write_text(message_from_net(read_net(LENET, Notes())))
    for field in ("bias_filler", "pad", "dilation", "group", "axis", "round_mode", "loss_weight"):
        assert f"{field}:" not in text
    assert "pool: MAX" not in text
    assert text.count("layer {") == 11


def test_rules_states_and_training():
    net = read(
        'state { phase: TRAIN level: 2 stage: "a" } force_backward: true '
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } '
        'include { phase: TEST min_level: 1 max_level: 3 stage: "a" not_stage: "b" } include { } } '
        'layer { name: "y" type: "InnerProduct" bottom: "x" top: "y" loss_weight: 0.5 propagate_down: true '
        'param { name: "w" lr_mult: 0 share_mode: PERMISSIVE } param { decay_mult: 2 } '
        "inner_product_param { num_output: 2 } exclude { phase: TRAIN } }"
    )
    first, second = net.nodes
    assert net.state == State("train", 2, frozenset({"a"}))
    assert net.force_backward
    assert first.include == (Rule("test", 1, 3, frozenset({"a"}), frozenset({"b"})), Rule())
    assert second.exclude == (Rule("train"),)
    assert second.uses == (ParameterUse("w", 0.0, None, True), ParameterUse("", None, 2.0))
    assert second.loss_weights == (0.5,)
    assert second.propagate == (True,)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ('type: "SoftmaxWithLoss" top: "a"', (1.0,)),
        ('type: "SoftmaxWithLoss" top: "a" top: "b"', (1.0, 0.0)),
        ('type: "SoftmaxWithLoss" top: "a" loss_weight: 0', ()),
        ('type: "SoftmaxWithLoss" top: "a" top: "b" loss_weight: 2', (2.0, 0.0)),
        ('type: "SoftmaxWithLoss" top: "a" top: "b" loss_weight: 0 loss_weight: 3', (0.0, 3.0)),
        ('type: "Softmax" top: "a"', ()),
        ('type: "Softmax" top: "a" loss_weight: 2', (2.0,)),
        ('type: "NobodysLoss" top: "a"', (1.0,)),
    ],
)
def test_loss_weights(text, weights):
    net = read(f"layer {{ {text} }}")
    assert net.nodes[0].loss_weights == weights
    assert read(write_text(message_from_net(net))) == net


def test_more_params_than_parameters_are_told():
    notes = Notes()
    text = 'layer { name: "r" type: "ReLU" param { lr_mult: 1 } bottom: "a" top: "b" }'
    net = net_from_message(read_text(text, "n", schema(), "NetParameter", notes), notes)
    assert net.nodes[0].uses == ()
    assert [str(note) for note in notes] == [
        "n:1:32: layer 'r' (ReLU): 1 param for 0 parameters: the rest is ignored"
    ]


def test_the_names_of_splits():
    """An in-place layer's blob is split after that layer, a loss that is read hands its weight on."""
    kind = ReLU()
    net = Net(
        "n",
        (
            Node("in", Input(((2, 3),)), (), ("x",)),
            Node("a", kind, ("x",), ("x",)),
            Node("b", kind, ("x",), ("y",)),
            Node("c", kind, ("x",), ("z",), loss_weights=(0.5,)),
            Node("d", Silence(), ("y", "z")),
        ),
    )
    split = insert_splits(net)
    assert [node.name for node in split.nodes] == ["in", "a", "x_a_0_split", "b", "c", "z_c_0_split", "d"]
    by_name = {node.name: node for node in split.nodes}
    assert by_name["x_a_0_split"] == Node("x_a_0_split", Split(2), ("x",), ("x_a_0_split_0", "x_a_0_split_1"))
    assert by_name["c"].inputs == ("x_a_0_split_1",)
    assert by_name["c"].loss_weights == ()
    assert by_name["z_c_0_split"].loss_weights == (0.5, 0.0)
    assert by_name["d"].inputs == ("y", "z_c_0_split_1")


def test_an_unknown_input_is_an_error_with_its_place():
    net = read('layer { name: "a" type: "ReLU" bottom: "mising" top: "b" }')
    with pytest.raises(DescriptionError, match="unknown input blob 'mising'") as caught:
        insert_splits(net)
    assert caught.value.where == Where("net.prototxt", 1, 1)


blobs = st.sampled_from("abc")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(blobs, max_size=3), st.lists(blobs, max_size=2, unique=True), st.sampled_from([0.0, 1.0])
        ),
        max_size=6,
    )
)
def test_splits_leave_one_reader_for_every_output(rows):
    first = Node("in", Input(((1,),) * 3), (), ("a", "b", "c"))
    nodes = [
        Node(str(index), ReLU(), tuple(inputs), tuple(outputs), (weight,) * len(outputs) if weight else ())
        for index, (inputs, outputs, weight) in enumerate(rows)
    ]
    split = insert_splits(Net("", (first, *nodes)))
    read_from = [(node.name, blob) for node in split.nodes for blob in node.inputs]
    sources, made = {}, {}
    for node in split.nodes:
        for blob in node.inputs:
            sources.setdefault(made[blob], []).append(node.name)
        made.update({blob: (node.name, blob) for blob in node.outputs})
    assert all(len(readers) == 1 for readers in sources.values()), read_from
    assert sum(sum(node.loss_weights) for node in split.nodes) == sum(
        sum(node.loss_weights) for node in nodes
    )
    assert insert_splits(split) == split


def test_a_caffemodel_is_a_network_too():
    net = read_net(ORACLE / "solver" / "tiny_init.caffemodel", Notes())
    text = read_net(ORACLE / "solver" / "tiny_net.prototxt", Notes())
    assert [node.name for node in net.nodes] == [node.name for node in text.nodes]
    assert net["conv"] == text["conv"]
    assert recognise(ORACLE / "solver" / "tiny_init.caffemodel").load("net").read_net is read_net


def test_a_binary_name_that_is_not_utf8(tmp_path):
    layer = bytes([0x0A, 1, 0xE4, 0x12, 1, 0xFF, 0x22, 1, 0x80])  # name, type, top
    path = tmp_path / "x"
    path.write_bytes(bytes([0xA2, 0x06, len(layer)]) + layer)
    (node,) = read_net(path, Notes()).nodes
    assert (node.name, node.kind.kind) == ("ä", "ÿ")


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"", DescriptionError, "holds no layers"),
        (b'net: "x"\nbase_lr: 1', DescriptionError, "this looks like a solver"),
        (bytes(range(256)), FileError, "no NetParameter"),
        (b"\x89HDF\r\n\x1a\n----", FileError, "HDF5 file, which holds weights only"),
        ((ORACLE / "solver" / "tiny_init.caffemodel").read_bytes()[:500], FileError, "truncated"),
    ],
)
def test_what_is_no_network(tmp_path, content, error, message):
    path = tmp_path / "x.prototxt"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read_net(path, Notes())
    assert message in str(caught.value)
    assert caught.value.where.file == str(path)


def test_files_are_recognised(tmp_path):
    old = tmp_path / "lenet_iter_10000"  # snapshots of 2014 had no suffix
    old.write_bytes((ORACLE / "solver" / "tiny_init.caffemodel").read_bytes())
    assert recognise(old).name == "caffe"
    assert content_of(old) == "weights"
    assert content_of(LENET) == "net"
    assert content_of(ORACLE / "solver" / "sgd_solver.prototxt") == "solver"
    (tmp_path / "notes").write_text("layers of paint\n")
    with pytest.raises(UsageError, match="no system that is known"):
        recognise(tmp_path / "notes")
    with pytest.raises(FileError, match="no such file"):
        recognise(tmp_path / "missing")
    with pytest.raises(FileError, match="a directory"):
        recognise(tmp_path)
