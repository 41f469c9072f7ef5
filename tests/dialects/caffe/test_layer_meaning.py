"""What Caffe's layers mean to us, in all the ways to say it, and which settings cannot be."""

import pytest

from lenet.dialects.caffe.net import message_from_net, net_from_message
from lenet.dialects.caffe.schema import schema
from lenet.errors import DescriptionError, Notes, SeveralErrors, Where
from lenet.formats.prototxt import read_text, write_text
from lenet.layers import (
    LRN,
    Accuracy,
    Concat,
    Convolution,
    Dropout,
    Eltwise,
    Input,
    Pooling,
    SoftmaxLoss,
)
from lenet.layers.fillers import Constant
from lenet.net import Opaque


def read(text, strict=False):
    """The network in a text; (network, notes)."""
    notes = Notes(strict=strict)
    message = read_text(text, "net.prototxt", schema(), "NetParameter", notes)
    net = net_from_message(message, notes)
    notes.check()
    return net, notes


def layer(text, strict=True):
    return read(f'layer {{ name: "x" {text} }}', strict)[0].nodes[0].kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [  # Caffe's defaults, from its schema and sources
        ('type: "Pooling" pooling_param { kernel_size: 2 }', Pooling("max", (2,), rounding="ceil")),
        ('type: "LRN"', LRN(5, 1.0, 0.75, 1.0, "across")),
        ('type: "Dropout"', Dropout(0.5)),
        ('type: "Eltwise"', Eltwise("sum")),
        ('type: "Accuracy" top: "a"', Accuracy(1, 1, None)),
        ('type: "SoftmaxWithLoss" top: "l"', SoftmaxLoss(1, None, "valid")),
        (
            'type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 }',
            Convolution(2, (3,), weight_filler=Constant(0.0)),
        ),
        # the ways to say a thing
        (
            'type: "Convolution" convolution_param { num_output: 2 kernel_h: 3 kernel_w: 1 stride_h: 2 '
            "stride_w: 1 pad_h: 1 engine: CAFFE force_nd_im2col: true }",
            Convolution(2, (3, 1), (2, 1), (1, 0)),
        ),
        (
            'type: "Convolution" convolution_param { num_output: 2 kernel_size: [3, 2] dilation: 2 '
            "pad: 0 pad: 4 }",
            Convolution(2, (3, 2), pad=(0, 4), dilation=(2,)),
        ),
        (
            'type: "Pooling" pooling_param { pool: AVE global_pooling: true }',
            Pooling("average", None, rounding="ceil"),
        ),
        ('type: "Concat" concat_param { concat_dim: 0 }', Concat(0)),
        (
            'type: "SoftmaxWithLoss" top: "l" loss_param { normalize: false }',
            SoftmaxLoss(normalization="batch_size"),
        ),
        ('type: "SoftmaxWithLoss" top: "l" loss_param { normalize: true }', SoftmaxLoss()),
        (
            'type: "SoftmaxWithLoss" top: "l" loss_param { normalize: false normalization: FULL '
            "ignore_label: 0 }",
            SoftmaxLoss(1, 0, "full"),
        ),
        (
            'type: "Input" top: "a" top: "b" input_param { shape { dim: 2 dim: 3 } }',
            Input(((2, 3), (2, 3))),
        ),
        ('type: "SoftmaxWithLoss" top: "l" top: "p"', SoftmaxLoss(probabilities=True)),
    ],
)
def test_what_a_layer_means(text, kind):
    assert layer(text) == kind


@pytest.mark.parametrize(
    ("text", "message", "place", "hint"),
    [
        (
            "convolution_param { num_output: 2 kernel_size: 3 kernel_h: 3 kernel_w: 3 }",
            "kernel_size and kernel_h are both given",
            "kernel_h",
            "keep one",
        ),
        (
            "convolution_param { kernel_size: 3 }",
            "num_output is missing",
            "convolution_param",
            "add num_output",
        ),
        (
            "convolution_param { num_output: 2 }",
            "kernel_size is missing",
            "convolution_param",
            "add kernel_size",
        ),
        (
            "convolution_param { num_output: 2 kernel_h: 3 }",
            "kernel_h without kernel_w",
            "kernel_h",
            "give kernel_w",
        ),
        (
            "convolution_param { num_output: 0 kernel_size: 3 }",
            "num_output is 0, the least is 1",
            "num_output",
            "",
        ),
        ("convolution_param { num_output: 2 kernel_size: 3 stride: 0 }", "stride is 0", "stride", ""),
        ("", "num_output is missing", "layer", "add num_output"),
        (
            'convolution_param { num_output: 2 kernel_size: 3 weight_filler { type: "xavyer" } }',
            "filler 'xavyer' is unknown",
            'type: "xavyer',
            "did you mean 'xavier'",
        ),
        (
            'convolution_param { num_output: 2 kernel_size: 3 weight_filler { type: "xavier" sparse: 3 } }',
            "filler 'xavier' cannot be sparse",
            "sparse",
            "",
        ),
        (
            "convolution_param { num_output: 2 kernel_size: 3 } include { phase: TEST } exclude {}",
            "include and exclude are both given",
            "exclude",
            "keep one",
        ),
        (
            "convolution_param { num_output: 2 kernel_size: 3 } loss_weight: 1 loss_weight: 2",
            "2 loss_weight for 1 tops",
            "loss_weight: 2",
            "",
        ),
        (
            "convolution_param { num_output: 2 kernel_size: 3 } propagate_down: false propagate_down: true",
            "2 propagate_down for 1 bottoms",
            "propagate_down: true",
            "",
        ),
    ],
)
def test_what_cannot_be_in_a_convolution(text, message, place, hint):
    text = f'layer {{ type: "Convolution" name: "x" {text} bottom: "a" top: "b" }}'
    with pytest.raises(DescriptionError) as caught:
        read(text)
    assert caught.value.message.startswith(f"layer 'x' (Convolution): {message}")
    assert caught.value.where == Where("net.prototxt", 1, text.rindex(place) + 1)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('type: "LRN" lrn_param { local_size: 4 }', "local_size 4 is even, it must be odd"),
        (
            'type: "Pooling" pooling_param { global_pooling: true kernel_size: 3 }',
            "global_pooling and kernel_size are both given",
        ),
        (
            'type: "Pooling" pooling_param { kernel_size: 3 pad: 1 pad_h: 1 pad_w: 1 }',
            "pad and pad_h are both given",
        ),
        ('type: "Pooling" pooling_param { stride: 2 }', "kernel_size is missing"),
        ('type: "Concat" concat_param { axis: 1 concat_dim: 1 }', "axis and concat_dim are both given"),
        ('type: "Accuracy" top: "a" accuracy_param { top_k: 0 }', "top_k is 0, the least is 1"),
        ('type: "Input" top: "a"', "shape is missing"),
        (
            'type: "Input" top: "a" top: "b" top: "c" input_param { shape { dim: 2 } shape { dim: 2 } }',
            "2 shapes for 3 tops",
        ),
        ('type: "Input" top: "a" input_param { shape { dim: -2 } }', "a shape has the size -2"),
        ('type: "Data" top: "a" data_param { batch_size: 2 }', "source is missing"),
        ('type: "Data" top: "a" data_param { source: "x" }', "batch_size is missing"),
        (
            'type: "Data" top: "a" transform_param { mean_file: "m" mean_value: 3 } '
            'data_param { source: "x" batch_size: 1 }',
            "mean_file and mean_value are both given",
        ),
        (
            'type: "Data" top: "a" transform_param { force_color: true force_gray: true } '
            'data_param { source: "x" batch_size: 1 }',
            "force_color and force_gray are both given",
        ),
        (
            'type: "HDF5Data" top: "a" transform_param { scale: 2 } '
            'hdf5_data_param { source: "x" batch_size: 1 }',
            "HDF5Data takes no transform_param",
        ),
        ("", "type is missing"),
    ],
)
def test_what_cannot_be(text, message):
    with pytest.raises(DescriptionError) as caught:
        layer(text, strict=False)
    assert caught.value.message.endswith(f": {message}")
    assert caught.value.where.line == 1
    assert caught.value.where.column


def test_all_errors_come_at_once():
    with pytest.raises(SeveralErrors) as caught:
        read(
            'layer { name: "a" type: "Convolution" }\n'
            'layer { name: "b" type: "LRN" lrn_param { local_size: 2 } }'
        )
    assert [error.where.line for error in caught.value.errors] == [1, 2]


def test_an_unknown_type_is_kept_and_written_back():
    text = 'layer { name: "x" type: "Convolutoin" bottom: "a" top: "b" convolution_param { num_output: 2 } }'
    net, notes = read(text)
    (warning,) = notes
    assert "did you mean 'Convolution'" in str(warning)
    assert warning.where.column == 19
    kind = net.nodes[0].kind
    assert isinstance(kind, Opaque)
    assert (kind.dialect, kind.kind) == ("caffe", "Convolutoin")
    assert read(write_text(message_from_net(net)))[0] == net
    with pytest.raises(DescriptionError, match="cannot run"):
        kind.shape([])


@pytest.mark.parametrize("word", ["convolution", "CONVOLUTION", "conv", "SoftmaxLoss", "INNER_PRODUCT"])
def test_other_spellings_of_a_type_are_read_with_a_warning(word):
    settings = "convolution_param { num_output: 2 kernel_size: 1 } inner_product_param { num_output: 2 }"
    net, notes = read(f'layer {{ name: "x" type: "{word}" top: "y" {settings} }}')
    assert not isinstance(net.nodes[0].kind, Opaque)
    assert f"type '{word}' is read as" in next(iter(notes)).message


def test_settings_of_another_type_are_told():
    _, notes = read('layer { name: "x" type: "ReLU" bottom: "a" top: "b" pooling_param { kernel_size: 2 } }')
    (warning,) = notes
    assert warning.message == "layer 'x' (ReLU): pooling_param means nothing here and is ignored"


def test_the_forks_word_for_rounding():
    text = 'layer { name: "x" type: "Pooling" pooling_param { kernel_size: 2 ceil_mode: %s } }'
    for word, rounding in (("false", "floor"), ("true", "ceil"), ("0", "floor")):
        net, notes = read(text % word)
        assert net.nodes[0].kind.rounding == rounding
        assert any("ceil_mode is read as round_mode" in note.message for note in notes)
