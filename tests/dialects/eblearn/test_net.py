"""Networks of configurations: modules in order, pipes, sharing, sizes, energies, errors with their place."""

import numpy as np
import pytest
import torch

from lenet.data.tables import write_table
from lenet.dialects.eblearn.net import layout, read_net
from lenet.engine.build import build
from lenet.errors import LenetError, Notes
from lenet.formats.class_names import write_class_names
from lenet.formats.conf import read_conf, read_text
from lenet.formats.matrix import write_matrix
from lenet.layers import L1Penalty, Select, SubtractiveNormalization, TanH, WindowMerge
from lenet.layers.answer_class import ClassAnswer, ClassTargets
from lenet.layers.energy import SquaredError, TargetCrossEntropy
from lenet.layers.layer import Input
from lenet.net import Opaque
from lenet.weights import Weights

CONV = "kernel = 3x3;stride = 1x1;table_in = thickness;table_out = 2"
CONV0 = "\n".join(f"conv0_{part}" for part in CONV.split(";"))
TRAINED = """
trainer = trainable_module1
trainable_module1_energy = l2_energy
answer = class_answer
"""


def conf_of(text):
    return read_text("\n".join(line.strip() for line in text.splitlines()), "n.conf", Notes())


def net_of(text, notes=None, run_type="train", outputs=10, input=(1, 8, 8), **settings):
    notes = Notes() if notes is None else notes
    return read_net(conf_of(text), notes, run_type, outputs=outputs, input=input, **settings)


def names(net):
    return [node.name for node in net.nodes]


def weights(net):
    return sum(np.prod(place.shape) for place in layout(net))


def test_modules_follow_each_other():
    net = net_of(f"arch = ${{c0}},,tanh\nc0 = conv0,addc0,tanh\ninput_thickness = 1\n{CONV0}")
    assert names(net) == ["input", "conv0", "addc0", "tanh", "tanh.2"]
    assert [node.inputs for node in net.nodes[1:]] == [("input",), ("conv0",), ("addc0",), ("tanh",)]
    assert [(place.layer, place.parameter, place.shape) for place in layout(net)] == [
        ("conv0", "weight", (2, 3, 3)),
        ("addc0", "bias", (2,)),
    ]


def test_a_node_knows_the_line_that_names_it():
    net = net_of(f"arch = ${{c0}},tanh\nc0 = conv0,addc0\ninput_thickness = 1\n{CONV0}")
    assert [node.where.line for node in net.nodes[1:]] == [2, 2, 1]


def test_the_run_type_chooses_the_network():
    text = "arch = ${pp_${run_type}},tanh\npp_train = abs\npp_detect = relu"
    assert names(net_of(text)) == ["input", "abs", "tanh"]
    assert names(net_of(text, run_type="detect")) == ["input", "relu", "tanh"]
    assert names(net_of(text, settings=[("pp_train", "relu")])) == ["input", "relu", "tanh"]


def test_thickness_is_that_of_the_last_module_that_changes_it():
    conv1 = CONV0.replace("conv0", "conv1").replace("= 2", "= noutputs")
    net = net_of(f"arch = conv0,tanh,conv1\ninput_thickness = 3\n{CONV0}\n{conv1}", input=(3, 8, 8))
    assert [shapes.outputs[0] for shapes in net.shapes()][-1] == (1, 10, 4, 4)
    assert len(net["conv1"].kind.table) == 2 * 10


def test_convl_and_subsl_are_three_layers():
    settings = CONV0.replace("conv0", "convl0") + "\nsubsl1_kernel = 2x2\nsubsl1_stride = 2x2"
    net = net_of(f"arch = convl0,subsl1\ninput_thickness = 1\n{settings}")
    assert names(net)[1:4] == ["convl0", "convl0.addc", "convl0.tanh"]
    assert names(net)[4:] == ["subsl1", "subsl1.addc", "subsl1.tanh"]
    assert weights(net) == 18 + 2 + 2 + 2


PIPES = f"""
arch = conv0,ms1,merge1
input_thickness = 1
ms1_pipe0 = tanh,conv3
ms1_pipe1 =
merge1_type = flat
merge1_ins = 4x4,6x6
merge1_strides = 1x1,1x1
conv3_kernel = 3x3
conv3_stride = 1x1
conv3_table_in = thickness
conv3_table_out = 1
{CONV0}
"""


def test_pipes_are_branches_that_a_merge_joins():
    notes = Notes()
    net = net_of(PIPES, notes)
    assert net["tanh"].inputs == ("conv0",)
    assert net["merge1"].inputs == ("conv3", "ms1.copy")
    assert net["merge1"].kind == WindowMerge(((4, 4), (6, 6)), ((1, 1), (1, 1)))
    assert net.shapes()[-1].outputs == ((1, 16 + 2 * 36, 1, 1),)
    assert "no gradient goes back" in notes.warnings[0].message


def test_no_gradient_leaves_pipes_for_their_common_input():
    network = build(net_of(PIPES), training=True, seed=1)
    network({"input": torch.rand(1, 1, 8, 8)})["merge1"].sum().backward()
    conv0, conv3 = network.by_layer()["conv0"][0], network.by_layer()["conv3"][0]
    assert conv0.grad is None
    assert conv3.grad.abs().sum() > 0


def test_pipes_with_inputs_of_their_own_pass_gradients():
    text = "arch = narrow0,ms1,merge1\nnarrow0_dim = 0\nnarrow0_size = 1\nnarrow0_offset = 0,1\n" + PIPES
    text = text.replace("arch = conv0,ms1,merge1\n", "").replace("input_thickness = 1", "input_thickness = 2")
    text = text.replace("ms1_pipe0 = tanh,conv3", "ms1_pipe0 = abs").replace("4x4,6x6", "8x8,8x8")
    net = net_of(text, input=(2, 8, 8))
    assert net["merge1"].inputs == ("abs", "narrow0:1")
    assert not any(node.propagate for node in net.nodes)


def test_concat_and_select_and_channels_dealt_out():
    net = net_of(
        """arch = mschan0,merge1,table1
        input_thickness = 4
        mschan0_nstates = 2
        merge1_type = concat
        merge1_dim = 0
        merge1_states = 1,0
        table1_in = 0,3
        table1_total = 4""",
        input=(4, 2, 2),
    )
    assert net["merge1"].inputs == ("mschan0:1", "mschan0:0")
    assert net["table1"].kind == Select((0, 3))
    assert net.shapes()[-1].outputs == ((1, 2, 2, 2),)


def test_several_inputs_share_the_parameters_of_a_module():
    net = net_of(f"arch = mschan0,conv0\nmschan0_nstates = 2\ninput_thickness = 2\n{CONV0}", input=(2, 8, 8))
    assert names(net) == ["input", "mschan0", "conv0", "conv0.2"]
    assert weights(net) == 18
    network = build(net, seed=1)
    assert network.by_layer()["conv0"][0] is network.by_layer()["conv0.2"][0]


@pytest.mark.parametrize(("shared", "count"), [("1", 36), ("", 72)])
def test_shared_modules_of_one_name(shared, count):
    conv = CONV0.replace("thickness", "2") + f"\nconv0_shared = {shared}"
    net = net_of(f"arch = conv0,tanh,conv0\n{conv}", input=(2, 8, 8))
    assert weights(net) == count


def test_shifts_run_one_pipe_at_every_offset():
    net = net_of(
        f"arch = msc1,interlace0\nmsc1_nsize = 2\nmsc1_pipe0 = conv0,addc0\ninput_thickness = 1\n"
        f"interlace0_stride = 2x2\n{CONV0}"
    )
    assert len(net["interlace0"].inputs) == 4
    assert weights(net) == 18 + 2
    assert net.shapes()[-1].outputs == ((1, 2, 10, 10),)


def test_penalties_are_losses():
    text = "arch = tanh\ntanh_energy = l1penalty\nl1penalty_coeff = .5"
    net = net_of(text)
    assert net["tanh+l1penalty"].kind == L1Penalty(0.5, 0.0)
    assert net["tanh+l1penalty"].loss_weights == (1.0,)
    assert names(net_of(text, run_type="detect")) == ["input", "tanh"]


def test_energy_and_answer():
    net = net_of(f"arch = linear0\nlinear0_in = 64\nlinear0_out = noutputs\n{TRAINED}", input=(64, 1, 1))
    assert [type(node.kind) for node in net.nodes[2:]] == [ClassAnswer, Input, ClassTargets, SquaredError]
    assert net["class_answer"].outputs == ("class", "confidence")
    assert net["trainable_module1"].inputs == ("linear0", "target")
    network = build(net, seed=1)
    labels = torch.tensor([1, 2])
    blobs = network({"input": torch.rand(2, 64, 1, 1), "label": labels})
    wanted = torch.full((2, 10), -1.0)
    wanted[[0, 1], labels] = 1
    energy = (blobs["linear0"].flatten(1) - wanted).square().sum(1) / 2
    assert torch.allclose(blobs["energy"], energy.to(blobs["energy"]))


def test_an_answer_with_one_output_and_another_energy():
    more = TRAINED.replace("l2_energy", "cross_entropy_energy")
    options = "class_answer_binary = 1\nclass_answer_confidence = 1\nclass_answer_factor = .5"
    net = net_of(f"arch = tanh\n{more}\n{options}", outputs=None, input=(1, 1, 1))
    assert net["class_answer"].kind == ClassAnswer(0.5, "single", binary=True)
    assert net["target"].kind == ClassTargets(2, 0.5, binary=True)
    assert net["trainable_module1"].kind == TargetCrossEntropy()


def test_detection_has_no_energy():
    net = net_of(f"arch = tanh\n{TRAINED}", run_type="detect")
    assert names(net) == ["input", "tanh", "class_answer"]


def test_regression_compares_with_numbers():
    text = TRAINED.replace("class_answer", "regression_answer1")
    net = net_of(f"arch = tanh\n{text}", outputs=3, input=(3, 1, 1))
    assert names(net) == ["input", "tanh", "target", "trainable_module1"]
    assert net["target"].kind == Input(shapes=((1, 3),))


def test_sizes_come_from_the_data(tmp_path):
    write_matrix(tmp_path / "data.mat", np.zeros((5, 9, 7), np.float32))
    write_matrix(tmp_path / "labels.mat", np.array([0, 3, 1, 2, 0], np.int32))
    (tmp_path / "n.conf").write_text(
        "arch = linear0\nlinear0_in = 1\nlinear0_out = noutputs\nclassification = 1\n"
        "train = data.mat\ntrain_labels = labels.mat\nadd_features_dimension = 1\n"
    )
    net = read_net(tmp_path / "n.conf", Notes())
    assert net.shapes()[-1].outputs == ((1, 4, 9, 7),)


def test_classes_of_a_detector_are_those_of_its_file(tmp_path):
    write_class_names(tmp_path / "classes.mat", ["bg", "face"])
    text = f"arch = linear0\nlinear0_in = 1\nlinear0_out = noutputs\nclasses = {tmp_path}/classes.mat"
    assert net_of(text, run_type="detect", outputs=None)["linear0"].kind.outputs == 2


def test_what_is_assumed_is_told():
    notes = Notes()
    net = net_of(
        f"arch = conv0\ninput_thickness = 3\n{CONV0}".replace("= 2", "= noutputs"),
        notes,
        outputs=None,
        input=None,
    )
    assert net.shapes()[0].outputs == ((1, 3, 3, 3),)
    assert [note.wrong for note in notes] == [False, False]
    assert "10 assumed" in notes.warnings[0].message
    assert "samples of 3 x 3 x 3 assumed" in notes.warnings[1].message


def test_the_bundled_mnist_stands_for_files_of_its_names():
    text = (
        "train = /no/train-images-idx3-ubyte\ntrain_labels = /no/train-labels-idx1-ubyte\nclassification = 1"
    )
    text += "\nadd_features_dimension = 1\narch = linear0\nlinear0_in = 1\nlinear0_out = noutputs"
    net = net_of(text, outputs=None, input=None)
    assert net.shapes()[-1].outputs == ((1, 10, 28, 28),)


def test_tables_are_found_in_the_source_tree(tmp_path):
    """Configurations of the demos name EBLearn's root by a variable that is set elsewhere."""
    (tmp_path / "tools" / "tables").mkdir(parents=True)
    (tmp_path / "demos" / "mnist").mkdir(parents=True)
    write_table(tmp_path / "tools" / "tables" / "t.mat", np.array([[0, 0], [2, 1]]))
    conf = tmp_path / "demos" / "mnist" / "n.conf"
    conf.write_text(
        "arch = conv0\nconv0_table = /gone/eblearn//tools/tables/t.mat\n"
        "conv0_kernel = 1x1\nconv0_stride = 1x1\n"
    )
    notes = Notes()
    net = read_net(read_conf(conf, notes), notes, input=(3, 2, 2))
    assert net["conv0"].kind.table == ((0, 0), (2, 1))
    assert "does not exist" in notes.warnings[0].message


@pytest.mark.parametrize("module", ["lua3", "convv0", "ms7"])
def test_what_cannot_run_is_kept_and_told(module):
    notes = Notes()
    net = net_of(f"arch = {module},tanh\n{module}_script = x\nms7_pipe0 =\nms7_switch = 1x1", notes)
    kind = net[module].kind
    assert isinstance(kind, Opaque)
    assert kind.fields[f"{module}_script"] == "x"
    assert "the network cannot run" in notes.warnings[0].message
    assert notes.warnings[0].hint == ("did you mean 'conv' or 'convl'?" if module == "convv0" else "")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("net_type = cscs", "n.conf", "'arch' is not defined"),
        (
            f"arch = conv0\n{CONV0}",
            "n.conf:4",
            "'conv0_table_in = thickness': the number of feature maps is not known",
        ),
        (
            "arch = conv0\nconv0_stride = 1x1",
            "n.conf:1",
            "'conv0' (conv): needs its parameter 'conv0_kernel'",
        ),
        ("arch = ms0\nms0_pipe0 = tanh,ms0", "n.conf:2", "'ms0_pipe0' holds itself"),
        ("arch = ms0", "n.conf:1", "has no pipes"),
        ("arch = merge0\nmerge0_type = flatt", "n.conf:2", "'merge0_type = flatt' is none of"),
        ("arch = tanh\ntanh_energy = l2penalty", "n.conf:2", "'l2penalty' is no penalty"),
        ("arch = tanh\ntrainer = t1\nt1_energy = l2", "n.conf:2", "the trainer 't1'"),
        (
            "arch = tanh\ntrainer = trainable_module\ntrainable_module_energy = l2",
            "n.conf:3",
            "'l2' is not known",
        ),
        ("arch = tanh\nanswer = class_answer\nclass_answer_confidence = 7", "n.conf:3", "is none of 0 to 3"),
        ("arch = ${a}\na = ${arch}", "n.conf:2", "go round without end"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, place, words):
    with pytest.raises(LenetError) as caught:
        net_of(text)
    assert str(caught.value).startswith(f"{place}: ")
    assert words in str(caught.value)


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(LenetError) as caught:
        net_of("arch = conv0,linear1\nconv0_stride = 1x1")
    assert "conv0_kernel" in str(caught.value)
    assert "linear1_in" in str(caught.value)


def test_a_size_that_cannot_be_names_module_and_line():
    text = "arch = tanh,linear1\nlinear1_in = 5\nlinear1_out = 2"
    with pytest.raises(LenetError, match=r"n.conf:2: layer 'linear1'.*meant for 5 features.*1 x 1 x 8 x 8"):
        build(net_of(text))


def test_a_network_without_parameters_is_built():
    net = net_of("arch = snorm0,tanh\nsnorm0_kernel = 3x3")
    assert isinstance(net["snorm0"].kind, SubtractiveNormalization)
    assert isinstance(net["tanh"].kind, TanH)
    assert build(net, seed=1).weights() == Weights({name: {} for name in names(net)})
