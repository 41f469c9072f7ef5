"""What was found in an image: boxes with class and confidence, beside them what the network saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

#: a colour per class, in turn: Okabe and Ito's, those first that stand out from photographs
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2", "#ffffff")
_FEWEST = 2  # scales beside the image
_TALLEST = 6.0  # inches that the image may take
_GAP = 0.12  # inches
_NAMED = 40  # boxes with words; more would hide each other
_LETTERS = 14
_LINE = 0.17  # inches


@dataclass(frozen=True)
class ScaleView:
    """One scale: its size, the prepared image (C, H, W), the output maps (classes, H, W)."""

    size: tuple[int, int]
    image: Array
    maps: Array


def boxes(
    image: Array, found: Detections, scales: Sequence[ScaleView] = (), label: int = -1, theme: Theme = LIGHT
) -> Figure:
    """An image (H, W) or (H, W, 3) of 0 to 255 with its boxes; beside it scales and output maps.

    `label` is the class whose output maps are shown, -1 the last one.
    """
    height, width = image.shape[:2]
    room = WIDTH - 2 * MARGIN
    across = room * (0.6 if scales else 1.0)
    down = min(across * height / width, _TALLEST)
    across = down * width / height
    shown = _shown(scales, room - across - _GAP, down)
    beside = _column_height(shown, room - across - _GAP) if shown else 0.0
    figure = sheet(HEAD + max(down, beside) + MARGIN, theme, *_headline(found, scales, len(shown)))
    axes = canvas(figure, MARGIN, HEAD, across, down)
    axes.imshow(pictures(_planes(image)[None], 0, 255)[0], interpolation="antialiased", aspect="auto")
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    for box in reversed(found.boxes):
        _draw(axes, box, found, width, named=len(found.boxes) <= _NAMED)
    if shown:
        name = found.class_name(label % len(shown[0].maps))
        _column(figure, shown, (MARGIN + across + _GAP, room - across - _GAP), (label, name), theme)
    return figure


def _headline(found: Detections, scales: Sequence[ScaleView], shown: int) -> tuple[str, str]:
    number = len(found.boxes)
    title = f"{number} box{'es' * (number != 1)} in {found.name}" if number else f"Nothing in {found.name}"
    words = f"{found.width} x {found.height} pixels"
    if scales:
        words += f"; right: what the network saw at {shown} of {len(scales)} scales, and its answers"
    return title, words


def _shown(scales: Sequence[ScaleView], room: float, height: float) -> list[ScaleView]:
    """As many scales, from first to last, as fit beside an image of `height` inches; 2 at least."""
    if not scales:
        return []
    each = _sides(scales[0], room)[1] + _LINE + 0.06
    number = min(len(scales), max(_FEWEST, round((height - _LINE) / each)))
    return [scales[round(index * (len(scales) - 1) / max(number - 1, 1))] for index in range(number)]


def _planes(image: Array) -> Array:
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


def _draw(axes: Axes, box: Box, found: Detections, width: int, named: bool) -> None:
    """A box's frame on a dark line, so that it can be seen on any ground, and its words within."""
    from matplotlib.patches import Rectangle

    colour = COLOURS[box.label % len(COLOURS)]
    for ink, thickness in (("#000000", 3.2), (colour, 1.6)):
        axes.add_patch(
            Rectangle(
                (box.left - 0.5, box.top - 0.5),
                box.width,
                box.height,
                fill=False,
                edgecolor=ink,
                linewidth=thickness,
            )
        )
    if named:
        words = f"{shorten(found.class_name(box.label), _LETTERS)} {box.confidence:.2f}"
        at_right = box.left > 0.85 * width
        side = min(box.left + box.width, width) if at_right else max(box.left, 0)
        axes.text(
            side + 0.006 * width * (-1 if at_right else 1),
            max(box.top, 0) + 0.006 * width,
            words,
            color="#000000",
            size=CELL - 3 if len(found.boxes) > 8 else CELL - 1,
            ha="right" if at_right else "left",
            va="top",
            parse_math=False,
            clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
        )


def _sides(scale: ScaleView, room: float) -> tuple[float, float]:
    """Width and height in inches of a scale's image; its map takes as much beside it."""
    across = (room - _GAP) / 2
    height, width = scale.image.shape[1:]
    down = min(across * height / width, 1.3)
    return down * width / height, down


def _column_height(shown: Sequence[ScaleView], room: float) -> float:
    return _LINE + sum(_sides(scale, room)[1] + _LINE + 0.06 for scale in shown)


def _column(
    figure: Figure,
    shown: Sequence[ScaleView],
    span: tuple[float, float],
    shown_class: tuple[int, str],
    theme: Theme,
) -> None:
    """Scales below each other: the prepared image at left, the outputs for one class at right."""
    left, room = span
    label, name = shown_class
    second = left + (room + _GAP) / 2
    write(figure, left, HEAD - 0.03, "prepared", theme.ink, size=CELL)
    write(figure, second, HEAD - 0.03, f"'{shorten(name, _LETTERS)}'", theme.ink, size=CELL)
    top = HEAD + _LINE
    answers = np.concatenate([scale.maps[label].ravel() for scale in shown])
    low, high = float(answers.min()), float(answers.max())
    for scale in shown:
        across, down = _sides(scale, room)
        _tile(figure, pictures(scale.image[None])[0], (left, top, across, down))
        _tile(figure, pictures(scale.maps[label][None, None], low, high)[0], (second, top, across, down))
        words = "{1} x {0}".format(*scale.size)
        write(figure, left, top + down + 0.02, words, theme.muted, size=CELL - 1)
        words = "{1} x {0}".format(*scale.maps.shape[1:])
        write(figure, second, top + down + 0.02, words, theme.muted, size=CELL - 1)
        top += down + _LINE + 0.06


def _tile(figure: Figure, colours: Array, where: tuple[float, float, float, float]) -> None:
    axes = canvas(figure, *where)
    small = max(colours.shape[:2]) <= 128
    axes.imshow(colours, interpolation="nearest" if small else "antialiased", aspect="auto")
