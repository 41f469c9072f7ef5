"""CATALOGUE 1: the layers; asking this package for one registers them all, and never imports torch.

A file that needs a few of them imports their own modules, and pays for no others: all of them take
longer to import than a network takes to read.  The list is in `everything.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lenet.layers.everything import *  # noqa: F403


def __getattr__(name: str) -> object:
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(import_module("lenet.layers.everything"), name)
