"""What a figure has hundreds of, lines of words and small pictures, drawn together by one artist.

matplotlib makes several objects of each and lays each out anew.  Here words are drawn once and stamped on
whole dots, pictures are enlarged by repeating their pixels.  All places are inches from the figure's upper
left corner.

Importing this imports matplotlib: do it inside functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.transforms import Transform
from PIL import Image, ImageDraw, ImageFont

from lenet.report.style import PRINT
from lenet.shapes import Array

_AROUND = 2  # dots of room around words, for letters that reach over their box
_KEPT = 2048  # stamps; those of a report's light figures serve its dark ones
_LARGE = 3  # times that a picture is enlarged from which on its pixels may be seen
_ABOVE = 3  # of axes and all that is in them
_FACTORS = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "top": 1.0}


@dataclass(frozen=True)
class Words:
    """A line of words of `size` points; `side` and `level` tell which part of it stands at the place.

    `level` is bottom, center, top, baseline, or numbers: the middle of a number.  `upright` words are read
    from below; `ground` is the colour of a box behind them.
    """

    left: float
    top: float
    words: str
    colour: str
    size: float
    side: str = "left"
    level: str = "top"
    bold: bool = False
    upright: bool = False
    ground: str = ""

    def draw(self, canvas: _Canvas) -> None:
        """Stamp the words."""
        coverage, below = _stamp(self.words, self.size, self.bold, canvas.dots)
        coverage = np.rot90(coverage) if self.upright else coverage
        height, width = (side - 2 * _AROUND for side in coverage.shape)
        x, y = canvas.dot(self.left, self.top)
        left = round(x - _FACTORS[self.side] * width)
        if self.level in _FACTORS:
            bottom = round(y - _FACTORS[self.level] * height)
        else:
            bottom = round(y - (height - below) / 2 * (self.level == "numbers")) - below
        if self.ground:
            pad = round(_PAD * canvas.dots / 72)
            canvas.fill(left - pad, bottom - pad, width + 2 * pad, height + 2 * pad, self.ground, _GROUND)
        canvas.paint(left - _AROUND, bottom - _AROUND, coverage, self.colour)


_PAD, _GROUND = 0.9, 0.85  # points that the ground of words is larger, how much it covers


@dataclass(frozen=True)
class Tile:
    """A picture (H, W, 3), bytes or 0 to 1; pixels of a `smooth` one are not to be seen."""

    left: float
    top: float
    across: float
    down: float
    colours: Array
    smooth: bool = False

    def draw(self, canvas: _Canvas) -> None:
        """Draw the picture in whole dots."""
        left, bottom, width, height = canvas.dots_of(self.left, self.top, self.across, self.down)
        colours = self.colours
        if colours.dtype != np.uint8:
            colours = (colours * 255).round().astype(np.uint8)
        if self.smooth and height < _LARGE * len(colours):
            colours = np.asarray(Image.fromarray(colours).resize((width, height), Image.Resampling.HAMMING))
        else:
            colours = colours[_nearest(colours.shape[0], height)][:, _nearest(colours.shape[1], width)]
        image = np.full((height, width, 4), 255, np.uint8)
        image[..., :3] = colours
        canvas.draw(left, bottom, image)


@dataclass(frozen=True)
class Frame:
    """The edges of a rectangle, lines of `thickness` points."""

    left: float
    top: float
    across: float
    down: float
    colour: str
    thickness: float = 2.0

    def draw(self, canvas: _Canvas) -> None:
        """Draw four lines, half of each within the rectangle."""
        left, bottom, width, height = canvas.dots_of(self.left, self.top, self.across, self.down)
        line = max(1, round(self.thickness * canvas.dots / 72))
        start, low = left - line // 2, bottom - line // 2
        for x, y in ((start, low), (start, low + height)):
            canvas.fill(x, y, width + line, line, self.colour)
        for x, y in ((start, low), (start + width, low)):
            canvas.fill(x, y, line, height + line, self.colour)


class Board(Artist):
    """Draws what is put on it, in that order, over all else in the figure."""

    def __init__(self) -> None:
        super().__init__()
        self.set_zorder(_ABOVE)
        self.items: list[Words | Tile | Frame] = []

    def draw(self, renderer: RendererBase) -> None:
        """Draw everything."""
        canvas = _Canvas(renderer)
        for item in self.items:
            item.draw(canvas)


def board(figure: Figure) -> Board:
    """The figure's board."""
    for artist in figure.artists:
        if isinstance(artist, Board):
            return artist
    made = Board()
    figure.add_artist(made)
    return made


def inches(figure: Figure, transform: Transform, x: float, y: float) -> tuple[float, float]:
    """Where a transform, an axes' with known limits, say, puts numbers on the figure."""
    across, up = (float(dots) / figure.dpi for dots in transform.transform((x, y)))
    return across, float(figure.get_size_inches()[1]) - up


def words_width(words: str, size: float) -> float:
    """How many inches wide a line of words of `size` points is."""
    width: int = _stamp(words, size, False, PRINT)[0].shape[1] - 2 * _AROUND
    return width / PRINT


class _Canvas:
    """Where a figure is drawn: dots, counted from the lower left corner."""

    def __init__(self, renderer: RendererBase) -> None:
        self.dots = float(renderer.points_to_pixels(72.0))  # type: ignore[arg-type]  # of an inch
        self._height = renderer.get_canvas_width_height()[1]
        self._gc = renderer.new_gc()
        self._draw: Callable[..., None] = renderer.draw_image

    def dot(self, left: float, top: float) -> tuple[float, float]:
        """The dot at a place."""
        return left * self.dots, self._height - top * self.dots

    def dots_of(self, left: float, top: float, across: float, down: float) -> tuple[int, int, int, int]:
        """Left, bottom, width and height of a rectangle in whole dots."""
        start, end, upper = (
            round(left * self.dots),
            round((left + across) * self.dots),
            round(top * self.dots),
        )
        lower = round((top + down) * self.dots)
        return start, round(self._height) - lower, end - start, lower - upper

    def draw(self, left: int, bottom: int, image: Array) -> None:
        """Draw an image (H, W, 4), its lower left corner there."""
        if image.size:
            self._draw(self._gc, left, bottom, np.ascontiguousarray(image[::-1]))  # from the lowest row on

    def paint(self, left: int, bottom: int, coverage: Array, colour: str) -> None:
        """Paint a colour where the coverage (H, W), 0 to 255, says."""
        image = np.empty((*coverage.shape, 4), np.uint8)
        image[..., :3] = _bytes(colour)
        image[..., 3] = coverage
        self.draw(left, bottom, image)

    def fill(self, left: int, bottom: int, width: int, height: int, colour: str, part: float = 1.0) -> None:
        """Fill a rectangle, covering a part of what was there."""
        self.paint(left, bottom, np.full((height, width), round(255 * part), np.uint8), colour)


def _bytes(colour: str) -> tuple[int, ...]:
    """Red, green and blue of "#rrggbb"."""
    return tuple(bytes.fromhex(colour[1:]))


def _nearest(pixels: int, dots: int) -> Array:
    """The pixel that each of so many dots shows.

    >>> _nearest(2, 4).tolist()
    [0, 0, 1, 1]
    """
    return ((np.arange(dots) + 0.5) * pixels / dots).astype(int)


@lru_cache(_KEPT)
def _stamp(words: str, size: float, bold: bool, dots: float) -> tuple[Array, int]:
    """How much words cover of each dot, (H, W), 0 to 255, and how many dots are below their baseline.

    Around their box, which has room for any usual letter, is a little more.
    """
    font = _font(size * dots / 72, bold)
    boxes = [font.getbbox(each, anchor="ls") for each in (words, "lp")]  # from the baseline, downwards
    above, below = -math.floor(min(box[1] for box in boxes)), math.ceil(max(box[3] for box in boxes))
    width, height = (side + 2 * _AROUND for side in (math.ceil(font.getlength(words)), above + below))
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((_AROUND, above + _AROUND), words, fill=255, font=font, anchor="ls")
    return np.asarray(image), below


@cache
def _font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    """The font that matplotlib writes with, `size` dots high."""
    return ImageFont.truetype(findfont(FontProperties(weight="bold" if bold else "normal")), size)
