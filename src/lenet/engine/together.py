"""Which images go through a network together: those of one size, and not too many pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from lenet.shapes import Array, Shape

Thing = TypeVar("Thing")

_NUMBERS = 2_000_000  # pixels times channels of images that go through a network together


def together(things: Iterable[Thing], most: int, image: Callable[[Thing], Array]) -> Iterator[list[Thing]]:
    """Things whose images are of one size and follow each other, `most` at once, of not too many pixels.

    Each is taken when it is its turn, so that memory stays the same however many there are.
    """
    group: list[Thing] = []
    for thing in things:
        pixels = image(thing)
        fits = len(group) < most and (len(group) + 1) * pixels.size <= _NUMBERS
        if group and not (fits and pixels.shape == image(group[0]).shape):
            yield group
            group = []
        group.append(thing)
    if group:
        yield group


def alike(images: Sequence[Array]) -> list[list[int]]:
    """The places of images that go through the network together, wherever in the list they are."""
    sizes: dict[Shape, list[int]] = {}
    for place, image in enumerate(images):
        sizes.setdefault(image.shape, []).append(place)
    groups = (together(places, len(places), lambda place: images[place]) for places in sizes.values())
    return [group for parts in groups for group in parts]
