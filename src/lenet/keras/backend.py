"""Which library Keras computes with, and what is said where Keras is missing."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from lenet.errors import MissingExtra, need

VARIABLE = "KERAS_BACKEND"
OURS = "torch"
KERAS_WRITES = "tensorflow"  # what Keras puts into a new keras.json by itself, whatever is installed


class MissingImport(MissingExtra, ImportError):
    """A library is missing; an ImportError too, for scripts that try an import and go on without."""


def choose_backend() -> None:
    """Have Keras compute with torch unless it was imported before or the user chose a backend.

    A choice is the variable KERAS_BACKEND, or a keras.json that names another backend than the one that
    Keras writes there by itself.
    """
    if "keras" in sys.modules or os.environ.get(VARIABLE):
        return
    if _configured() in ("", KERAS_WRITES):
        os.environ[VARIABLE] = OURS


def _configured() -> str:
    """The backend in the user's keras.json; empty if there is none."""
    path = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser(), "keras.json")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    backend = settings.get("backend", "") if isinstance(settings, dict) else ""
    return backend if isinstance(backend, str) else ""


def the_keras(purpose: str = "lenet.keras") -> ModuleType:
    """The real Keras.

    Raises: MissingImport if Keras, or the library that it is to compute with, is not installed.
    """
    choose_backend()
    if find_spec("keras") is None:
        raise missing("keras", purpose)
    chosen = os.environ.get(VARIABLE, "")
    try:
        return import_module("keras")
    except ImportError as error:
        if error.name and not error.name.startswith("keras"):
            hint = f"Keras was told to compute with {chosen}: {VARIABLE}=torch" if chosen else ""
            raise MissingImport(f"Keras needs '{error.name}', which is not installed", hint=hint) from None
        raise


def missing(library: str, purpose: str) -> MissingImport:
    """The error for a library of the extra `keras` that is not installed."""
    error = need(library, "keras", purpose)
    return MissingImport(error.message, error.where, error.hint)
