"""The answers of tests in files: `save_answers` and `save_confusion`.

The names are EBLearn's; of its csv no record exists, so the columns are our own and named in a first line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lenet.dialects.eblearn.weights import weights_name
from lenet.formats.files import whole_file
from lenet.formats.matrix import write_matrix
from lenet.shapes import Array

_VALIDATION = "val"


def answers_name(name: str, iteration: int, samples: str) -> str:
    """The file's name for the answers to a set after an iteration.

    >>> answers_name("mnist", 5, "val")
    'mnist_net00005_val_answers.csv'
    """
    return weights_name(name, iteration).replace(".mat", f"_{samples}_answers.csv")


def confusion_name(name: str, iteration: int, samples: str) -> str:
    """The file's name for the confusions in a set after an iteration; validation is called test.

    >>> confusion_name("mnist", 5, "val"), confusion_name("mnist", 5, "train")
    ('mnist_net00005_confusion_test.mat', 'mnist_net00005_confusion_train.mat')
    """
    word = "test" if samples == _VALIDATION else samples
    return weights_name(name, iteration).replace(".mat", f"_confusion_{word}.mat")


def write_answers(path: str | Path, desired: Array, answers: Array) -> None:
    """Write the lines of :func:`answer_lines`.

    Raises: FileError if the file cannot be written.
    """
    with whole_file(path) as file:
        file.write("".join(f"{line}\n" for line in answer_lines(desired, answers)).encode())


def answer_lines(desired: Array, answers: Array) -> Iterator[str]:
    """A line per sample: its number, what was desired, what was answered; first the columns' titles.

    `desired` (N,) are classes and `answers` (N, 2) classes with how sure they are; or both are numbers,
    (N, outputs).

    >>> import numpy as np
    >>> list(answer_lines(np.array([7]), np.array([[2, 0.25]])))
    ['sample,desired,answer,confidence', '0,7,2,0.25']
    """
    classes = desired.ndim == 1
    if classes:
        titles = ["sample", "desired", "answer", "confidence"]
    else:
        places = range(answers.shape[1])
        titles = ["sample", *(f"desired{at}" for at in places), *(f"answer{at}" for at in places)]
    yield ",".join(titles)
    for index, (wanted, found) in enumerate(zip(desired, answers, strict=True)):
        cells = [int(wanted), int(found[0]), float(found[1])] if classes else [*wanted, *found]
        yield ",".join([str(index), *(f"{cell:.10g}" for cell in cells)])


def write_confusion(path: str | Path, counts: Array) -> None:
    """Write how often each class was answered for each desired one: a matrix of int, answer x desired.

    Raises: FileError if the file cannot be written.
    """
    write_matrix(path, counts, "int")
