"""Data for `page.conf`: windows with and without a digit in their middle, and pages of digits to search.

    python make_page.py windows prepared     # page_train_data.mat, page_val_data.mat and what goes with them
    python make_page.py pages pages          # page_00.png ... and truth.json, where the digits are

All digits are MNIST's, from the package: those to learn from of its 60,000, those to find of its 10,000.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from lenet.data.mnist import mnist_arrays
from lenet.formats.class_names import write_class_names
from lenet.formats.matrix import write_matrix
from lenet.report.coco import write_coco
from lenet.results import Box, Detections

CLASSES = (*"0123456789", "bg")
BACKGROUND = 10
FRAME = 28  # pixels of an MNIST image
WINDOW = 32  # pixels that the network sees
PAGE = (240, 320)
DIGITS_ON_PAGE = (5, 9)  # from, to
SIZES = (24.0, 88.0)  # of the frames on a page, pixels

Numbers = np.random.Generator


def resized(digit: np.ndarray, side: int, numbers: Numbers | None = None) -> np.ndarray:
    """A digit's frame with `side` pixels; with `numbers` enlarged first, sometimes, as on a page."""
    image = Image.fromarray(digit)
    if numbers is not None and numbers.random() < 0.6:
        between = round(side * numbers.uniform(1.1, 3.2))
        image = image.resize((between, between), Image.Resampling.BICUBIC)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def paste(canvas: np.ndarray, digit: np.ndarray, top: int, left: int) -> None:
    """Put a digit on a canvas, what is brighter stays; it may reach out."""
    height, width = canvas.shape
    first = max(top, 0), max(left, 0)
    last = min(top + len(digit), height), min(left + len(digit), width)
    if first[0] < last[0] and first[1] < last[1]:
        part = digit[first[0] - top : last[0] - top, first[1] - left : last[1] - left]
        there = canvas[first[0] : last[0], first[1] : last[1]]
        np.maximum(there, part, out=there)


class Windows:
    """Makes windows (32, 32), uint8, of digits (N, 28, 28)."""

    def __init__(self, digits: np.ndarray, numbers: Numbers) -> None:
        self.digits, self.numbers = digits, numbers

    def with_digit(self, digit: np.ndarray) -> np.ndarray:
        """A digit in the middle, a little moved, larger or smaller; half of them with a neighbour."""
        canvas = np.zeros((WINDOW, WINDOW), np.uint8)
        self._put(canvas, digit, self.numbers.uniform(0.9, 1.12), self._near(2))
        if self.numbers.random() < 0.5:
            self._put(canvas, self._any(), self.numbers.uniform(0.7, 1.6), self._away(24, 32))
        return canvas

    def without_digit(self) -> np.ndarray:
        """A digit beside the middle, several small ones, part of a large one, or nothing."""
        kinds: list[Callable[[np.ndarray], None]] = [self._beside, self._beside, self._small, self._large]
        canvas = np.zeros((WINDOW, WINDOW), np.uint8)
        if self.numbers.random() > 0.03:
            kinds[self.numbers.integers(len(kinds))](canvas)
        return canvas

    def _beside(self, canvas: np.ndarray) -> None:
        for _ in range(self.numbers.integers(1, 4)):
            self._put(canvas, self._any(), self.numbers.uniform(0.8, 1.3), self._away(7, 20))

    def _small(self, canvas: np.ndarray) -> None:
        for _ in range(self.numbers.integers(1, 5)):
            self._put(canvas, self._any(), self.numbers.uniform(0.3, 0.65), self._near(14))

    def _large(self, canvas: np.ndarray) -> None:
        size = self.numbers.uniform(1.5, 3.5)
        self._put(canvas, self._any(), size, self._near(round(8 * size)))

    def _put(self, canvas: np.ndarray, digit: np.ndarray, size: float, shift: tuple[int, int]) -> None:
        """A digit of `size` frames, its centre `shift` pixels from the canvas' own."""
        digit = resized(digit, max(4, round(FRAME * size)), self.numbers)
        top, left = ((side - len(digit)) // 2 + by for side, by in zip(canvas.shape, shift, strict=True))
        paste(canvas, digit, top, left)

    def _any(self) -> np.ndarray:
        return self.digits[self.numbers.integers(len(self.digits))]

    def _near(self, most: int) -> tuple[int, int]:
        down, across = self.numbers.integers(-most, most + 1, 2)
        return int(down), int(across)

    def _away(self, least: int, most: int) -> tuple[int, int]:
        """A shift by some pixels, in any direction."""
        angle, far = self.numbers.uniform(0, 2 * np.pi), self.numbers.uniform(least, most)
        return round(far * np.sin(angle)), round(far * np.cos(angle))


def make_windows(folder: Path, digits: int, background: int, seed: int) -> None:
    """Write the sets `page_train` and `page_val`, a tenth as large."""
    images, labels = (array[:55000] for array in mnist_arrays("train"))
    rest = tuple(array[55000:] for array in mnist_arrays("train"))
    numbers = np.random.default_rng(seed)
    write_set(folder, "page_train", images[:, 0], labels, (digits, background), numbers)
    write_set(folder, "page_val", rest[0][:, 0], rest[1], (digits // 10, background // 10), numbers)


def write_set(
    folder: Path, name: str, images: np.ndarray, labels: np.ndarray, counts: tuple[int, int], numbers: Numbers
) -> None:
    """Write NAME_data.mat (N, 1, 32, 32), NAME_labels.mat (N,) and NAME_classes.mat."""
    chosen = numbers.choice(len(images), counts[0], replace=False)
    windows = Windows(images, numbers)
    data = [windows.with_digit(images[index]) for index in chosen]
    data += [windows.without_digit() for _ in range(counts[1])]
    truth = np.concatenate([labels[chosen], np.full(counts[1], BACKGROUND)]).astype(np.int32)
    order = numbers.permutation(len(data))
    folder.mkdir(parents=True, exist_ok=True)
    write_matrix(folder / f"{name}_data.mat", np.stack(data)[order][:, None])
    write_matrix(folder / f"{name}_labels.mat", truth[order])
    write_class_names(folder / f"{name}_classes.mat", CLASSES)
    print(f"{folder / name}: {counts[0]} digits, {counts[1]} of background")


def make_pages(folder: Path, number: int, seed: int) -> None:
    """Write pages of digits, and truth.json with the frame of each digit."""
    images, labels = mnist_arrays("test")
    numbers = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    truth = []
    for index in range(number):
        page, boxes = make_page(images[:, 0], labels, numbers)
        name = f"page_{index:02d}.png"
        Image.fromarray(page).save(folder / name)
        truth.append(Detections(name, *PAGE, tuple(boxes), CLASSES))
    write_coco(folder / "truth.json", truth)
    print(f"{folder}: {number} pages with {sum(len(page.boxes) for page in truth)} digits")


def make_page(images: np.ndarray, labels: np.ndarray, numbers: Numbers) -> tuple[np.ndarray, list[Box]]:
    """A page (240, 320) with digits of many sizes whose frames do not overlap."""
    page, boxes = np.zeros(PAGE, np.uint8), list[Box]()
    wanted = numbers.integers(DIGITS_ON_PAGE[0], DIGITS_ON_PAGE[1] + 1)
    while len(boxes) < wanted:
        index = numbers.integers(len(images))
        side = round(float(np.exp(numbers.uniform(*np.log(SIZES)))))
        top, left = (int(numbers.integers(length - side + 1)) for length in PAGE)
        box = Box(top, left, side, side, int(labels[index]), 1.0)
        if all(box.shared(other) == 0 for other in boxes):
            enlarged = Image.fromarray(images[index]).resize((side, side), Image.Resampling.BICUBIC)
            paste(page, np.asarray(enlarged), top, left)
            boxes.append(box)
    return page, boxes


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("windows", "pages"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--digits", type=int, default=10000, help="windows with a digit (10000)")
    parser.add_argument("--background", type=int, default=10000, help="windows without one (10000)")
    parser.add_argument("--pages", type=int, default=20, help="pages (20)")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other data (0)")
    args = parser.parse_args()
    if args.what == "windows":
        make_windows(args.folder, args.digits, args.background, args.seed)
    else:
        make_pages(args.folder, args.pages, args.seed)


if __name__ == "__main__":
    main()
