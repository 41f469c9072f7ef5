"""A catalogue: the named classes of one kind (layers, fillers, sources, update rules, rate policies).

Registration is a decorator; the name is how the description and our native files spell the class,
never how a dialect does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Catalogue(Generic[T]):
    """Names mapped to classes, in the order of their registration.

    >>> fruits: Catalogue[object] = Catalogue("fruit")
    >>> @fruits.add("apple")
    ... class Apple: ...
    >>> fruits["apple"].__name__, fruits.name_of(Apple), list(fruits)
    ('Apple', 'apple', ['apple'])
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._classes: dict[str, type[T]] = {}
        self._names: dict[type, str] = {}

    def add(self, name: str) -> Callable[[type[T]], type[T]]:
        """Register the decorated class under `name`; a second class of that name is an error."""

        def register(cls: type[T]) -> type[T]:
            if name in self._classes:
                raise ValueError(f"{self.noun} '{name}' is registered twice")
            self._classes[name] = cls
            self._names[cls] = name
            return cls

        return register

    def __getitem__(self, name: str) -> type[T]:
        return self._classes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def name_of(self, cls: type) -> str:
        """The name under which `cls` was registered."""
        return self._names[cls]
