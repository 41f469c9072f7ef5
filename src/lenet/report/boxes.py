"""What was found in an image: boxes with class and confidence, beside them what the network saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lenet.report.style import (
    CELL,
    HEAD,
    LIGHT,
    MARGIN,
    WIDTH,
    Theme,
    canvas,
    sheet,
    shorten,
    write,
)
from lenet.report.tiles import pictures
from lenet.results import Box, Detections
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: a colour per class, in turn: those that EBLearn draws with
COLOURS = (
    "#0000ff", "#455bff", "#00ffff", "#00ff00", "#ff0000", "#ffffff", "#ff00ff",
    "#ffff00", "#ff8000", "#0080ff", "#8000ff", "#008080", "#808080",
)  # fmt: skip
_FEWEST = 2  # scales beside the image
_TALLEST = 6.0  # inches that the image may take
_GAP = 0.12  # inches
_NAMED = 40  # boxes with words; more would hide each other
_LETTERS = 14
_MOST_MAPS = 16  # of classes
_NAME, _NAME_SIZE = 0.13, 7.0  # inches that a map's name takes, its points
_NAME_LETTER = 0.62 * _NAME_SIZE / 72
_LINE = 0.17  # inches


@dataclass(frozen=True)
class ScaleView:
    """One scale: its size, the prepared image (C, H, W), the output maps (classes, H, W).

    `windows` are the pixels of the prepared image that boxes were found by.
    """

    size: tuple[int, int]
    image: Array
    maps: Array
    windows: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Marks:
    """What is written at a box; boxes of low confidence are drawn fainter by `fading`, 0 to 1."""

    classes: bool = True
    confidences: bool = True
    fading: float = 0.0

    def words(self, box: Box, found: Detections) -> str:
        """The class and the confidence of a box, as far as they are wanted."""
        name = shorten(found.class_name(box.label), _LETTERS) if self.classes else ""
        confidence = f"{box.confidence:.2f}" if self.confidences else ""
        return f"{name} {confidence}".strip()

    def opacity(self, box: Box) -> float:
        """How strongly a box is drawn; those of a confidence of 1 and more wholly."""
        return 1 - self.fading * (1 - min(max(box.confidence, 0.0), 1.0))


def boxes(
    image: Array,
    found: Detections,
    scales: Sequence[ScaleView] = (),
    label: int = -1,
    theme: Theme = LIGHT,
    marks: Marks = Marks(),
) -> Figure:
    """An image (H, W) or (H, W, 3) of 0 to 255 with its boxes; beside it scales and output maps.

    The maps of all classes are shown; of more than 16 that of the class `label`, -1 the last one.
    """
    height, width = image.shape[:2]
    room = WIDTH - 2 * MARGIN
    across = room * (0.6 if scales else 1.0)
    down = min(across * height / width, _TALLEST)
    across = down * width / height
    shown = _shown(scales, found, room - across - _GAP, down)
    beside = _column_height(shown, room - across - _GAP) if shown else 0.0
    figure = sheet(HEAD + max(down, beside) + MARGIN, theme, *_headline(found, scales, len(shown)))
    axes = canvas(figure, MARGIN, HEAD, across, down)
    axes.imshow(pictures(_planes(image)[None], 0, 255)[0], interpolation="antialiased", aspect="auto")
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    for box in reversed(found.boxes):
        words = marks.words(box, found) if len(found.boxes) <= _NAMED else ""
        _draw(axes, box, (words, marks.opacity(box)), width, len(found.boxes) > 8)
    if shown:
        _column(figure, shown, (MARGIN + across + _GAP, room - across - _GAP), label, found, theme)
    return figure


def _headline(found: Detections, scales: Sequence[ScaleView], shown: int) -> tuple[str, str]:
    number = len(found.boxes)
    title = f"{number} box{'es' * (number != 1)} in {found.name}" if number else f"Nothing in {found.name}"
    words = f"{found.width} x {found.height} pixels"
    if scales:
        words += f"; right: what the network saw at {shown} of {len(scales)} scales, and its answers"
    return title, words


def _shown(scales: Sequence[ScaleView], found: Detections, room: float, height: float) -> list[ScaleView]:
    """As many scales as fit beside an image of `height` inches, 2 at least: from first to last.

    In place of the nearest of them that which the surest box was found at.
    """
    if not scales:
        return []
    each = _sides(scales[0], room)[1] + _LINE + 0.06
    number = min(len(scales), max(_FEWEST, round((height - _LINE) / each)))
    places = [round(index * (len(scales) - 1) / max(number - 1, 1)) for index in range(number)]
    surest = next((box.scale for box in found.boxes if 0 <= box.scale < len(scales)), None)
    if surest is not None and surest not in places:
        nearest = min(range(len(places)), key=lambda index: abs(places[index] - surest))
        places[nearest] = surest
    return [scales[place] for place in places]


def _planes(image: Array) -> Array:
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


def _draw(axes: Axes, box: Box, look: tuple[str, float], width: int, small: bool) -> None:
    """A box's frame on a dark line, so that it can be seen on any ground, and its words within."""
    words, opacity = look
    colour = COLOURS[box.label % len(COLOURS)]
    _frame(axes, box, "#000000", 3.2, opacity)
    _frame(axes, box, colour, 1.6, opacity)
    if words:
        at_right = box.left > 0.85 * width
        side = min(box.left + box.width, width) if at_right else max(box.left, 0)
        axes.text(
            side + 0.006 * width * (-1 if at_right else 1),
            max(box.top, 0) + 0.006 * width,
            words,
            color=_ink(colour),
            size=CELL - 3 if small else CELL - 1,
            ha="right" if at_right else "left",
            va="top",
            parse_math=False,
            clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.0, "alpha": 0.85 * opacity},
        )


def _frame(axes: Axes, box: Box, colour: str, thickness: float, opacity: float = 1.0) -> None:
    from matplotlib.patches import Rectangle

    corner = (box.left - 0.5, box.top - 0.5)
    look: dict[str, Any] = {"fill": False, "edgecolor": colour, "linewidth": thickness, "alpha": opacity}
    axes.add_patch(Rectangle(corner, box.width, box.height, **look))


def _ink(ground: str) -> str:
    """Black or white, whichever is read better on a colour."""
    red, green, blue = (int(ground[start : start + 2], 16) for start in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else "#ffffff"


def _sides(scale: ScaleView, room: float) -> tuple[float, float]:
    """Width and height in inches of a scale's image; its map takes as much beside it."""
    across = (room - _GAP) / 2
    height, width = scale.image.shape[1:]
    down = min(across * height / width, 1.3)
    return down * width / height, down


def _column_height(shown: Sequence[ScaleView], room: float) -> float:
    return _LINE + sum(_sides(scale, room)[1] + _LINE + 0.06 for scale in shown)


def _column(
    figure: Figure, shown: Sequence[ScaleView], span: tuple[float, float], label: int, found: Detections,
    theme: Theme,
) -> None:  # fmt: skip
    """Scales below each other: the prepared image at left, the outputs at right."""
    left, room = span
    second = left + (room + _GAP) / 2
    number = len(shown[0].maps)
    labels = [*range(number)] if number <= _MOST_MAPS else [label % number]
    name = f"'{shorten(found.class_name(labels[0]), _LETTERS)}'" if len(labels) == 1 else "outputs"
    write(figure, left, HEAD - 0.03, "prepared", theme.ink, size=CELL)
    write(figure, second, HEAD - 0.03, name, theme.ink, size=CELL)
    top = HEAD + _LINE
    limits = _limits(shown, labels)
    for scale in shown:
        across, down = _sides(scale, room)
        axes = _tile(figure, pictures(scale.image[None])[0], (left, top, across, down))
        for window in scale.windows[:_NAMED]:
            _frame(axes, window, COLOURS[window.label % len(COLOURS)], 0.8)
        names = [found.class_name(each) for each in labels]
        _maps(figure, scale.maps[labels], limits, (second, top, across, down), names, theme)
        words = "{1} x {0}".format(*scale.size)
        write(figure, left, top + down + 0.02, words, theme.muted, size=CELL - 1)
        words = "{1} x {0}".format(*scale.maps.shape[1:])
        write(figure, second, top + down + 0.02, words, theme.muted, size=CELL - 1)
        top += down + _LINE + 0.06


def _limits(shown: Sequence[ScaleView], labels: Sequence[int]) -> tuple[float, float]:
    """What is black and what is white in the maps of classes: their least and greatest output.

    Where all are equal, as in a single map of one position, those of all classes; never one value.
    """
    own = np.concatenate([scale.maps[labels].ravel() for scale in shown])
    if own.min() == own.max():
        own = np.concatenate([scale.maps.ravel() for scale in shown])
    low, high = float(own.min()), float(own.max())
    return (low, high) if low < high else (low - 1, high + 1)


def _maps(
    figure: Figure,
    maps: Array,
    limits: tuple[float, float],
    where: tuple[float, float, float, float],
    names: Sequence[str],
    theme: Theme,
) -> None:
    """The output maps of classes in rows, each with its name; one alone without."""
    left, top, across, down = where
    if len(maps) == 1:
        _tile(figure, pictures(maps[:1, None], *limits)[0], where)
        return
    columns = 2 if len(maps) <= 4 else 4
    rows = -(-len(maps) // columns)
    factor = min(1.0, (down - rows * _NAME) * columns / (rows * down))
    across_one, down_one = across / columns * factor, down / columns * factor
    axes = canvas(figure, left, top, across, down)
    for index, (colours, name) in enumerate(zip(pictures(maps[:, None], *limits), names, strict=True)):
        row, column = divmod(index, columns)
        x, y = column * across / columns, row * (down_one + _NAME)
        right, bottom = x + across_one - 0.03, y + down_one - 0.03
        axes.imshow(colours, extent=(x, right, bottom, y), aspect="auto", interpolation="nearest")
        axes.plot((x, right, right, x, x), (y, y, bottom, bottom, y), color=theme.gap, linewidth=0.8)
        letters = max(2, int(across / columns / _NAME_LETTER))
        look: dict[str, Any] = {"color": theme.muted, "size": _NAME_SIZE, "va": "top", "parse_math": False}
        axes.text(x, bottom + 0.01, shorten(name, letters), **look)
    axes.set_xlim(0, across)
    axes.set_ylim(down, 0)


def _tile(figure: Figure, colours: Array, where: tuple[float, float, float, float]) -> Axes:
    axes = canvas(figure, *where)
    small = max(colours.shape[:2]) <= 128
    axes.imshow(colours, interpolation="nearest" if small else "antialiased", aspect="auto")
    height, width = colours.shape[:2]
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    return axes
