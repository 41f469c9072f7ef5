"""A layer's filters as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lenet.report import tiles
from lenet.report.style import HEAD, LIGHT, MARGIN, TICK, Theme, sheet, shorten, write
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 256


def filters(weights: Array, name: str = "", theme: Theme = LIGHT) -> Figure:
    """Convolution weights (outputs, channels, height, width) as tiles on one grey scale around 0.

    Middle grey is 0, white the largest weight, black its negative.  3 channels are drawn as red,
    green and blue; other numbers are averaged.
    """
    number, channels, height, width = weights.shape
    drawn = weights if channels in (1, 3) else weights.mean(axis=1, keepdims=True)
    drawn = drawn[:_MOST]
    finite = np.abs(drawn[np.isfinite(drawn)])
    limit = float(finite.max(initial=0.0))
    where = tiles.layout(len(drawn), height, width, columns=_columns(len(drawn)), most=0.78)
    subtitle = _channels(channels) + f" \N{MIDDLE DOT} the first {_MOST} are shown" * (number > _MOST)
    title = f"{shorten(name, 30)}: " if name else ""
    title += f"{number} filter{'s' * (number != 1)} of {height} x {width}"
    figure = sheet(HEAD + 0.05 + where.height + 0.5, theme, title, subtitle)
    tiles.draw(figure, tiles.pictures(drawn, -limit, limit), where, HEAD + 0.05)
    _draw_scale(figure, limit, HEAD + 0.05 + where.height + 0.1, theme)
    return figure


def _columns(number: int) -> int:
    """Tiles in a row: 10 to 16, such that the last row is as full as can be."""
    if number <= 10:
        return number
    fewest, most = (8, 10) if number <= 60 else (14, 16)
    return max(range(fewest, most + 1), key=lambda columns: (-(-number % columns), columns))


def _channels(channels: int) -> str:
    if channels == 1:
        return "one channel"
    return "red, green and blue" if channels == 3 else f"the mean of {channels} channels"


def _draw_scale(figure: Figure, limit: float, top: float, theme: Theme) -> None:
    """A strip from the most negative to the largest weight, with their numbers."""
    from lenet.report.board import Tile, board

    greys = np.linspace(0, 1, 65)[None, :, None].repeat(3, axis=2)
    board(figure).items.append(Tile(MARGIN + 0.5, top, 1.5, 0.14, greys))
    write(figure, MARGIN, top, f"\N{MINUS SIGN}{limit:.2g}", theme.muted, size=TICK)
    write(figure, MARGIN + 2.07, top, f"{limit:.2g}", theme.muted, size=TICK)
    write(figure, MARGIN + 2.75, top, "middle grey is 0", theme.muted, size=TICK)
