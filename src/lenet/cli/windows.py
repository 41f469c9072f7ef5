"""Windows with pictures that change while work goes on; matplotlib opens them."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from lenet.errors import Notes
from lenet.report.style import SCREEN, pixels

if TYPE_CHECKING:
    from matplotlib.backend_bases import KeyEvent
    from matplotlib.figure import Figure

    from lenet.shapes import Array

_REACT_EVERY = 0.05  # seconds between two looks at what the user does
_UNKNOWN_SCREEN = (1600, 900)  # pixels, where the toolkit does not tell
_BORDERS = (40, 140)  # pixels that the window's frame, its buttons and a task bar take


class Windows:
    """Windows by title; one that the user has closed is not opened again, and nothing else happens.

    Nothing runs beside the program: whoever works calls :meth:`react` often.
    """

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}
        self._reacted = 0.0
        self._keys: list[str] = []

    @property
    def titles(self) -> list[str]:
        """The titles of the windows that are open."""
        from matplotlib import pyplot

        return [title for title, figure in self._figures.items() if pyplot.fignum_exists(figure.number)]

    @property
    def untouched(self) -> bool:
        """Whether no window was opened yet."""
        return not self._figures

    def show(self, title: str, figure: Figure, zoom: float = 1.0, widest: int = 10_000) -> None:
        """Show a picture in the window of this title, `zoom` times as large, at most as the screen."""
        picture = pixels(figure)
        if title not in self._figures:
            self._figures[title] = self._opened(title, picture, zoom, widest)
        elif title in self.titles:
            _put(self._figures[title], picture)
        self.react(at_once=True)

    def react(self, at_once: bool = False) -> None:
        """Let the windows redraw themselves and take what the user does; cheap to call often."""
        if not at_once and time.monotonic() - self._reacted < _REACT_EVERY:
            return
        self._reacted = time.monotonic()
        for title in self.titles:
            if title in self.titles:  # handling another one's events may have closed it
                self._figures[title].canvas.flush_events()

    def wait(self, seconds: float | None = None, key: str = "") -> None:
        """Wait so long, or until `key` is pressed in a window, or until all windows are closed."""
        end = None if seconds is None else time.monotonic() + seconds
        self._keys.clear()
        while self.titles and (end is None or time.monotonic() < end):
            self.react(at_once=True)
            if key and key in self._keys:
                return
            time.sleep(_REACT_EVERY if end is None else min(_REACT_EVERY, max(0.0, end - time.monotonic())))

    def close(self) -> None:
        """Close all windows."""
        from matplotlib import pyplot

        for title in self.titles:
            pyplot.close(self._figures[title])

    def _pressed(self, event: KeyEvent) -> None:
        self._keys.append(event.key or "")

    def _opened(self, title: str, picture: Array, zoom: float, widest: int) -> Figure:
        from matplotlib import pyplot, rc_context

        height, width = picture.shape[:2]
        with rc_context({"figure.raise_window": False}):
            figure = pyplot.figure(title, figsize=(width / SCREEN, height / SCREEN), dpi=SCREEN)
            most = _screen(figure.canvas.manager)
            scale = min(zoom, min(most[0], widest) / width, most[1] / height)
            figure.set_size_inches(width * scale / SCREEN, height * scale / SCREEN)
            figure.canvas.mpl_connect("key_press_event", self._pressed)
            figure.add_axes((0, 0, 1, 1)).set_axis_off()
            _put(figure, picture)
            figure.show()
        return figure


def _put(figure: Figure, picture: Array) -> None:
    """Put a picture into a window, as large as there is room; a zoom of the user's stays."""
    axes = figure.axes[0]
    if axes.images and axes.images[0].get_size() == picture.shape[:2]:
        axes.images[0].set_data(picture)
    else:
        axes.clear()
        axes.set_axis_off()
        axes.imshow(picture, interpolation="antialiased")
    red, green, blue = picture[0, 0] / 255
    figure.set_facecolor((red, green, blue))
    figure.canvas.draw_idle()


def _screen(manager: Any) -> tuple[int, int]:  # noqa: ANN401 of any window toolkit
    """The pixels that a window may take."""
    window = getattr(manager, "window", None)
    try:
        size = window.winfo_screenwidth(), window.winfo_screenheight()  # type: ignore[union-attr]
    except AttributeError:
        size = _UNKNOWN_SCREEN
    return max(size[0] - _BORDERS[0], 200), max(size[1] - _BORDERS[1], 200)


def open_windows(instead: str, notes: Notes) -> Windows | None:
    """Windows, if they can be opened; if not, notes say why, and what is done `instead`."""
    problem = _problem()
    if problem:
        notes.inform(f"no windows: {problem}; {instead}")
        return None
    return Windows()


def _problem() -> str:
    """Why no window can be opened; empty if one can."""
    screens = [os.environ.get(name, "") for name in ("DISPLAY", "WAYLAND_DISPLAY")]
    if sys.platform.startswith("linux") and not any(screens):
        return "there is no screen (DISPLAY is not set)"
    from matplotlib import pyplot

    pyplot.ioff()
    try:
        figure = pyplot.figure("lenet")
    except Exception as error:  # each toolkit has errors of its own
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    framework = getattr(type(figure.canvas), "required_interactive_framework", None)
    pyplot.close(figure)
    if framework is None:
        name = pyplot.get_backend()
        return f"matplotlib draws with '{name}', which has none (is a toolkit such as tkinter installed?)"
    return ""
