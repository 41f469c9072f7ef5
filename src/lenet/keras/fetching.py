"""MNIST as scikit-learn's `fetch_openml` and the older `fetch_mldata` give it, without a download."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lenet.data.mnist import mnist_arrays
from lenet.keras.session import Session
from lenet.shapes import Array

TRAINING = 60_000
OPENML, OPENML_ID = "mnist_784", 554
MLDATA = ("mnist original", "mnist-original", "mnist_original")


class Rows(np.ndarray):
    """An array that also answers to what a table of pandas' is asked for its values."""

    @property
    def values(self) -> Array:
        """The values, an array."""
        return np.asarray(self)

    def to_numpy(self, dtype: Any = None) -> Array:  # noqa: ANN401
        """The values, an array."""
        return np.asarray(self, dtype)


def pooled() -> tuple[Array, Array]:
    """All 70,000 digits, those for training first: images (70000, 784), uint8, and labels (70000,)."""
    (train, train_labels), (test, test_labels) = mnist_arrays("train"), mnist_arrays("test")
    images = np.concatenate([train.reshape(len(train), -1), test.reshape(len(test), -1)])
    return images, np.concatenate([train_labels, test_labels])


def openml(real: Callable[..., Any], session: Session) -> Callable[..., Any]:
    """`fetch_openml` that has MNIST here and asks the real one for everything else.

    As there, labels are texts.  Pixels are float32, not float64: all have exact values in both.
    """

    def fetch_openml(name: str | None = None, *args: Any, **words: Any) -> Any:  # noqa: ANN401
        if name != OPENML and words.get("data_id") != OPENML_ID:
            return real(name, *args, **words)
        session.inform("fetch_openml: MNIST comes from lenet, nothing is downloaded")
        images, labels = pooled()
        data = images.astype(np.float32).view(Rows)
        target = labels.astype("U1").astype(object).view(Rows)
        return (data, target) if words.get("return_X_y") else _bunch(data, target)

    return fetch_openml


def mldata(session: Session) -> Callable[..., Any]:
    """`fetch_mldata`, whose server is gone: MNIST sorted by class, labels as numbers, as it was there."""

    def fetch_mldata(dataname: str, *args: Any, **words: Any) -> Any:  # noqa: ANN401
        if dataname.lower() not in MLDATA:
            raise ValueError(f"mldata.org is gone, and of its data lenet has only MNIST, not {dataname!r}")
        session.warn("fetch_mldata is fetch_openml('mnist_784') today; MNIST comes from lenet")
        images, labels = pooled()
        is_test = np.arange(len(labels)) >= TRAINING
        order = np.lexsort((labels, is_test))  # those for training first, each part by class
        return _bunch(images[order], labels[order].astype(np.float64))

    return fetch_mldata


def _bunch(data: Array, target: Array) -> Any:  # noqa: ANN401
    from sklearn.utils import Bunch

    names = [f"pixel{number}" for number in range(1, data.shape[1] + 1)]
    return Bunch(
        data=data, target=target, feature_names=names, target_names=["class"], DESCR="MNIST", frame=None
    )
