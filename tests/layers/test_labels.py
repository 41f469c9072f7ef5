"""Losses and accuracies: every normalization, ignored labels, ties, and labels that cannot be."""

import itertools

import numpy as np
import pytest
import torch

from lenet.errors import DataError
from lenet.layers import Accuracy, SoftmaxLoss
from lenet.shapes import ShapeError

NORMALIZATIONS = ("full", "valid", "batch_size", "none")


def run(layer, scores, labels):
    return layer.operation([tuple(scores.shape), tuple(labels.shape)], training=True)([scores, labels])


@pytest.mark.parametrize(
    ("normalization", "ignored", "dtype"),
    list(itertools.product(NORMALIZATIONS, (None, 2, 255), (torch.int64, torch.float32))),
)
def test_loss_is_the_sum_of_logarithms_divided(normalization, ignored, dtype):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 5, 2, 3, generator=generator)
    labels = torch.randint(5, (4, 1, 2, 3), generator=generator)
    if ignored == 255:
        labels[0] = 255
    counts = np.ones(24, bool) if ignored is None else (labels != ignored).numpy().ravel()
    chances = scores.softmax(1).movedim(1, -1).reshape(24, 5).numpy()
    logs = [-np.log(chances[i, label]) for i, label in enumerate(labels.ravel()) if counts[i]]
    divisor = {"full": 24, "valid": counts.sum(), "batch_size": 4, "none": 1}[normalization]
    loss = run(SoftmaxLoss(ignore_label=ignored, normalization=normalization), scores, labels.to(dtype))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(sum(logs) / divisor, rel=1e-5)  # float32


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_batch_of_ignored_labels_costs_nothing(normalization):
    scores = torch.randn(3, 4, requires_grad=True)
    loss = run(SoftmaxLoss(ignore_label=1, normalization=normalization), scores, torch.ones(3))
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, scores)[0].any()


def test_loss_of_probabilities():
    scores = torch.randn(3, 4)
    loss, probabilities = run(SoftmaxLoss(probabilities=True), scores, torch.tensor([0, 3, 1]))
    torch.testing.assert_close(probabilities, scores.softmax(1))
    assert loss.item() == pytest.approx(-probabilities[[0, 1, 2], [0, 3, 1]].log().mean().item(), rel=1e-5)


def test_the_usual_loss_is_one_call():
    scores = torch.randn(64, 10, requires_grad=True)
    loss = run(SoftmaxLoss(), scores, torch.randint(10, (64,)))
    assert loss.grad_fn.name() == "NllLossBackward0"


LABEL = "label 10 (sample 2 of the batch) is outside the 10 classes, which are numbered from 0 to 9"


@pytest.mark.parametrize("layer", [SoftmaxLoss(), SoftmaxLoss(ignore_label=255), Accuracy()])
@pytest.mark.parametrize("shape", [(4, 10), (4, 10, 3, 3)])
def test_label_outside_the_classes(layer, shape):
    labels = torch.zeros(4, *shape[2:])
    labels[2] = 10
    with pytest.raises(DataError) as error:
        run(layer, torch.randn(shape), labels)
    assert error.value.message == LABEL


@pytest.mark.parametrize("label", [-1, -100, 2**40, float("nan")])
@pytest.mark.parametrize("layer", [SoftmaxLoss(), Accuracy()])
def test_any_number_may_stand_where_a_label_should(layer, label):
    with pytest.raises(DataError, match=r"label -?\d+ \(sample 1 of the batch\)"):
        run(layer, torch.randn(2, 10), torch.tensor([3, label]))


@pytest.mark.parametrize("layer", [SoftmaxLoss(), Accuracy()])
def test_as_many_labels_as_answers(layer):
    with pytest.raises(ShapeError) as error:
        layer.shape([(4, 10, 3, 3), (4,)])
    assert error.value.message == (
        "4 labels (4) for 36 answers: the scores are 4 x 10 x 3 x 3, the classes lie along axis 1"
    )


@pytest.mark.parametrize("top_k", [1, 2, 5])
@pytest.mark.parametrize("ignored", [None, 1])
def test_accuracy_is_counted_one_by_one(top_k, ignored):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(4, (40, 5, 2), generator=generator).float()  # many ties
    labels = torch.randint(5, (40, 2), generator=generator)
    right, total = np.zeros(5), np.zeros(5)
    for sample, place in itertools.product(range(40), range(2)):
        label = int(labels[sample, place])
        if label != ignored:
            own = scores[sample, label, place]
            total[label] += 1
            right[label] += sum(bool(score >= own) for score in scores[sample, :, place]) <= top_k
    layer = Accuracy(top_k, ignore_label=ignored, per_class=True)
    accuracy, by_class = run(layer, scores, labels)
    assert accuracy.item() == pytest.approx(right.sum() / total.sum())
    np.testing.assert_allclose(by_class, right / np.maximum(total, 1), rtol=1e-6)
    assert run(Accuracy(top_k, ignore_label=ignored), scores, labels) == accuracy


def test_scores_that_are_no_numbers_are_wrong():
    scores = torch.full((3, 4), float("nan"))
    assert run(Accuracy(), scores, torch.zeros(3)).item() == 0


def test_accuracy_of_nothing_is_0():
    accuracy, by_class = run(Accuracy(ignore_label=1, per_class=True), torch.randn(2, 3), torch.ones(2))
    assert accuracy.item() == 0
    assert by_class.tolist() == [0, 0, 0]


def test_accuracy_needs_as_many_classes_as_answers_count():
    with pytest.raises(ShapeError, match="top_k is 11, there are 10 classes"):
        Accuracy(top_k=11).shape([(4, 10), (4,)])


def test_a_sample_counts_at_most_what_caffe_lets_it_count():
    """-log of the smallest float32; the gradient is that of the uncut loss, as in Caffe."""
    scores = torch.tensor([[1e30, 0.0, 0.0], [0.0, 1.0, 2.0]], requires_grad=True)
    labels = torch.tensor([1, 2])
    loss = SoftmaxLoss().operation([(2, 3), (2,)], True)([scores, labels])
    usual = torch.nn.functional.cross_entropy(scores[1:], labels[1:])
    assert float(loss.detach()) == pytest.approx((87.33654475 + float(usual.detach())) / 2, rel=1e-6)
    loss.backward()
    torch.testing.assert_close(scores.grad[0], torch.tensor([0.5, -0.5, 0.0]))
