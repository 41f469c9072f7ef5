"""What is ours in Caffe's files: augmentation and the one-cycle policy."""

from dataclasses import replace

import pytest

from lenet.data.augment import Augmentation
from lenet.data.feed import Feed
from lenet.data.labelled import Part
from lenet.data.mnist import Mnist
from lenet.dialects.caffe.feed_spelling import AUGMENTATION_ROWS
from lenet.dialects.caffe.net import message_from_net, net_from_message
from lenet.dialects.caffe.schema import schema
from lenet.dialects.caffe.solver import message_from_job
from lenet.errors import DescriptionError, Notes, Where
from lenet.formats.protobuf import read_binary, write_binary
from lenet.formats.prototxt import read_text, write_text
from lenet.job import Job, Solver
from lenet.net import Net, State
from lenet.solvers.rate import Fixed, OneCycle
from lenet.solvers.update import Sgd

DATA = """layer {{ name: "d" type: "Data" top: "data" top: "label"
  transform_param {{ scale: 0.5 augmentation {{ {} }} }}
  data_param {{ source: "nowhere/mnist_train_lmdb" backend: LMDB batch_size: 4 }} }}"""


def read(text):
    notes = Notes()
    net = net_from_message(read_text(text, "n.prototxt", schema(), "NetParameter", notes), notes)
    notes.check()
    return net


def test_augmentation_is_read_and_written_back_in_text_and_binary():
    net = read(DATA.format("shift: 2 rotation: 12.5 elastic: 1 smoothness: 5"))
    assert net["d"].kind.transform.augmentation == Augmentation(2, 12.5, elastic=1, smoothness=5)
    message = message_from_net(net)
    assert read(write_text(message)) == net
    again = read_binary(write_binary(message, schema()), "n", schema(), "NetParameter")
    assert net_from_message(again, Notes()) == net


def test_every_setting_has_a_field_of_its_own_default():
    fields = schema().fields("AugmentationParameter")
    assert set(fields) == {row.field for row in AUGMENTATION_ROWS}
    assert all(getattr(Augmentation(), name) == field.default for name, field in fields.items())


def test_our_numbers_are_none_of_caffes():
    numbers = [field.number for field in schema().fields("TransformationParameter").values()]
    assert sorted(numbers)[-1] >= 50000
    assert len(set(numbers)) == len(numbers)


def test_a_setting_that_cannot_be_is_refused_with_its_place():
    with pytest.raises(DescriptionError, match="scale is 2") as caught:
        read(DATA.format("scale: 2"))
    assert caught.value.where == Where("n.prototxt", 2, 32)


def test_writers_say_that_caffe_does_not_know_it():
    notes = Notes()
    message_from_net(read(DATA.format("shift: 1")), notes)
    assert [note.message for note in notes.warnings] == [
        "augmentation is lenet's own: Caffe does not know it"
    ]
    message_from_net(read(DATA.format("")), again := Notes())
    assert not again.warnings


@pytest.mark.parametrize(
    ("rate", "messages"),
    [
        (OneCycle(0.1, 0.04, 30, 100), ["lr_policy 'onecycle' is lenet's own: Caffe does not know it"]),
        (Fixed(0.1), []),
    ],
)
def test_a_solver_with_the_policy_is_written_with_a_warning(rate, messages):
    job = Job(Net("n"), State("train"), Solver(Sgd(0.9), rate, iterations=100))
    notes = Notes()
    message = message_from_job(job, notes)
    assert [note.message for note in notes.warnings] == messages
    assert message.get("lr_policy") == ("onecycle" if messages else "fixed")


def test_a_part_of_a_source_is_written_as_the_whole_with_a_warning():
    net = read(DATA.format(""))
    part = Part(net["d"].kind.source, 10, first=5)
    node = replace(net["d"], kind=replace(net["d"].kind, source=part))
    notes = Notes()
    message = message_from_net(replace(net, nodes=(node,)), notes)
    assert [note.message for note in notes.warnings] == [
        "only a part of the samples is used here, Caffe would take all"
    ]
    assert isinstance(read(write_text(message))["d"].kind, Feed)
    assert isinstance(read(write_text(message))["d"].kind.source, Mnist)
