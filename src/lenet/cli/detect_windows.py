"""Found objects in a window, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lenet.cli.detect_results import Writer
from lenet.cli.messages import telling
from lenet.cli.windows import Windows, open_windows
from lenet.data.pictures import Picture
from lenet.job import DetectionWindows
from lenet.report.boxes import Marks, boxes
from lenet.results import Detections

if TYPE_CHECKING:
    from lenet.engine.detect import ScaleMaps

TITLE = "lenet detect"


class FoundWindow:
    """Shows each image with its boxes, scales and output maps in one window.

    Parameters: `wait`, the window stays at the end until it is closed.
    """

    def __init__(self, windows: Windows, wanted: DetectionWindows, writer: Writer, wait: bool) -> None:
        self.windows, self.wanted, self.writer, self.wait = windows, wanted, writer, wait
        self.marks = Marks(wanted.classes, wanted.confidences, wanted.fading)

    def show(self, picture: Picture, found: Detections, maps: Sequence[ScaleMaps], index: int) -> None:
        """Show an image, and wait as long or for the key that is wanted; not once the window is closed."""
        if not (self.windows.untouched or self.windows.titles):
            return
        scales, label = ([], -1) if self.wanted.plain else self.writer.scales(found, maps, index)
        figure = boxes(picture.pixels, found, scales, label, marks=self.marks)
        self.windows.show(TITLE, figure, self.wanted.zoom, self.wanted.widest)
        if self.wanted.key:
            self.windows.wait(key=self.wanted.key)
        elif self.wanted.seconds:
            self.windows.wait(self.wanted.seconds)

    def linger(self) -> None:
        """Wait until the window is closed, if that is wanted; Ctrl-C ends it, too."""
        if self.wait and self.windows.titles:
            print("close the window to end", flush=True)
            try:
                self.windows.wait()
            except KeyboardInterrupt:
                print()
        self.windows.close()


def found_window(wanted: DetectionWindows, writer: Writer, show: bool, wait: bool) -> FoundWindow | None:
    """The window, if it is wanted and there is a screen; with --show it stays at the end."""
    if not (wanted.opened or show):
        return None
    with telling() as notes:
        windows = open_windows("pictures are written to files", notes)
    return FoundWindow(windows, wanted, writer, show or wait) if windows else None
