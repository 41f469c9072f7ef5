"""The table of a network, also of networks that are only half known."""

from dataclasses import dataclass

from lenet.errors import FileError
from lenet.layers.convolution import Convolution
from lenet.layers.dense import Dense
from lenet.layers.fillers import Constant
from lenet.layers.layer import Input
from lenet.net import Net, Node, Opaque, ParameterUse
from lenet.report.network import known_shapes, layer_rows, network_table

ZERO = {"weight_filler": Constant(0.0), "bias_filler": Constant(0.0)}


@dataclass(frozen=True)
class MissingData:
    """A data node whose files are not there."""

    def shape(self, inputs):
        raise FileError("there is no such file")

    def parameters(self, inputs):
        return {}

    def multiply_adds(self, inputs):
        return 0


def data_node(shape=(4, 1, 6, 6)):
    return Node("data", Input((shape, shape[:1])), outputs=("data", "label"))


def dense(name, inputs, outputs, **settings):
    return Node(name, Dense(outputs, **ZERO), (inputs,), (name,), **settings)


def test_every_layer_has_its_row_and_totals_add_up():
    convolution = Convolution(2, (3,), **ZERO)
    net = Net("tiny", (data_node(), Node("conv", convolution, ("data",), ("conv",)), dense("ip", "conv", 5)))
    shapes, errors = known_shapes(net)
    assert errors == ()
    assert shapes == net.shapes()
    # conv: 2 x (1 x 3 x 3) + 2 = 20 parameters, 4 x 2 x 4 x 4 x 9 = 1152 multiply-adds
    # ip: 5 x 32 + 5 = 165 parameters, 4 x 5 x 32 = 640 multiply-adds
    assert network_table(net, shapes).text() == (
        "layer  type         output         parameters  multiply-adds\n"
        "-----  -----------  -------------  ----------  -------------\n"
        "data   Input        4 x 1 x 6 x 6\n"
        "                    4\n"
        "conv   Convolution  4 x 2 x 4 x 4          20          1,152\n"
        "ip     Dense        4 x 5                 165            640\n"
        "-----  -----------  -------------  ----------  -------------\n"
        "total  3 layers                           185          1,792\n"
        "One forward pass of 4 samples; 448 multiply-adds a sample."
    )


def test_an_unknown_layer_is_shown_with_question_marks():
    unknown = Node("odd", Opaque("caffe", "Crop"), ("ip",), ("odd",))
    net = Net("half", (data_node(), dense("ip", "data", 5), unknown, dense("ip2", "odd", 3)))
    shapes, errors = known_shapes(net)
    assert [known is not None for known in shapes] == [True, True, False, False]
    assert [error.message for error in errors] == [
        "layer 'odd' (Crop): type 'Crop' is unknown, so it cannot run"
    ]
    lines = network_table(net, shapes).text().splitlines()
    assert lines[5].split() == ["odd", "Crop", "?", "?", "?"]
    assert lines[6].split() == ["ip2", "Dense", "?", "?", "?"]
    assert lines[8].split() == ["total", "4", "layers", "185", "+", "?", "720", "+", "?"]


def test_missing_data_makes_everything_unknown_unless_its_shape_is_given():
    net = Net("lost", (Node("data", MissingData(), (), ("data",)), dense("ip", "data", 5)))
    shapes, errors = known_shapes(net)
    assert shapes == (None, None)
    assert len(errors) == 1
    assert "?" in network_table(net, shapes).text()
    shapes, errors = known_shapes(net, {"data": (2, 7)})
    assert errors == ()
    assert [known.outputs for known in shapes] == [((2, 7),), ((2, 5),)]


def test_an_impossible_size_does_not_hide_the_rest():
    net = Net(
        "big",
        (data_node(), Node("c", Convolution(2, (9,), **ZERO), ("data",), ("c",)), dense("ip", "data", 5)),
    )
    shapes, errors = known_shapes(net)
    assert [known is not None for known in shapes] == [True, False, True]
    assert "layer 'c' (Convolution)" in str(errors[0])


def test_shared_parameters_count_once():
    share = (ParameterUse(share="w"), ParameterUse(share="b"))
    net = Net("siamese", (data_node(), dense("a", "data", 5, uses=share), dense("b", "data", 5, uses=share)))
    shapes, _ = known_shapes(net)
    assert [(row.parameters, row.shared) for row in layer_rows(net, shapes)] == [(0, 0), (185, 0), (185, 185)]
    lines = network_table(net, shapes).text().splitlines()
    assert lines[5].split()[-3:] == ["185", "shared", "720"]
    assert lines[7].split()[-2:] == ["185", "1,440"]


def test_an_empty_network_has_a_table():
    assert network_table(Net(), ()).text().splitlines()[-1].split() == ["total", "0", "layers", "0", "0"]
