"""The compiled library: found, refused with a reason, and the package without it."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lenet.errors import MissingExtra
from lenet.kernels import library

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fresh(monkeypatch):
    """Loading anew, with the variable unset; what was loaded before comes back afterwards."""
    monkeypatch.delenv(library.VARIABLE, raising=False)
    library.load.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    library.load.cache_clear()
    library.load()


def test_the_variable_leaves_the_library_alone(fresh):
    fresh.setenv(library.VARIABLE, "torch")
    assert not library.available()
    assert library.describe() == "plain torch (LENET_KERNELS=torch)"
    with pytest.raises(MissingExtra, match="LENET_KERNELS=torch"):
        library.required()


def test_a_misspelt_variable_is_told(fresh):
    fresh.setenv(library.VARIABLE, "avx3")
    assert "avx3 is none of torch, portable" in library.describe()


def test_a_library_that_was_never_compiled(fresh):
    fresh.setattr(library, "_path", lambda: None)
    assert library.describe() == "plain torch (they were not compiled when the package was installed)"
    assert "compiler" in library.load().hint


def test_a_file_that_is_no_library(fresh, tmp_path):
    path = tmp_path / "_compiled.so"
    path.write_bytes(b"no library")
    fresh.setattr(library, "_path", lambda: path)
    assert "_compiled.so cannot be loaded" in library.describe()


def test_another_version_is_refused(fresh):
    if not library.available():
        pytest.skip(library.describe())
    library.load.cache_clear()
    fresh.setattr(library, "_source", lambda: "0123456789abcdef")
    assert "another version of the source" in library.describe()


@pytest.mark.parametrize("target", library.TARGETS)
def test_less_can_be_asked_for_and_never_more(fresh, target):
    if not library.available():
        pytest.skip(library.describe())
    best = library.load().target
    library.load.cache_clear()
    fresh.setenv(library.VARIABLE, target)
    found = library.load().target
    assert found == min(target, best, key=library.TARGETS.index)


def test_functions_are_plain_c(fresh):
    if not library.available():
        pytest.skip(library.describe())
    assert library.required().lenet_source
    with pytest.raises(AttributeError):
        library.function("lenet_there_is_no_such", ctypes.c_int)


def test_the_doctor_says_what_is_in_use():
    environment = os.environ | {library.VARIABLE: "torch"}
    words = [sys.executable, "-m", "lenet", "doctor", "--system"]
    result = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert "kernels: plain torch (LENET_KERNELS=torch)" in result.stdout
