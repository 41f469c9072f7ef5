"""The source of windows of images, drawn at random from those on objects and those beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenet.data.image_list import read_planes
from lenet.data.source import SOURCES, Reader, Source
from lenet.data.transforms import Transform
from lenet.data.window_crop import Stretch, cut_window
from lenet.data.window_file import Window, read_windows
from lenet.errors import DataError, Where
from lenet.shapes import Array, text

_DRAWS = 2**31  # samples after which the draws begin again


@SOURCES.add("image_windows")
@dataclass(frozen=True)
class ImageWindows(Source):
    """Windows of images, in each batch first some beside objects, then some on them, drawn at random.

    Shape: windows (3, crop, crop) float32, colours blue, green, red, the mean subtracted and scaled; class
    ().
    Parameters: `file`, the windows; `batch`, samples in a batch; `transform`, whose `crop` is the side of
    the square that windows are warped to; `foreground`, the least overlap of a window on an object;
    `background`, the overlap that one beside it stays below, whose class is 0; `fraction` of a batch that
    is on objects, rounded down; `context`, pixels of the square around the window; `square`, whether
    windows are made as wide as high instead of being warped; `folder`, put in front of every name.
    Raises: FileError or DataError if the file cannot be read, or there is no window of a kind that is drawn.
    Differs: Caffe's WindowData.  What is beyond the image is 0 there after the mean is subtracted, and a mean
    image larger than the square counts with its middle: so here.  Draws are a function of the seed and the
    sample's place, not Caffe's; images are decoded anew each time.
    """

    file: str
    batch: int
    transform: Transform
    foreground: float = 0.5
    background: float = 0.5
    fraction: float = 0.25
    context: int = 0
    square: bool = False
    folder: str = ""

    def open(self, channels: int | None = None) -> Reader:
        return DrawnWindows(self)


class DrawnWindows(Reader):
    """Draws windows and reads them; :meth:`start` gives the seed."""

    decodes = True
    endless = True

    def __init__(self, source: ImageWindows) -> None:
        import numpy as np

        side = source.transform.crop
        if side <= 2 * source.context:
            reason = f"crop size {side} must be larger than twice the context, {source.context}"
            raise DataError(reason, Where(source.file), "give transform_param { crop_size: N }")
        windows = read_windows(source.file, source.folder)
        self._source, self._seed, self._processes = source, 0, 1
        self._beside = [window for window in windows if window.overlap < source.background]
        self._on = [window for window in windows if window.overlap >= source.foreground]
        self._check()
        self._mean = self._centred_mean(side)
        self.shapes = ((3, side, side), ())
        self.dtypes = (np.dtype(np.float32), np.dtype(np.int64))

    def start(self, seed: int, processes: int) -> None:
        self._seed, self._processes = seed, processes

    def __len__(self) -> int:
        """So many that they never come to an end."""
        return _DRAWS // self._source.batch * self._source.batch

    def read_many(self, indices: Sequence[int]) -> tuple[Array, ...]:
        import numpy as np

        images = np.zeros((len(indices), *self.shapes[0]), np.float32)
        labels = np.zeros(len(indices), np.int64)
        for place, index in enumerate(indices):
            window, mirrored, label = self.drawn(index)
            labels[place] = label
            self._read(window, mirrored, images[place])
        return images, labels

    def drawn(self, index: int) -> tuple[Window, bool, int]:
        """The window that is sample `index`, whether it is mirrored, and its class."""
        import numpy as np

        place = index // self._processes % self._source.batch  # in the batch of one process
        beside = place < self._batch_beside()
        pool = self._beside if beside else self._on
        generator = np.random.default_rng([self._seed, index])
        window = pool[int(generator.integers(len(pool)))]
        mirrored = self._source.transform.mirror and bool(generator.integers(2))
        return window, mirrored, 0 if beside else window.label

    def _number_on(self) -> int:
        return int(self._source.batch * self._source.fraction)

    def _check(self) -> None:
        needed = {"on": (self._number_on(), self._on), "beside": (self._batch_beside(), self._beside)}
        for what, (number, pool) in needed.items():
            if number and not pool:
                reason = f"a batch takes {number} windows {what} objects, there are none in the file"
                raise DataError(reason, Where(self._source.file), "look at the thresholds")
        wrong = next((window for window in self._on if window.label < 1), None)
        if wrong is not None:
            raise DataError(
                f"a window on an object has class {wrong.label}; 0 is that of others", wrong.where
            )

    def _batch_beside(self) -> int:
        return self._source.batch - self._number_on()

    def _centred_mean(self, side: int) -> Array | None:
        """What is subtracted from a whole square (3, side, side) or (3, 1, 1): a mean image's middle."""
        from lenet.formats.blob import read_blob

        transform = self._source.transform
        if not transform.mean_file:
            return transform.mean((3, side, side))
        mean = read_blob(transform.mean_file)
        mean = mean[0] if mean.ndim == 4 else mean
        if mean.ndim != 3 or len(mean) != 3 or min(mean.shape[1:]) < side:
            reason = f"the mean image is {text(mean.shape)}, the windows are 3 x {side} x {side}"
            raise DataError(reason, Where(transform.mean_file))
        top, left = ((size - side) // 2 for size in mean.shape[1:])
        middle: Array = mean[:, top : top + side, left : left + side]
        return middle

    def _read(self, window: Window, mirrored: bool, target: Array) -> None:
        """Put a window into a square of zeros (3, side, side)."""
        source = self._source
        image = read_planes(window.image).transpose(1, 2, 0)
        height, width = image.shape[:2]
        if min(window.left, window.top) < 0 or window.right >= width or window.bottom >= height:
            raise DataError(f"the window reaches beyond {window.image}, {width} x {height}", window.where)
        corners = (window.left, window.top, window.right, window.bottom)
        pixels, rows, columns = cut_window(
            image, corners, source.transform.crop, source.context, source.square
        )
        pixels = pixels[:, ::-1] if mirrored else pixels
        side = source.transform.crop
        left = min(columns.after, side - columns.size) if mirrored else columns.before
        place = (slice(None), _span(rows), slice(left, left + columns.size))
        values = pixels.transpose(2, 0, 1).astype("float32")
        if self._mean is not None:
            values -= self._mean if self._mean.shape[1:] == (1, 1) else self._mean[place]
        target[place] = values * source.transform.scale


def _span(rows: Stretch) -> slice:
    return slice(rows.before, rows.before + rows.size)
