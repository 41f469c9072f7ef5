"""One look for all figures: two themes, one set of font sizes, places in inches.

Figures use matplotlib's objects only (no pyplot) and change none of its settings, so that they can be
drawn from any thread.  matplotlib is imported when the first figure is made.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lenet.formats.png import figure_png
from lenet.report.table import printable, text_width
from lenet.shapes import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.2  # inches; every figure is as wide, so that letters come out equally large on a page
MARGIN = 0.2
TITLE, SUBTITLE, LABEL, TICK, CELL = 13.0, 10.5, 10.5, 9.5, 9.5  # points
SCREEN, PRINT = 100, 160  # dots per inch
BESIDE: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": False}  # of annotations


@dataclass(frozen=True)
class Theme:
    """Colours of a figure; the palette is Okabe and Ito's, which colour-blind readers can tell apart."""

    background: str
    ink: str
    muted: str
    faint: str
    training: str
    test: str
    accuracy: str
    rate: str
    right: str
    wrong: str
    gap: str  # between grey tiles, told from black, grey and white


LIGHT = Theme(
    background="#ffffff",
    ink="#1b1f24",
    muted="#5a646f",
    faint="#dfe4e9",
    training="#0072b2",
    test="#d55e00",
    accuracy="#00815c",
    rate="#8a5a83",
    right="#0072b2",
    wrong="#d3260f",
    gap="#b9cbdb",
)
DARK = Theme(
    background="#161b22",
    ink="#e8ecf0",
    muted="#a3adb8",
    faint="#333b45",
    training="#56b4e9",
    test="#f0a050",
    accuracy="#3fc79a",
    rate="#d79bc4",
    right="#56b4e9",
    wrong="#ff6a55",
    gap="#35506b",
)


def sheet(height: float, theme: Theme, title: str, subtitle: str = "", width: float = WIDTH) -> Figure:
    """An empty figure `height` x `width` inches large, with a title and a line below it.

    Only pictures for windows are wider than others.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=SCREEN, facecolor=theme.background)
    write(figure, MARGIN, 0.18, shorten(title, int(60 * width / WIDTH)), theme.ink, size=TITLE, bold=True)
    if subtitle:
        write(figure, MARGIN, 0.46, shorten(subtitle, int(88 * width / WIDTH)), theme.muted, size=SUBTITLE)
    return figure


HEAD = 0.8  # inches that title and subtitle take


def write(
    figure: Figure,
    left: float,
    top: float,
    words: str,
    colour: str,
    size: float = LABEL,
    **look: Any,  # noqa: ANN401
) -> None:
    """Words on a figure, `left` and `top` inches from its upper left corner, with a look of `board.Words`."""
    from lenet.report.board import Words, board

    board(figure).items.append(Words(left, top, words, colour, size, **look))


def place(figure: Figure, left: float, top: float, width: float, height: float, theme: Theme) -> Axes:
    """Axes at a place in inches from the figure's upper left corner, with thin lines and a faint grid."""
    across, down = figure.get_size_inches()
    axes = figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
    axes.set_facecolor(theme.background)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.faint)
    axes.tick_params(labelsize=TICK, colors=theme.muted, length=3, width=0.8, which="both")
    axes.tick_params(color=theme.faint, which="both")
    axes.grid(visible=True, color=theme.faint, linewidth=0.6)
    return axes


def canvas(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes without any lines, for pictures; data coordinates are what the caller makes them."""
    across, down = figure.get_size_inches()
    axes = figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
    axes.set_axis_off()
    return axes


def pixels(figure: Figure, dots: int = SCREEN) -> Array:
    """The figure as bytes (H, W, 3), `dots` per inch, for a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dots)
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib leaves its methods without types
    with warnings.catch_warnings():
        # class names come from users: a letter that the font lacks is drawn as a box
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def png(figure: Figure, dots: int = PRINT) -> bytes:
    """The figure as a PNG file of `dots` per inch; the same figure gives the same bytes."""
    return figure_png(pixels(figure, dots), dots)


def shorten(words: str, letters: int) -> str:
    """One line as wide as so many letters at most, the rest as an ellipsis.

    >>> shorten("automobile", 6), shorten("cat", 6)
    ('autom…', 'cat')
    """
    words = printable(words)
    if text_width(words) <= letters:
        return words
    while words and text_width(words) > letters - 1:
        words = words[:-1]
    return words + "\N{HORIZONTAL ELLIPSIS}"


def widest(names: Iterable[str]) -> int:
    """The letters that the longest of these lines takes; 1 at least.

    >>> widest(["cat", "層"]), widest([])
    (3, 1)
    """
    return max(map(text_width, names), default=1) or 1
