"""What files of Caffe's forks hold: their words, their numbers in binary files, halves in blobs."""

import numpy as np
import pytest

from lenet.dialects.caffe.contents import read_message
from lenet.dialects.caffe.layers import SPELLINGS, parameter_names
from lenet.dialects.caffe.net import message_from_net, net_from_message, read_net
from lenet.dialects.caffe.schema import ALIASES, fork_fields, new_message, schema
from lenet.dialects.caffe.upgrade import upgrade_net
from lenet.dialects.caffe.weights import read_weights
from lenet.errors import DescriptionError, FileError, Notes, SeveralErrors
from lenet.formats.protobuf import write_binary
from lenet.formats.prototxt import read_text, write_text
from lenet.formats.wire import write_varint
from lenet.layers import (
    AffineBatchNorm,
    Axpy,
    BatchNorm,
    Clip,
    Convolution,
    DetectionOutput,
    Interpolate,
    L2Normalization,
    PriorBoxes,
    RegionPooling,
    Reorganize,
    Scale,
    SensitiveRegionPooling,
    Transpose,
    Unpooling,
    Upsample,
)
from lenet.layers.fillers import Constant


def net(text, notes=None):
    notes = notes if notes is not None else Notes()
    message = read_text(text, "fork.prototxt", schema(), "NetParameter", notes, ALIASES)
    found = net_from_message(upgrade_net(message, notes), notes)
    notes.check()
    return found


def kind(type, settings="", bottoms=1):
    bottom = 'bottom: "b" ' * bottoms
    (node,) = net(f'layer {{ name: "x" type: "{type}" {bottom} top: "t" {settings} }}').nodes
    return node.kind


READ = [
    ("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", Transpose((0, 2, 3, 1))),
    ("Normalize", "", L2Normalization()),
    (
        "Normalize",
        "norm_param { across_spatial: false channel_shared: false scale_filler { value: 20 } }",
        L2Normalization(across=False, shared=False, weight_filler=Constant(20)),
    ),
    (
        "PriorBox",
        "prior_box_param { min_size: 60 max_size: 111 aspect_ratio: 2 variance: 0.1 variance: 0.1 "
        "variance: 0.2 variance: 0.2 img_size: 300 step_h: 16 step_w: 8 offset: 0.25 }",
        PriorBoxes(
            (60,), (111,), (2,), variances=(0.1, 0.1, 0.2, 0.2), image=(300, 300), step=(16, 8), offset=0.25
        ),
    ),
    ("DetectionOutput", "detection_output_param { num_classes: 21 }", DetectionOutput(21)),
    (
        "DetectionOutput",
        "detection_output_param { num_classes: 21 share_location: false background_label_id: -1 "
        "nms_param { nms_threshold: 0.45 top_k: 400 eta: 0.9 } code_type: CENTER_SIZE keep_top_k: 200 "
        "confidence_threshold: 0.01 variance_encoded_in_target: true "
        "save_output_param { output_format: 'VOC' } }",
        DetectionOutput(21, "per_class", -1, "centre", True, 0.01, 0.45, 0.9, 400, 200),
    ),
    (
        "ROIPooling",
        "roi_pooling_param { pooled_h: 7 pooled_w: 6 spatial_scale: 0.0625 }",
        RegionPooling((7, 6), 0.0625),
    ),
    (
        "PSROIPooling",
        "psroi_pooling_param { spatial_scale: 0.0625 output_dim: 21 group_size: 7 }",
        SensitiveRegionPooling(21, 7, 0.0625),
    ),
    ("Reorg", "reorg_param { stride: 2 }", Reorganize(2)),
    ("Reorg", "reorg_param { stride: 2 reverse: true }", Reorganize(2, reverse=True)),
    ("Interp", "interp_param { zoom_factor: 8 }", Interpolate(zoom=8)),
    ("Interp", "interp_param { height: 60 width: 50 zoom_factor: 8 }", Interpolate(zoom=8)),
    (
        "Interp",
        "interp_param { height: 60 width: 50 pad_beg: 0 pad_end: -1 }",
        Interpolate((60, 50), cut=(0, 1)),
    ),
    ("Interp", "interp_param { shrink_factor: 4 zoom_factor: 2 }", Interpolate(shrink=4, zoom=2)),
    ("Upsample", "upsample_param { scale: 3 }", Upsample((3,))),
    ("ReLU6", "", Clip(0, 6)),
    ("Axpy", "", Axpy()),
    (
        "BN",
        "bn_param { slope_filler { value: 1 } bias_filler { value: 0 } frozen: true momentum: 0.95 }",
        AffineBatchNorm(fraction=1),
    ),
    ("BN", "bn_param { momentum: 0.95 eps: 1e-3 }", AffineBatchNorm(fraction=0.95, eps=1e-3)),
    (
        "BN",
        "bn_param { scale_filler { value: 1 } shift_filler { value: 0.001 } bn_mode: INFERENCE }",
        Scale(bias=True, bias_filler=Constant(0.001)),
    ),
    (
        "BN",
        "bn_param { scale_filler { value: 1 } shift_filler { value: 0.001 } }",
        AffineBatchNorm(stored=False, eps=1e-9, bias_filler=Constant(0.001)),
    ),
    (
        "ConvolutionDepthwise",
        "convolution_param { num_output: 32 kernel_size: 3 }",
        Convolution(32, (3,), groups=32),
    ),
    (
        "DepthwiseConvolution",
        "convolution_param { num_output: 64 kernel_size: 3 group: 32 }",
        Convolution(64, (3,), groups=32),
    ),
    (
        "Convolution",
        "convolution_param { num_output: 4 kernel_size: 3 hole: 2 }",
        Convolution(4, (3,), dilation=(2,)),
    ),
]


@pytest.mark.parametrize(("type", "settings", "wanted"), READ, ids=lambda value: str(value)[:40])
def test_words_of_forks(type, settings, wanted):
    assert kind(type, settings) == wanted


def test_an_upsample_with_two_bottoms_puts_maxima_back():
    assert kind("Upsample", "upsample_param { scale: 2 }", 2) == Unpooling()
    settings = "upsample_param { scale: 2 upsample_w: 60 upsample_h: 45 pad_out_h: true }"
    assert kind("Upsample", settings, 2) == Unpooling((2,), (1, 0), (45, 60))


REFUSED = [
    ("DetectionOutput", "", "num_classes is missing"),
    ("ROIPooling", "roi_pooling_param { pooled_h: 7 }", "pooled_w is missing"),
    ("ROIPooling", "roi_pooling_param { pooled_h: 7 pooled_w: 0 }", "pooled_w is 0, it must be above 0"),
    ("PriorBox", "prior_box_param { min_size: 3 img_size: 3 img_h: 4 }", "img_size and img_h are both given"),
    ("PSROIPooling", "psroi_pooling_param { spatial_scale: 1 output_dim: 3 }", "group_size is missing"),
    ("Reorg", "", "stride is missing"),
    ("Reorg", "reorg_param { stride: 0 }", "stride is 0, the least is 1"),
    ("Interp", "interp_param { zoom_factor: 2 pad_beg: 1 }", "pad_beg is 1: Interp only cuts"),
    ("Upsample", "upsample_param { scale_h: 2 }", "scale_w is missing"),
    ("Upsample", "", "scale is missing"),
    ("ShuffleChannel", "shuffle_channel_param { group: 0 }", "group is 0, the least is 1"),
    ("Normalize", "norm_param { eps: -1 }", "eps is -1.0, the least is 0"),
    ("Normalize", "norm_param { eps: nan }", "eps is nan, it must be a finite number"),
    ("BN", "bn_param { eps: -1 }", "eps is -1.0, the least is 0"),
    ("BN", "bn_param { momentum: 7 }", "momentum is 7.0, the most is 1"),
    ("BN", "bn_param { momentum: -0.5 }", "momentum is -0.5, the least is 0"),
    ("BatchNorm", "batch_norm_param { eps: -1 }", "eps is -1.0, the least is 0"),
    (
        "BatchNorm",
        "batch_norm_param { moving_average_fraction: 1.5 }",
        "moving_average_fraction is 1.5, the most is 1",
    ),
    ("MVN", "mvn_param { eps: inf }", "eps is inf, it must be a finite number"),
    ("ROIPooling", "roi_pooling_param { pooled_h: 4000000000 pooled_w: 1 }", "the most is 65536"),
    (
        "ROIPooling",
        "roi_pooling_param { pooled_h: 7 pooled_w: 7 spatial_scale: -1 }",
        "spatial_scale is -1.0, it must be above 0",
    ),
    *(
        ("PriorBox", f"prior_box_param {{ min_size: 3 {settings} }}", message)
        for settings, message in (
            ("img_size: 4000000000", "img_size is 4000000000, the most is 65536"),
            ("img_h: 10 img_w: 0", "img_w is 0, it must be above 0"),
            ("step: -8", "step is -8.0, it must be above 0"),
            ("step_h: 8 step_w: inf", "step_w is inf, it must be a finite number"),
            ("step: 1e9", "step is 1000000000.0, the most is 65536"),
            ("min_size: 0.5", "min_size is 0.5, the least is 1"),
            ("max_size: 1e9", "max_size is 1000000000.0, the most is 65536"),
            ("aspect_ratio: 2 aspect_ratio: 0", "aspect_ratio is 0.0, it must be above 0"),
            ("variance: -0.1", "variance is -0.1"),
        )
    ),
    *(
        ("DetectionOutput", f"detection_output_param {{ num_classes: 3 {settings} }}", message)
        for settings, message in (
            ("nms_param { nms_threshold: -0.1 }", "nms_threshold is -0.1"),
            ("nms_param { eta: 0 }", "eta is 0.0, it must be above 0"),
            ("nms_param { eta: 2 }", "eta is 2.0, the most is 1"),
        )
    ),
]


def test_limits_stand_in_one_place():
    """What a layer itself refuses is not said again by the row that reads the setting."""
    limited = [
        (spelling.kind.limits[row.attribute], getattr(row, "row", row))
        for spelling in SPELLINGS.values()
        for row in getattr(spelling, "rows", ())
        if row.attribute in getattr(spelling.kind, "limits", ())
    ]
    assert len(limited) > 10
    for limits, row in limited:
        for name in ("least", "most", "above"):
            assert None in (getattr(limits, name), getattr(row, name, None)), row


@pytest.mark.parametrize(("type", "settings", "message"), REFUSED)
def test_settings_that_cannot_be_are_refused_with_their_place(type, settings, message):
    with pytest.raises(DescriptionError) as caught:
        kind(type, settings)
    assert f"layer 'x' ({type}): " in str(caught.value)
    assert message in str(caught.value)
    assert (caught.value.where.file, caught.value.where.line) == ("fork.prototxt", 1)


def test_segnets_v1_layers_are_upgraded():
    text = """layers { name: "bn" type: BN bottom: "a" top: "b" bn_param { bn_mode: INFERENCE } }
              layers { name: "up" type: UPSAMPLE bottom: "a" bottom: "m" top: "c" }"""
    assert [node.kind for node in net(text).nodes] == [Scale(bias=True), Unpooling()]


def test_layers_are_written_with_caffes_own_words_where_it_has_them():
    text = 'layer { name: "x" type: "ReLU6" bottom: "b" top: "t" }'
    assert message_from_net(net(text)).get("layer").get("type") == "Clip"
    text = 'layer { name: "x" type: "DepthwiseConv" convolution_param { num_output: 4 kernel_size: 1 } }'
    written = message_from_net(net(text)).get("layer")
    assert (written.get("type"), written.get("convolution_param").get("group")) == ("Convolution", 4)


def test_blobs_have_names():
    assert parameter_names("BN", 4) == ("weight", "bias", "mean", "variance")
    assert parameter_names("BN", 2) == ("weight", "bias")
    assert parameter_names("ConvolutionDepthwise", 1) == ("weight",)


def test_a_binary_network_tells_whose_numbers_were_assumed(tmp_path):
    path, notes = tmp_path / "ssd.caffemodel", Notes()
    text = 'layer { name: "p" type: "Permute" bottom: "a" top: "b" permute_param { order: 1 } }'
    path.write_bytes(write_binary(message_from_net(net(text)), schema()))
    assert b"\xd2\x0c" in path.read_bytes()  # 202, length-delimited
    assert read_net(path, notes).nodes[0].kind == Transpose((1,))
    (note,) = notes
    assert note.message.startswith("permute_param: forks number their settings differently")
    notes = Notes()
    path.write_bytes(write_binary(message_from_net(net('layer { name: "r" type: "ReLU" }')), schema()))
    read_message(path, "NetParameter", notes)
    assert not list(notes)


def test_numbers_of_forks_are_their_own():
    numbers = {name: schema().fields("LayerParameter")[name].number for name in fork_fields()}
    assert {name: numbers[name] for name in ("permute_param", "prior_box_param", "norm_param")} == {
        "permute_param": 202,
        "prior_box_param": 203,
        "norm_param": 206,
    }
    for message in schema().messages.values():
        fields = [field.number for field in message.fields.values()]
        assert len(set(fields)) == len(fields), message.name


def weights_of(tmp_path, blob, more=b""):
    """A file of one layer with a blob; `more` are further fields of the layer, as bytes."""
    layer = new_message("LayerParameter")
    layer.add("name", "x")
    layer.add("type", "Scale")
    layer.add("blobs", blob)
    data, path = write_binary(layer, schema()) + more, tmp_path / "fork.caffemodel"
    path.write_bytes(b"\xa2\x06" + write_varint(len(data)) + data)
    return path


def blob(**fields):
    found = new_message("BlobProto")
    found.add_message("shape").add("dim", 3)
    for name, value in fields.items():
        found.add(name, value)
    return found


VALUES = np.array([0.5, -1.25, 3.0])


@pytest.mark.parametrize(
    ("type", "numbers", "read"),
    [("FLOAT16", "<f2", np.float32), ("FLOAT", "<f4", np.float32), ("DOUBLE", "<f8", np.float64)],
)
def test_raw_numbers_of_nvidias_fork(tmp_path, type, numbers, read):
    raw = blob(raw_data_type=type, raw_data=VALUES.astype(numbers).tobytes())
    array = read_weights(weights_of(tmp_path, raw), Notes())["x"]["weight"]
    assert array.dtype == read
    np.testing.assert_array_equal(array, VALUES)
    array[0] = 1  # whoever reads weights may change them


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"raw_data_type": "INT", "raw_data": b"\0" * 12}, "its numbers are INT, weights are DOUBLE"),
        ({"raw_data_type": "FLOAT16", "raw_data": b"\0" * 7}, "its 7 bytes are no whole FLOAT16 numbers"),
        ({"raw_data_type": "FLOAT16", "raw_data": b"\0" * 8}, "the shape is 3, which is not the 4 numbers"),
    ],
)
def test_raw_numbers_that_cannot_be(tmp_path, fields, message):
    with pytest.raises(FileError, match=message):
        read_weights(weights_of(tmp_path, blob(**fields)), Notes())


def test_a_number_that_means_something_else_in_a_fork_does_not_hide_weights(tmp_path):
    """137 is embed_param in Caffe; what a fork has there need be no such message."""
    more = write_varint(137 << 3 | 2) + b"\x03\xff\xff\xff"
    path = weights_of(tmp_path, blob(data=VALUES.astype(np.float32)), more)
    np.testing.assert_array_equal(read_weights(path, Notes())["x"]["weight"], VALUES)
    with pytest.raises(FileError):
        read_message(path, "NetParameter", Notes())


def test_every_fork_word_survives_text():
    text = "\n".join(
        f'layer {{ name: "x{index}" type: "{type}" bottom: "b" top: "t{index}" {settings} }}'
        for index, (type, settings, _) in enumerate(READ)
    )
    first = net(text)
    assert net(write_text(message_from_net(first))) == first
    assert {type for type, _, _ in READ} - set(SPELLINGS) == {
        *("ReLU6", "ConvolutionDepthwise", "DepthwiseConvolution")
    }


def test_several_errors_are_told_together():
    text = 'layer { name: "a" type: "ROIPooling" } layer { name: "b" type: "DetectionOutput" }'
    with pytest.raises(SeveralErrors) as caught:
        net(text)
    assert len(caught.value.errors) == 2
    assert kind("BatchNorm") == BatchNorm()
