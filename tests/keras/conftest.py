"""Keras keeps its settings in a folder of its own while tests run."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _keras_home(tmp_path_factory):
    if "KERAS_HOME" not in os.environ:
        os.environ["KERAS_HOME"] = str(tmp_path_factory.mktemp("keras_home"))


@pytest.fixture(scope="session")
def keras(_keras_home):
    """The real Keras on torch."""
    pytest.importorskip("keras")
    from lenet.keras.backend import the_keras

    return the_keras()
