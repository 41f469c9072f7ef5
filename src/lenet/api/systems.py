"""Whose files can be trained and tested, and what is asked beside a Keras file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.dialects import recognise
from lenet.errors import FileError, UsageError, Where, did_you_mean

if TYPE_CHECKING:
    from lenet.dialects.keras.training import Asked

TRAINED = ("caffe", "eblearn", "keras")
_KERAS = {"optimizer": str, "rate": float, "batch": int, "epochs": int, "data": str, "weights": str}


def file_named(given: object) -> str:
    """The name of a file that somebody gives.

    Raises: UsageError for what is no name.

    >>> file_named(Path("lenet.onnx"))
    'lenet.onnx'
    """
    name = os.fspath(given) if isinstance(given, str | os.PathLike) else given
    if not isinstance(name, str):
        raise UsageError(f"{given!r} is no name of a file", hint="give a str or a pathlib.Path")
    return name


def system_of(path: str | Path) -> str:
    """Whose file it is that tells how to train and test: "caffe", "eblearn" or "keras".

    Raises: FileError if there is no such file; UsageError for a file that tells nothing of training.
    """
    from lenet.dialects.keras.training import is_built_in

    if is_built_in(str(path)):
        return "keras"
    if not Path(path).exists():
        raise FileError("there is no such file", Where(str(path)), "check the path")
    name = recognise(path).name
    if name not in TRAINED:
        raise UsageError(f"a file of {name}'s tells nothing of training", Where(str(path)), NO_TRAINING)
    return name


NO_TRAINING = "convert it to Keras' form, which can be trained: lenet convert IN... OUT.keras"


def keras_asked(settings: Mapping[str, str]) -> Asked:
    """What settings ask of a Keras training.

    Raises: UsageError for a setting that there is not, or another kind of value.

    >>> keras_asked({"rate": "0.1"}).rate
    0.1
    """
    from lenet.dialects.keras.training import Asked

    found = {}
    for name, word in settings.items():
        if name not in _KERAS:
            hint = did_you_mean(name, _KERAS) or f"there are {', '.join(_KERAS)}"
            raise UsageError(f"a Keras training has no setting '{name}'", hint=hint)
        try:
            found[name] = _KERAS[name](word)
        except ValueError:
            raise UsageError(f"{name} is '{word}', a number is wanted") from None
        if _KERAS[name] is int and found[name] < 1:
            raise UsageError(f"{name} is {word}, 1 or more is wanted")
    return Asked(**found)
