"""The groups, arrays and attributes of an HDF5 file as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lenet.shapes import Array

MADE_TO_HARM = "such a file is made to fill memory"
DEEPEST, MOST = 64, 200_000  # levels of groups, and groups and arrays in all: links may run in circles


@dataclass
class Tree:
    """A group: what it says of itself, its arrays and the groups within, by name."""

    attributes: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    groups: dict[str, Tree] = field(default_factory=dict)

    def find(self, path: str) -> Array | None:
        """The array at a path with slashes, None if there is none."""
        *folders, name = [part for part in path.split("/") if part] or [""]
        here: Tree | None = self
        for folder in folders:
            here = here.groups.get(folder) if here else None
        return here.arrays.get(name) if here else None

    def strings(self, name: str) -> list[str] | None:
        """An attribute that lists names, a long one cut into name0, name1, ...; None if not there."""
        if name in self.attributes:
            return strings_of(self.attributes[name])
        parts, found = 0, list[str]()
        while f"{name}{parts}" in self.attributes:
            found += strings_of(self.attributes[f"{name}{parts}"])
            parts += 1
        return found if parts else None

    def string(self, name: str) -> str | None:
        """An attribute that is one text, None if it is not there."""
        found = strings_of(self.attributes[name]) if name in self.attributes else []
        return found[0] if len(found) == 1 else None


def strings_of(value: Any) -> list[str]:  # noqa: ANN401 whatever an attribute holds
    """The texts in the value of an attribute."""
    items = np.asarray(value, dtype=object).reshape(-1).tolist()
    return [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in items]


def tree_of(arrays: Mapping[str, Array]) -> Tree:
    """Arrays by paths with slashes as a tree of groups.

    >>> tree_of({"conv/kernel": np.zeros(3)}).groups["conv"].arrays["kernel"].shape
    (3,)
    """
    tree = Tree()
    for path, array in arrays.items():
        *folders, name = path.split("/")
        here = tree
        for folder in folders:
            here = here.groups.setdefault(folder, Tree())
        here.arrays[name] = array
    return tree
