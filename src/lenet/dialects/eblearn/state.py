"""What a training needs to go on as if it had not been stopped, in one file beside the weights.

EBLearn has no such file: this one is ours, several of its matrices in a fixed order.  It is written at
each saving of weights, one for a run, and says whose weights it goes with.
"""

from __future__ import annotations

from pathlib import Path

from lenet.checkpoint import EpochState
from lenet.data.picking import PickerMemory, PickerState
from lenet.errors import FileError, Where
from lenet.formats.matrices import MatrixFile, write_matrices
from lenet.shapes import Array

_VERSION = 1
_NUMBERS = 9  # whole numbers in the first matrix
_FIXED = 13  # matrices before those of the history


def state_name(name: str) -> str:
    """The file's name; `name` is the run's, empty for none.

    >>> state_name("mnist"), state_name("")
    ('mnist_state.mat', 'state.mat')
    """
    return f"{name}_state.mat" if name else "state.mat"


def partial_name(name: str, epoch: int, samples: int) -> str:
    """The file's name for weights within an epoch: no EBLearn tool, and nobody, takes it for a whole one's.

    >>> partial_name("mnist", 6, 1234)
    'mnist_net00005_and_1234_samples.mat'
    """
    start = f"{name}_net" if name else "net"
    return f"{start}{epoch - 1:05d}_and_{samples}_samples.mat"


def write_state(path: str | Path, state: EpochState) -> None:
    """Write a state.

    Raises: FileError if the file cannot be written.
    """
    import numpy as np

    picker, place = state.picker, state.picker.place
    numbers = (
        _VERSION,
        state.epoch,
        state.within,
        state.iteration,
        place.current,
        place.group,
        place.turn,
        place.shown,
        picker.refused,
    )
    whole = (numbers, tuple(map(len, place.groups)), tuple(each for group in place.groups for each in group))
    texts = (state.weights.encode(), picker.draws, picker.shuffles, state.generator)
    write_matrices(
        path,
        [
            *(np.array(each, np.int64) for each in (*whole, place.places, place.turns, place.left)),
            *(np.frombuffer(each, np.uint8) for each in texts),
            np.asarray(picker.energies, np.float64),
            np.asarray(picker.correct, np.uint8),
            np.asarray(picker.probabilities, np.float64),
            *state.history,
        ],
    )


def read_state(path: str | Path) -> EpochState:
    """A state, with the path of its weights from the working directory.

    Raises: FileError if it cannot be read or is none.
    """
    where = Where(str(path))
    with MatrixFile(path) as file:
        matrices = [array for array in file if array is not None]
        complete = len(matrices) == len(file)
    if not complete or len(matrices) < _FIXED or not _plausible(matrices):
        raise FileError("this is no state of a training", where, "it is called NAME_state.mat")
    whole, texts = matrices[:6], [array.tobytes() for array in matrices[6:10]]
    numbers, sizes, members, places, turns, left = (array.tolist() for array in whole)
    groups = tuple(
        tuple(members[sum(sizes[:index]) : sum(sizes[: index + 1])]) for index in range(len(sizes))
    )
    _, epoch, within, iteration, current, group, turn, shown, refused = numbers
    place = PickerState(current, groups, tuple(places), group, turn, tuple(turns), tuple(left), shown)
    picker = PickerMemory(place, texts[1], texts[2], refused, matrices[10], matrices[11], matrices[12])
    weights = str(Path(path).parent / texts[0].decode("utf-8", "replace"))
    history = tuple(matrices[_FIXED:])
    return EpochState(epoch, bool(within), iteration, picker, history, texts[3], weights, where)


def _plausible(matrices: list[Array]) -> bool:
    numbers, sizes, members = matrices[:3]
    kinds = "".join(array.dtype.kind for array in matrices[:_FIXED])
    return (
        kinds == "iiiiii" + "uuuu" + "fuf"
        and all(array.ndim == 1 for array in matrices[:_FIXED])
        and len(numbers) == _NUMBERS
        and numbers[0] == _VERSION
        and sizes.min() >= 0
        and sizes.sum() == len(members)
        and (len(matrices[7]), len(matrices[8])) == (220, 124)
    )
