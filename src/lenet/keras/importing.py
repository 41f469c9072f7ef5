"""Finds the modules that an old Keras script imports: moved ones, gone ones, and real ones with additions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

from lenet.keras.session import Session

Make = Callable[[str], ModuleType]
Change = Callable[[ModuleType], None]


class Replacing(Loader):
    """Loads a module by making it, or by taking one that is there already."""

    def __init__(self, make: Make, session: Session) -> None:
        self.make = make
        self.session = session

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        self.session.added.append(name)
        made = self.make(name)
        if not hasattr(made, "__path__") and made.__name__ == name:
            made.__path__ = []  # modules may be looked for in it
        sys.modules[name] = made


class Changing(Loader):
    """Loads a real module with its own loader, then changes it."""

    def __init__(self, loader: Loader, change: Change) -> None:
        self.loader = loader
        self.change = change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__:
            module.__spec__.loader = self.loader
        module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.change(module)


class First(MetaPathFinder):
    """Asked before Python's own finders: names with a fixed answer, and modules to change."""

    def __init__(
        self, answer: Callable[[str], Make | None], changes: Mapping[str, Change], session: Session
    ) -> None:
        self.answer = answer
        self.changes = changes
        self.session = session

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        make = self.answer(name)
        if make:
            return spec_from_loader(name, Replacing(make, self.session), is_package=True)
        if name not in self.changes:
            return None
        others = (finder for finder in sys.meta_path if not isinstance(finder, First | Last))
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec), None)
        if spec and spec.loader:
            spec.loader = Changing(spec.loader, self.changes[name])
        return spec


class Last(MetaPathFinder):
    """Asked when nobody else has a module: stands in for what is not installed."""

    def __init__(self, answer: Callable[[str], Make | None], session: Session) -> None:
        self.answer = answer
        self.session = session

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        make = self.answer(name)
        return spec_from_loader(name, Replacing(make, self.session), is_package=True) if make else None


def same_as(name: str) -> Make:
    """Gives another module under the name asked for."""
    return lambda _: import_module(name)
