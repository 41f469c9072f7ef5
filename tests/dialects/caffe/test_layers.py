"""Every row of the layer table: what is written is what is read; nothing of Caffe's messages is forgotten."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_kinds import (
    FILLERS,
    MORE_KINDS,
    WITH_PARAMETERS,
    axes,
    counts,
    fillers,
    maybe_label,
    more_outputs,
    numbers,
    pairs,
    several,
    words,
)

from lenet.data.database import Database
from lenet.data.feed import Feed
from lenet.data.hdf5 import Hdf5
from lenet.data.image_list import ImageList
from lenet.data.mnist import Mnist
from lenet.data.transforms import Transform
from lenet.dialects.caffe.feed_spelling import TRANSFORM_ROWS
from lenet.dialects.caffe.feeds import FEED_SPELLINGS
from lenet.dialects.caffe.fillers import FILLER_SPELLINGS, filler_from_message, message_from_filler
from lenet.dialects.caffe.layers import LAYER_SPELLINGS, SPELLINGS
from lenet.dialects.caffe.net import message_from_net, net_from_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.window_feed import WINDOW_ROWS, WINDOW_SPELLING
from lenet.errors import Notes
from lenet.formats.protobuf import read_binary, write_binary
from lenet.formats.prototxt import read_text, write_text
from lenet.layers import (
    LRN,
    Accuracy,
    Concat,
    Convolution,
    Dense,
    Dropout,
    Eltwise,
    Flatten,
    Input,
    Pooling,
    ReLU,
    Sigmoid,
    Silence,
    Softmax,
    SoftmaxLoss,
    Split,
    TanH,
    Unpooling,
    Upsample,
)
from lenet.net import Net, Node, ParameterUse, Rule, State

transforms = st.builds(
    Transform,
    numbers,
    st.just(()),
    st.just("") | words.map("no/{}.binaryproto".format),
    st.integers(0, 99),
    st.booleans(),
    st.sampled_from([None, 1, 3]),
) | st.builds(Transform, numbers, st.lists(numbers, max_size=3).map(tuple))
databases = st.builds(Database, words.map("no/{}_db".format), st.sampled_from(["lmdb", "leveldb"]))
mnists = st.sampled_from([Mnist("test", "no/mnist_test_lmdb"), Mnist("train", "no/mnist-train-leveldb")])

KINDS = {
    "Input": st.builds(
        Input, st.lists(st.lists(st.integers(0, 99), max_size=5).map(tuple), min_size=1).map(tuple)
    ),
    "Convolution": st.builds(
        Convolution, counts, several, several, several, several, counts, st.booleans(), axes, fillers, fillers
    ),
    "Pooling": st.builds(
        Pooling,
        st.sampled_from(["max", "average", "stochastic"]),
        st.none() | pairs,
        pairs,
        pairs,
        rounding=st.sampled_from(["ceil", "floor"]),
        mask=st.booleans(),
    ),
    "InnerProduct": st.builds(Dense, counts, st.booleans(), axes, st.booleans(), fillers, fillers),
    "ReLU": st.builds(ReLU, numbers),
    "TanH": st.just(TanH()),
    "Sigmoid": st.just(Sigmoid()),
    "Dropout": st.builds(Dropout, numbers),
    "LRN": st.builds(
        LRN,
        st.integers(0, 9).map(lambda half: 2 * half + 1),
        numbers,
        numbers,
        numbers,
        st.sampled_from(["across", "within"]),
    ),
    "Softmax": st.builds(Softmax, axes),
    "SoftmaxWithLoss": st.builds(
        SoftmaxLoss,
        axes,
        maybe_label,
        st.sampled_from(["full", "valid", "batch_size", "none"]),
        st.booleans(),
    ),
    "Accuracy": st.builds(Accuracy, counts, axes, maybe_label, st.booleans()),
    "Split": st.builds(Split, st.integers(1, 4)),
    "Flatten": st.builds(Flatten, axes, axes),
    "Concat": st.builds(Concat, axes),
    "Eltwise": st.builds(
        Eltwise,
        st.sampled_from(["product", "sum", "max"]),
        st.lists(numbers, max_size=3).map(tuple),
        st.booleans(),
    ),
    "Silence": st.just(Silence()),
    "Data": st.builds(
        Feed, databases | mnists, counts, transforms, outputs=st.integers(1, 2), skip=st.integers(0, 9)
    ),
    "HDF5Data": st.builds(
        Feed,
        st.builds(Hdf5, st.lists(words.map("{}.h5".format), min_size=1).map(tuple), st.just(("o0", "o1"))),
        counts,
    ),
}
listed = st.builds(ImageList, words.map("no/{}".format), st.just(""), counts, counts, st.booleans())
KINDS |= MORE_KINDS | {
    "ImageData": st.builds(
        Feed, listed, counts, transforms, outputs=st.integers(1, 2), skip=st.integers(0, 9)
    )
}
uses = st.builds(
    ParameterUse, st.just("") | words, st.none() | numbers, st.none() | numbers, permissive=st.booleans()
)
phases = st.sampled_from(["train", "test"])
levels = st.none() | st.integers(-2, 2)
stages = st.frozensets(words, max_size=2)
rules = st.lists(st.builds(Rule, st.none() | phases, levels, levels, stages, stages), max_size=2).map(tuple)


def output_count(kind):
    """As many outputs as the layer has."""
    if isinstance(kind, Feed):
        return kind.outputs
    if isinstance(kind, Input | Split):
        return len(kind.shapes) if isinstance(kind, Input) else kind.copies
    return more_outputs(kind) + any(
        getattr(kind, name, False) for name in ("mask", "per_class", "probabilities")
    )


@st.composite
def nodes(draw, kinds):
    kind = draw(kinds)
    outputs = tuple(f"o{index}" for index in range(output_count(kind)))
    fixed = {Upsample: 1, Unpooling: 2}.get(type(kind))  # one word, which the inputs tell apart
    inputs = tuple(draw(st.lists(words, min_size=fixed or 0, max_size=fixed or 3)))
    weights = draw(st.just(()) | st.tuples(*[numbers] * len(outputs)).filter(any))
    most = 1 + kind.bias if isinstance(kind, Convolution | Dense) else 0
    include = draw(rules)
    return Node(
        draw(words),
        kind,
        inputs,
        outputs,
        weights,
        tuple(draw(st.lists(uses, max_size=most))),
        draw(st.just(()) | st.tuples(*[st.booleans()] * len(inputs))),
        include,
        () if include else draw(rules),
    )


nets = st.builds(
    Net,
    words,
    st.lists(nodes(st.one_of(*KINDS.values())), max_size=5).map(tuple),
    st.none() | st.builds(State, phases, st.integers(-2, 2), stages),
    st.booleans(),
)


def read(text):
    notes = Notes()
    net = net_from_message(read_text(text, "net.prototxt", schema(), "NetParameter", notes), notes)
    notes.check()
    return net


@settings(max_examples=60, deadline=None)
@given(nets)
def test_what_is_written_as_text_is_read_again(net):
    assert read(write_text(message_from_net(net))) == net


@settings(max_examples=60, deadline=None)
@given(nets)
def test_what_is_written_as_binary_is_read_again(net):
    data = write_binary(message_from_net(net), schema())
    notes = Notes()
    if data:
        again = net_from_message(read_binary(data, "net", schema(), "NetParameter"), notes)
        notes.check()
        assert again == net


@pytest.mark.parametrize("word", SPELLINGS)
def test_every_type_is_written_and_read_again(word):
    @settings(max_examples=25, deadline=None)
    @given(nodes(KINDS[word]))
    def check(node):
        message = message_from_net(Net("", (node,)))
        assert message.get("layer").get("type") == word
        assert read(write_text(message)).nodes == (node,)

    check()


@pytest.mark.parametrize("word", SPELLINGS)
def test_every_types_parameters_are_those_of_its_layer(word):
    images = [(2, 3, 4, 5)]
    cases = {"Convolution": (Convolution(4, (1,)), images), "InnerProduct": (Dense(4), images)}
    kind, inputs = (cases | WITH_PARAMETERS).get(word, (None, []))
    assert SPELLINGS[word].parameters == (tuple(kind.parameters(inputs)) if kind else ())


@pytest.mark.parametrize("spelling", LAYER_SPELLINGS, ids=lambda spelling: spelling.word)
def test_every_field_of_a_layers_messages_is_spoken_for(spelling):
    spoken = {field for row in spelling.rows for field in row.fields} | set(spelling.idle)
    for section in spelling.sections:
        message = schema().fields("LayerParameter")[section].type
        assert set(schema().fields(message)) <= spoken, section


def test_every_field_of_fillers_transforms_and_data_is_spoken_for():
    rows = [row for spelling in FILLER_SPELLINGS for row in spelling.rows]
    assert {"type", *(row.field for row in rows)} == set(schema().fields("FillerParameter"))
    transform = {field for row in TRANSFORM_ROWS for field in row.fields}
    assert transform == set(schema().fields("TransformationParameter"))
    upgraded = {"scale", "mean_file", "crop_size", "mirror"}  # moved to transform_param before we look
    known = {"source", "batch_size", "backend", "rand_skip", "force_encoded_color", "shuffle"} | upgraded
    known |= {"new_height", "new_width", "is_color", "root_folder"}
    for spelling in FEED_SPELLINGS:
        fields = schema().fields(schema().fields("LayerParameter")[spelling.section].type)
        assert set(fields) <= known | set(spelling.idle)


def test_every_field_of_window_data_is_spoken_for():
    moved = {"scale", "mean_file", "crop_size", "mirror"}  # to transform_param before we look
    spoken = {field for row in WINDOW_ROWS for field in row.fields} | {"crop_mode", *WINDOW_SPELLING.idle}
    assert set(schema().fields("WindowDataParameter")) == spoken | moved


@pytest.mark.parametrize("name", FILLERS)
def test_every_filler_is_written_and_read_again(name):
    @settings(max_examples=25, deadline=None)
    @given(FILLERS[name])
    def check(filler):
        message = message_from_filler(filler)
        assert message.get("type") == name
        assert filler_from_message(message, Notes()) == filler

    assert name in {spelling.word for spelling in FILLER_SPELLINGS}
    check()
