"""What a configuration says about training."""

from pathlib import Path

import pytest

from lenet.data.labelled import LabelledMatrices, Part
from lenet.data.mnist import Mnist
from lenet.dialects import recognise
from lenet.dialects.eblearn.solver import read_solver, read_training, start_weights
from lenet.dialects.eblearn.weights import write_weights
from lenet.errors import DescriptionError, FileError, LenetError, Notes
from lenet.job import Solver
from lenet.solvers.hessian import Annealed, DiagonalHessian
from lenet.solvers.rate import Fixed
from lenet.weights import Weights

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "eblearn-mnist" / "mnist.conf"
DEMO = ROOT.parent / "shared" / "models" / "eblearn" / "demos" / "mnist" / "mnist.conf"


def read(*settings):
    return read_solver(EXAMPLE, Notes(), settings)


def test_example():
    job = read()
    assert job.solver == Solver(DiagonalHessian(100, 4000), Fixed(0.0001), seed=None)
    assert (job.epochs.number, job.epochs.first, job.epochs.save, job.epochs.display) == (20, 1, 1, 400)
    assert job.epochs.double
    assert [test.name for test in job.tests] == ["val", "train"]
    assert job.outputs.prefix == "mnist"
    assert recognise(EXAMPLE).name == "eblearn"


def test_the_first_node_brings_the_data():
    notes = Notes()
    job = read_solver(EXAMPLE, notes)
    feed = job.net.nodes[0].kind
    assert feed.source == Part(Mnist("train", instead_of="/train-images-idx3-ubyte"), 2000)
    assert feed.transform.scale == 0.01
    assert any("the MNIST in the package is used" in note.message for note in notes)


def test_picking():
    picking = read(("fixed_randomization", "1")).epochs.picking
    assert (picking.balanced, picking.rounds, picking.reorder, picking.reshuffle) == (True, 3, False, True)
    assert (picking.weighing, picking.epoch, picking.skipped) == (None, "all", 2008)
    other = read(("balanced_training", "0"), ("epoch_mode", "0"), ("epoch_size", "50")).epochs.picking
    assert (other.balanced, other.epoch) == (False, 50)
    weighed = read(("sample_probabilities", "1"), ("hardest_focus", "1")).epochs.picking
    assert weighed.weighing.hardest
    assert not weighed.weighing.ignore_correct


def test_rates():
    job = read(("anneal_period", "7"), ("anneal_value", ".5"), ("inertia", ".9"), ("reg_l1", "1e-4"))
    assert job.solver.rate == Annealed(0.0001, 0.5, 7)
    assert job.solver.update == DiagonalHessian(inertia=0.9, l1=1e-4)


def test_tests():
    assert read(("no_training_test", "1"), ("max_testing", "9")).tests[0].batches == 10
    assert read(("no_testing_test", "1"), ("no_training_test", "1")).tests == ()
    assert read(("test_only", "1")).epochs.number == 0


@pytest.mark.parametrize(("name", "value"), [("eta", ""), ("trainer", ""), ("iterations", "many")])
def test_what_is_needed(name, value):
    with pytest.raises(LenetError):
        read((name, value))


def test_missing_data_are_named_with_their_line(tmp_path):
    with pytest.raises(FileError, match=r"samples\.mat") as caught:
        read(("train", "samples.mat"))
    assert "train" in caught.value.message


def test_a_mistyped_variable_is_told(tmp_path):
    conf = tmp_path / "mnist.conf"
    table = EXAMPLE.with_name("table_6_16_connect_60.mat")
    conf.write_text(EXAMPLE.read_text().replace("${current_dir}table", f"{table.parent}/table"))
    conf.write_text(conf.read_text() + "annea_period = 100\n")
    notes = Notes()
    read_solver(conf, notes)
    (found,) = [note for note in notes if "annea_period" in note.message]
    assert "anneal_period" in found.hint
    assert found.where.line == len(conf.read_text().splitlines())


def test_matrices_as_data():
    folder = Path(__file__).parents[2] / "oracle" / "eblearn"
    settings = [(name, str(folder / "dig_a_data.mat")) for name in ("train", "val")]
    settings += [(f"{name}_labels", str(folder / "dig_a_labels.mat")) for name in ("train", "val")]
    settings += [(f"{name}_size", "") for name in ("train", "val")]
    settings += [("add_features_dimension", "0"), ("zpad0_dims", "1x1")]
    job = read(*settings)
    reader = job.net.nodes[0].kind.source.open()
    assert isinstance(job.net.nodes[0].kind.source.source, LabelledMatrices)
    assert reader.shapes == ((1, 32, 32), ())
    assert len(reader) == 4
    job.net.select(job.state).shapes()


def test_retrain(tmp_path):
    training = read_training(EXAMPLE, Notes())
    layers: dict = {}
    for place in training.layout:
        layers.setdefault(place.layer, {})[place.parameter] = ones(place.shape)
    path = tmp_path / "mnist_net00003.mat"
    write_weights(path, Weights(layers), training.layout)
    settings = (("retrain", "1"), ("retrain_weights", str(path)), ("retrain_iteration", "4"))
    again = read_training(EXAMPLE, Notes(), settings)
    assert (again.job.epochs.first, again.job.epochs.number) == (4, 20)
    (weights,) = start_weights(again, Notes())
    assert weights.count() == 51046
    missing = read_training(EXAMPLE, Notes(), settings[:1] + settings[2:] + (("retrain_weights", str(path)),))
    path.unlink()
    with pytest.raises(FileError):
        start_weights(missing, Notes())


def ones(shape):
    import numpy as np

    return np.ones(shape)


def test_no_energy():
    with pytest.raises(DescriptionError):
        read(("trainer", ""))


@pytest.mark.skipif(not DEMO.is_file(), reason="EBLearn's own demonstration is not in this checkout")
def test_the_example_means_the_same_as_the_demonstration():
    demo = read_solver(DEMO, Notes(), [("root", "none")])
    ours = read_solver(EXAMPLE, Notes(), [("root", "none")])
    assert ours.solver == demo.solver
    assert ours.epochs == demo.epochs
    assert [node.kind for node in ours.net.nodes] == [node.kind for node in demo.net.nodes]
    assert [node.name for node in ours.net.nodes] == [node.name for node in demo.net.nodes]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train_size", "-5"),
        ("val_size", "-1"),
        ("eta", "-1"),
        ("inertia", "2"),
        ("reg_l2", "-1e-4"),
        ("anneal_period", "-3"),
        ("max_testing", "-3"),
        ("limit_classes", "-2"),
        ("epoch_mode", "7"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(tmp_path, name, value):
    path = tmp_path / "mnist.conf"
    lines = EXAMPLE.read_text().replace("${current_dir}", f"{EXAMPLE.parent}/").splitlines()
    path.write_text("\n".join([*lines, f"{name} = {value}"]) + "\n")
    with pytest.raises(DescriptionError) as caught:
        read_solver(path, Notes())
    assert str(caught.value).startswith(f"{path}:{len(lines) + 1}: '{name}' is {float(value):g}\n  hint: ")


@pytest.mark.parametrize("name", ["train_size", "val_size"])
def test_a_size_of_zero_takes_all_and_says_so(name):
    notes = Notes()
    job = read_solver(EXAMPLE, notes, [(name, "0")])
    node = job.net.nodes[0] if name == "train_size" else job.tests[0].net.nodes[0]
    assert node.kind.source.number is None
    assert any(note.message.startswith(f"'{name} = 0': all samples") for note in notes)


def test_a_precision_that_is_none_is_told():
    notes = Notes()
    assert read_solver(EXAMPLE, notes, [("training_precision", "half")]).epochs.double
    assert any("neither double nor float" in note.message for note in notes)
