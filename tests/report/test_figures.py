"""Every figure draws whatever comes, without a warning, and nothing leaves the picture."""

import io

import numpy as np
import pytest
from PIL import Image

from lenet.report.bars import class_errors
from lenet.report.board import Words
from lenet.report.confusion import confusion
from lenet.report.curves import curves
from lenet.report.digits import probabilities, wrong_samples
from lenet.report.filters import filters
from lenet.report.history import History
from lenet.report.panels import panels
from lenet.report.ranked import RANKINGS, Look, ranked
from lenet.report.style import DARK, LIGHT, SCREEN, WIDTH, png
from lenet.report.tiles import layout, pictures
from lenet.results import Answers, Output, Progress, TestScores

from .drawn import frames_on, placed, tiles_on, words_on

NAN = float("nan")


def answers(number, classes, *, wrong=(), shape=(1, 8, 8), names=(), seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, number)
    said = labels.copy()
    for index in wrong:
        said[index] = (labels[index] + 1) % classes
    scores = random.random((number, classes)) * 0.1
    scores[np.arange(number), said] += 1
    return Answers(labels, scores, random.random((number, *shape)).astype(np.float32), names)


def history(losses, rates=None, tests=()):
    result = History()
    for index, loss in enumerate(losses):
        result.add(Progress(index, loss, rates[index] if rates else 0.01, (), index * 0.01, index * 64))
    for iteration, accuracy, loss in tests:
        outputs = [Output("accuracy", accuracy)] if accuracy is not None else []
        outputs += [Output("loss", loss, 1.0)] if loss is not None else []
        result.add(TestScores(iteration, 0, tuple(outputs), 0.1))
    return result


def drawn(figure):
    """The figure's pixels after a look whether its width is right and its words are inside."""
    assert figure.get_size_inches()[0] == pytest.approx(WIDTH)
    image = Image.open(io.BytesIO(png(figure, SCREEN)))
    edges = image.convert("RGB")
    background = edges.getpixel((0, 0))
    width, height = edges.size
    border = [(x, y) for x in range(width) for y in (0, height - 1)]
    border += [(x, y) for y in range(height) for x in (0, width - 1)]
    assert all(edges.getpixel(place) == background for place in border), "something is cut off"
    return np.asarray(edges)


HISTORIES = {
    "nothing": history([]),
    "one point": history([2.3]),
    "one point that is no number": history([NAN], [None]),
    "two equal": history([1.0, 1.0], tests=[(0, 0.5, 1.0)]),
    "zero loss": history([0.0] * 300, tests=[(300, 1.0, 0.0)]),
    "diverged": history(
        [2.0 + i for i in range(150)] + [NAN] * 150, tests=[(0, 0.1, 2.3), (300, 0.098, NAN)]
    ),
    "infinite": history([1.0, float("inf"), -float("inf"), 3.0] * 50),
    "negative": history(list(-np.linspace(0, 5, 300))),
    "tests only": history([], tests=[(0, 0.1, 2.3), (500, 0.97, 0.1), (1000, 0.99, 0.03)]),
    "no accuracy": history([1.0, 0.5], tests=[(2, None, 0.4)]),
    "perfect": history([0.1, 0.01], tests=[(1, 0.999, 0.1), (2, 1.0, 0.0)]),
    "rates in steps": history([1.0] * 30, [0.1 * 0.1 ** (i // 10) for i in range(30)]),
    "rates of zero": history([1.0] * 3, [0.0, 0.0, 0.0]),
    "tiny numbers": history([1e-30 * (i + 1) for i in range(400)], [1e-12] * 400),
    "huge numbers": history([1e30 / (i + 1) for i in range(400)], [1e6] * 400),
    "many": history(
        list(2 / (1 + np.arange(20_000) / 100)), tests=[(i, i / 20_000, 1.0) for i in range(0, 20_000, 100)]
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_curves(name):
    drawn(curves(HISTORIES[name]))


def test_curves_say_what_matters():
    figure = curves(history([2.0, 1.0, NAN], tests=[(0, 0.1, 2.3), (3, 0.9905, 0.0294813)]))
    words = words_on(figure)
    assert words[0] == "Test accuracy 99.05 % at iteration 3"
    assert words[1] == "loss not a number at iteration 2 · best 99.05 % · test loss 0.0295 · training loss 1"


CASES = {
    "one": answers(1, 1),
    "one wrong": answers(1, 2, wrong=[0]),
    "none wrong": answers(40, 3),
    "ten classes": answers(200, 10, wrong=range(0, 200, 7)),
    "all wrong": answers(12, 10, wrong=range(12)),
    "24 classes": answers(100, 24, wrong=range(0, 100, 9)),
    "100 classes": answers(300, 100, wrong=range(0, 300, 20)),
    "odd names": answers(
        60, 4, wrong=[1, 2], shape=(3, 6, 9), names=("a\nb", "automobile", "$x_1$", "層" * 30)
    ),
    "large images": answers(20, 10, wrong=[3], shape=(2, 70, 30)),
}


@pytest.mark.parametrize("draw", [panels, ranked, wrong_samples, confusion, class_errors])
@pytest.mark.parametrize("name", CASES)
def test_figures_of_answers(name, draw):
    case, theme = CASES[name], DARK if "t" in name else LIGHT
    if draw in (panels, ranked, wrong_samples):
        drawn(draw(case, theme=theme))
    else:
        drawn(draw(case.confusion(), case.classes, theme))


def test_no_samples_at_all():
    empty = Answers(np.zeros(0, int), np.zeros((0, 3)), np.zeros((0, 1, 4, 4)))
    for figure in (
        confusion(empty.confusion(), empty.classes),
        panels(empty),
        ranked(empty),
        wrong_samples(empty),
    ):
        drawn(figure)


def test_every_count_is_in_its_cell():
    counts = np.array([[980, 2, 0], [0, 1130, 5], [1, 0, 1031]])
    figure = confusion(counts, ("a", "b", "c"))
    (matrix,) = tiles_on(figure)
    side = matrix.across / 3
    cells = {
        (int((words.top - matrix.top) / side), int((words.left - matrix.left) / side)): words.words
        for words in placed(figure, Words)[2:8]
    }
    assert cells == {
        (0, 0): "980", (0, 1): "2", (1, 1): "1,130", (1, 2): "5", (2, 0): "1", (2, 2): "1,031",
    }  # fmt: skip


SCORES = np.array([[0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.8, 0.2]])
FOUR = Answers(np.array([0, 0, 0, 1]), SCORES, np.zeros((4, 1, 5, 5)))  # the last three are wrong


def words(figure):
    """What is written below the title and the line under it."""
    return words_on(figure)[2:]


def test_the_wrong_ones_come_surest_first():
    assert words(wrong_samples(FOUR)) == ["0 → 1", "90.0 %", "1 → 0", "80.0 %", "0 → 1", "70.0 %"]


def test_panels_show_truth_answers_and_the_wrong_ones():
    figure = panels(FOUR)
    labels = [each for each in placed(figure, Words) if each.ground]
    assert [each.words for each in labels] == [*"0001", *"0110", *"110"]  # truth, answers, wrong ones
    said, missed = labels[4:8], labels[8:]
    frames = frames_on(figure)
    assert len(frames) == 6
    assert [(each.left, each.top) for each in frames] == [
        (each.left, each.top) for each in (*said[1:], *missed)
    ]
    across = {round(after.left - before.left, 9) for before, after in zip(said[1:], missed, strict=True)}
    assert len(across) == 1  # they stay where they were
    assert [each.top for each in missed] == [each.top for each in said[1:]]


def test_panels_for_a_window_are_wide_enough_for_their_columns():
    figure = panels(answers(90, 10), rows=5, columns=18)
    assert figure.get_size_inches()[0] > WIDTH
    assert len(tiles_on(figure)) == 3 * 90


def test_samples_come_in_the_order_of_their_energies():
    highest, lowest, right, _ = (ranked(FOUR, (ranking,)) for ranking in RANKINGS)
    assert words(highest) == ["0 → 1", "2.303", "1 → 0", "1.609", "0 → 1", "1.204"]
    assert words(lowest) == ["0 → 1", "1.204", "1 → 0", "1.609", "0 → 1", "2.303"]
    assert words(right) == ["0 → 0", "0.511"]
    assert words_on(highest)[0] == "Incorrect classifications, highest energies first"


def test_energies_of_its_own_count_before_those_of_the_scores():
    case = Answers(FOUR.labels, SCORES, FOUR.images, energies=np.array([0.0, 0.25, 1234.5, 0.5]))
    shown = words(ranked(case, RANKINGS[:1]))
    assert shown == ["0 → 1", "1e+03", "1 → 0", "0.500", "0 → 1", "0.250"]


@pytest.mark.parametrize("look", [Look(), Look(outputs=True), Look(words=False), Look(False, True, False)])
def test_what_is_written_at_a_sample(look):
    case = answers(60, 10, wrong=range(30))
    case.outputs, case.wanted = case.scores * 2 - 1, (-1.0, 1.0)
    figure = ranked(case, RANKINGS[:1], rows=2, columns=12, look=look)
    drawn_width = figure.get_size_inches()[0]
    assert len(tiles_on(figure)) == 24
    assert len(words(figure)) == 24 * look.words * (1 + look.energies)
    assert sum(len(axes.patches) for axes in figure.axes) == 240 * look.outputs  # a bar for each output
    assert drawn_width >= WIDTH
    assert png(figure, 40)


@pytest.mark.parametrize(
    "shape",
    [
        (1, 1, 1, 1),
        (20, 1, 5, 5),
        (11, 1, 3, 3),
        (96, 3, 11, 11),
        (6, 7, 5, 3),
        (300, 2, 3, 3),
        (2, 1, 1, 40),
    ],
)
def test_filters(shape):
    weights = np.random.default_rng(1).normal(size=shape)
    weights.flat[0] = NAN
    drawn(filters(weights, "conv1"))
    drawn(filters(np.zeros(shape), theme=DARK))


def test_filters_share_one_scale_with_zero_in_the_middle():
    weights = np.zeros((2, 1, 2, 2))
    weights[0, 0, 0, 0], weights[1, 0, 1, 1] = 0.5, -0.25
    first, second, scale = tiles_on(filters(weights, "conv1"))
    assert first.colours[0, 0, 0] == 1.0
    assert first.colours[1, 1, 0] == 0.5
    assert second.colours[1, 1, 0] == 0.25
    assert scale.colours[0, [0, 32, 64], 0].tolist() == [0, 0.5, 1]


def test_pictures_are_scaled_alike():
    grey = pictures(np.array([[[[0, 64]]], [[[128, 255]]]], dtype=np.uint8))
    np.testing.assert_allclose(grey[:, 0, :, 0], np.array([[0, 64], [128, 255]]) / 255)
    assert pictures(np.zeros((0, 1, 4, 4))).shape == (0, 4, 4, 3)
    assert pictures(np.full((1, 5, 2, 2), 7.0)).tolist() == np.zeros((1, 2, 2, 3)).tolist()


@pytest.mark.parametrize(("number", "height", "width"), [(0, 5, 5), (1, 1, 300), (7, 300, 1), (50, 28, 28)])
def test_tiles_have_square_pixels(number, height, width):
    where = layout(number, height, width, columns=10)
    assert where.across / where.down == pytest.approx(width / height)
    assert where.columns * where.rows >= number


def test_scores_become_probabilities():
    np.testing.assert_allclose(probabilities(np.array([[0.0, np.log(3.0)]])), [[0.25, 0.75]])
    assert probabilities(np.array([[1000.0, -1000.0]])).tolist() == [[1.0, 0.0]]


def test_the_same_figure_gives_the_same_bytes():
    case = answers(30, 10, wrong=[1])
    assert png(panels(case)) == png(panels(case))
