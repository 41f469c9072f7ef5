"""What the headers of a configuration's data files say: the size of a sample, the number of classes."""

from __future__ import annotations

from pathlib import Path

from lenet.data.mnist import FILES
from lenet.dialects.eblearn.places import locate
from lenet.errors import LenetError, Notes
from lenet.formats.conf_values import Values
from lenet.formats.idx import is_idx, read_idx_header
from lenet.formats.matrices import MatrixFile, holds_several
from lenet.formats.matrix import is_matrix, read_matrix_header
from lenet.formats.number_table import is_number_table, read_number_table, read_numbers
from lenet.shapes import Shape

_SETS = ("train", "val")
_MNIST_SIZE, _MNIST_CLASSES = (28, 28), 10


def sample_shape(values: Values, notes: Notes) -> Shape | None:
    """The shape of one sample as the network gets it, without a batch axis; None if its data are not here.

    Files of MNIST's names count as MNIST, which is in the package, wherever they are said to be.
    """
    for name in _SETS:
        shape = _shape_of(values, name, notes) if values.exists(name) else None
        if shape is not None:
            flat = values.exists_true("add_features_dimension") and len(shape) == 2
            return (1, *shape) if flat else shape
    return None


def output_count(values: Values, notes: Notes) -> int | None:
    """The number of classes, or of numbers to predict, that the data tell; None if they are not here."""
    if values.exists("classification_outputs"):
        return values.integer("classification_outputs")
    is_training = values.resolution.values.get("run_type") != "detect"
    if is_training and values.exists("train_labels") and not values.exists_true("classification"):
        return _label_width(values, notes)
    named = _first_size(values, "classes", notes)
    if named and not is_training:
        return named
    counts = [_first_size(values, f"{name}_classes", notes) for name in _SETS]
    counts += [_largest_label(values, f"{name}_labels", notes) for name in _SETS]
    largest = max((found for found in counts if found), default=named)
    limit = values.integer("limit_classes", 0)
    return min(largest, limit) if largest and limit and is_training else largest


def _shape_of(values: Values, name: str, notes: Notes) -> Shape | None:
    path = locate(values, name, notes)
    if path is None:
        return _MNIST_SIZE if Path(values.string(name)).name in FILES else None
    try:
        if is_idx(path):
            return read_idx_header(path).shape[1:]
        if is_number_table(path):
            return (read_number_table(path).shape[1],)
        if holds_several(path):
            with MatrixFile(path) as matrices:
                header = matrices.header(0)
                return header.shape if header else None
        return read_matrix_header(path).shape[1:]
    except LenetError:
        return None  # whoever reads the data says what is wrong with them


def _first_size(values: Values, name: str, notes: Notes) -> int | None:
    path = locate(values, name, notes) if values.exists(name) else None
    return read_matrix_header(path).shape[0] if path else None


def _label_width(values: Values, notes: Notes) -> int | None:
    path = locate(values, "train_labels", notes)
    if path is None or is_idx(path):
        return None
    shape = read_matrix_header(path).shape if is_matrix(path) else read_number_table(path).shape
    return shape[1] if len(shape) > 1 else 1


def _largest_label(values: Values, name: str, notes: Notes) -> int | None:
    if not values.exists(name):
        return None
    path = locate(values, name, notes)
    if path is None:
        return _MNIST_CLASSES if Path(values.string(name)).name in FILES else None
    if not (is_idx(path) or is_matrix(path) or is_number_table(path)):
        return None
    labels = read_numbers(path)
    return int(labels.max()) + 1 if labels.size else None
