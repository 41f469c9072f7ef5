"""Samples of a set in a grid, the name of the class below each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lenet.report import tiles
from lenet.report.style import CELL, HEAD, LIGHT, Theme, sheet, shorten
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INCHES_PER_LETTER = 0.62 * CELL / 72


def labelled(
    images: Sequence[Array],
    names: Sequence[str],
    title: str,
    subtitle: str = "",
    columns: int = 8,
    limits: tuple[float, float] | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Images (C, H, W) in rows of `columns`, each with its name; smaller ones in the middle of their tile.

    `limits` are the values that are black and white, by default the least and the greatest of all.
    """
    shown = _alike(images, limits)
    lines = 1 if any(names) else 0
    where = tiles.layout(len(shown), shown.shape[2], shown.shape[3], columns, lines)
    top = HEAD if subtitle else HEAD - 0.25
    figure = sheet(top + where.height + 0.1, theme, title, subtitle)
    drawn = tiles.draw(figure, tiles.pictures(shown, *(limits or (None, None))), where, top)
    letters = max(2, int((where.across + 0.06) / _INCHES_PER_LETTER))
    for index, name in enumerate(names if lines else ()):
        drawn.caption(index, [shorten(name, letters)], [theme.muted])
    return figure


def _alike(images: Sequence[Array], limits: tuple[float, float] | None) -> Array:
    """The images as one array (N, C, H, W), on a ground of the darkest value."""
    channels = 3 if any(len(image) == 3 for image in images) else 1
    values = [_channels(np.asarray(image, np.float64), channels) for image in images]
    height, width = (max(image.shape[axis] for image in values) for axis in (1, 2))
    ground = limits[0] if limits else min(float(np.nan_to_num(image).min()) for image in values)
    shown = np.full((len(values), channels, height, width), float(ground))
    for canvas, image in zip(shown, values, strict=True):
        top, left = (height - image.shape[1]) // 2, (width - image.shape[2]) // 2
        canvas[:, top : top + image.shape[1], left : left + image.shape[2]] = image
    return shown


def _channels(image: Array, channels: int) -> Array:
    """An image of one channel as grey, one of three as colours, others averaged to grey."""
    if len(image) not in (1, 3):
        image = image.mean(axis=0, keepdims=True)
    return np.broadcast_to(image, (channels, *image.shape[1:])) if len(image) == 1 else image
