"""NetSpec, the protobuf classes, and the maps of coordinates over networks written with it."""

import pytest
from google.protobuf import text_format

import lenet.pycaffe as caffe
from lenet.errors import DescriptionError, UsageError
from lenet.pycaffe import coord_map
from lenet.pycaffe import layers as L  # noqa: N812
from lenet.pycaffe import params as P  # noqa: N812
from lenet.pycaffe.proto import caffe_pb2

from .conftest import ORACLE

XAVIER = {"type": "xavier"}


def lenet():
    net = caffe.NetSpec()
    scale = {"scale": 1.0 / 255}
    source = "examples/mnist/mnist_train_lmdb"
    net.data, net.label = L.Data(
        batch_size=64, backend=P.Data.LMDB, source=source, transform_param=scale, ntop=2
    )
    net.conv1 = L.Convolution(net.data, kernel_size=5, num_output=20, weight_filler=XAVIER)
    net.pool1 = L.Pooling(net.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.conv2 = L.Convolution(net.pool1, kernel_size=5, num_output=50, weight_filler=XAVIER)
    net.pool2 = L.Pooling(net.conv2, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    net.fc1 = L.InnerProduct(net.pool2, num_output=500, weight_filler=XAVIER)
    net.relu1 = L.ReLU(net.fc1, in_place=True)
    net.score = L.InnerProduct(net.relu1, num_output=10, weight_filler=XAVIER)
    net.loss = L.SoftmaxWithLoss(net.score, net.label)
    return net


def test_lenet_comes_out_as_recorded():
    recorded = (ORACLE / "pycaffe" / "netspec_lenet.prototxt").read_text(encoding="utf-8")
    message = caffe_pb2.NetParameter()
    text_format.Parse(recorded, message)
    assert lenet().to_proto() == message
    # how many digits of a float are printed is protobuf's own affair
    without = [line for line in str(lenet().to_proto()).splitlines() if "scale:" not in line]
    assert without == [line for line in recorded.splitlines() if "scale:" not in line]


def test_tops_without_names_are_numbered_by_type():
    data, label = L.DummyData(shape=[{"dim": [2, 3]}, {"dim": [2]}], ntop=2)
    score = L.InnerProduct(L.InnerProduct(data, num_output=4), num_output=3)
    proto = caffe.to_proto(L.SoftmaxWithLoss(score, label), L.Silence(label, ntop=0))
    assert [(layer.name, list(layer.bottom), list(layer.top)) for layer in proto.layer] == [
        ("DummyData1", [], ["DummyData1", "DummyData2"]),
        ("InnerProduct1", ["DummyData1"], ["InnerProduct1"]),
        ("InnerProduct2", ["InnerProduct1"], ["InnerProduct2"]),
        ("SoftmaxWithLoss1", ["InnerProduct2", "DummyData2"], ["SoftmaxWithLoss1"]),
        ("Silence1", ["DummyData2"], []),
    ]


def test_fields_of_all_layers_and_of_borrowed_messages():
    net = caffe.NetSpec()
    net["data"] = L.Input(input_param={"shape": {"dim": [1, 3, 4, 4]}})
    rates = [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2}]
    net.up = L.Deconvolution(
        net.data, kernel_size=2, num_output=3, param=rates, include={"phase": caffe.TEST}
    )
    net.other = L.Convolution(net.data, name="own", convolution_param={"num_output": 2, "kernel_size": [1]})
    layers = net.to_proto().layer
    assert list(layers[1].convolution_param.kernel_size) == [2]
    assert [each.lr_mult for each in layers[1].param] == [1, 2]
    assert layers[1].include[0].phase == caffe_pb2.TEST
    assert (layers[2].name, list(layers[2].top)) == ("own", ["other"])


def test_wrong_use_says_what_is_wrong():
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": [1, 3, 4, 4]})
    net.bad = L.Convolution(net.data, kernelsize=3)
    with pytest.raises(DescriptionError, match="kernelsize") as caught:
        net.to_proto()
    assert "kernel_size" in caught.value.hint
    with pytest.raises(UsageError, match="input 0 of ReLU"):
        L.ReLU("data")
    with pytest.raises(UsageError, match="output of a layer"):
        net.number = 3
    with pytest.raises(DescriptionError, match="cannot be 'many'"):
        caffe.to_proto(L.InnerProduct(net.data, num_output="many"))
    with pytest.raises(AttributeError, match="dta"):
        _ = net.dta
    with pytest.raises(AttributeError):
        _ = P.Nothing.MAX


def test_messages_are_protobuf_classes():
    net = caffe_pb2.NetParameter(name="x")
    net.layer.add(name="pool", type="Pooling").pooling_param.pool = caffe_pb2.PoolingParameter.AVE
    again = caffe_pb2.NetParameter.FromString(net.SerializeToString())
    assert again == net
    assert (caffe_pb2.TRAIN, caffe_pb2.Phase.Value("TEST")) == (0, 1)
    assert "SolverParameter" in dir(caffe_pb2)
    with pytest.raises(AttributeError):
        _ = caffe_pb2.Nothing


def test_layer_types_are_known():
    assert {"Convolution", "Data", "SoftmaxWithLoss"} <= set(caffe.layer_type_list())


def test_a_crop_undoes_what_a_network_cut_off():
    """Padding shifts pixels, pooling halves their number, a deconvolution doubles it again."""
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": [1, 1, 40, 40]})
    net.conv = L.Convolution(net.data, num_output=1, kernel_size=3, pad=10)
    net.pool = L.Pooling(net.conv, kernel_size=2, stride=2)
    net.up = L.Deconvolution(net.pool, convolution_param={"num_output": 1, "kernel_size": 4, "stride": 2})
    axis, scale, shift = coord_map.coord_map_from_to(net.up, net.data)
    # by hand: conv = data + 9; pool = (conv - 0.5) / 2; up = 2 pool + 1.5 = data + 10
    assert (axis, scale, shift) == (1, [1.0], [-10.0])
    net.cut = coord_map.crop(net.up, net.data)
    crop = net.to_proto().layer[-1]
    assert (crop.type, crop.crop_param.axis, list(crop.crop_param.offset)) == ("Crop", 2, [10])


def test_maps_that_cannot_be():
    net = caffe.NetSpec()
    net.data = L.Input(shape={"dim": [1, 1, 40, 40]})
    net.conv = L.Convolution(net.data, num_output=1, kernel_size=3)
    net.half = L.Pooling(net.data, kernel_size=2, stride=2)
    net.score = L.InnerProduct(net.conv, num_output=1)
    with pytest.raises(DescriptionError, match="common"):
        coord_map.coord_map_from_to(net.score, net.data)
    with pytest.raises(DescriptionError, match="scale"):
        coord_map.crop(net.half, net.data)
    with pytest.raises(DescriptionError, match="begin at -1"):
        coord_map.crop(net.conv, net.data)
