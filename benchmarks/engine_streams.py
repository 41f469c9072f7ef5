"""Reading batches that are not held in memory, from databases and lists of images, beside decoding alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from digits import FOLDER, digits

from lenet.data.batches import Batches
from lenet.data.database import Database, write_database
from lenet.data.feed import Feed
from lenet.data.image_list import ImageList, read_list
from lenet.data.image_records import Storing, write_images
from lenet.data.source import Source
from lenet.data.transforms import Transform

SIDE = 256
FILES = 1000  # that there are; sets of more samples name them several times


def block(engine, case) -> Callable[[], None]:
    """What reads `case.iterations` batches; decoding alone shows what the images themselves cost.

    Images are decoded on all cores that the process has.
    """
    if case.threads:
        torch.set_num_threads(case.threads)
    if engine == "decode":
        return _decoding(case)
    batches = Batches(
        Feed(_source(case), case.batch, Transform(scale=1 / 256)), training=True, seed=1, memory_limit=0
    )

    def work():
        # elsewhere in the set: what was read ahead while other engines had their turn does not count
        batches.position += FILES // 2 * case.batch
        for _ in range(case.iterations):
            batches.next()

    return work


def _source(case) -> Source:
    if case.work == "stream-digits":
        return _made(f"digits_{case.samples}_lmdb", lambda path: _write_digits(path, case.samples))
    text = _list(case.samples)
    if case.work == "stream-list":
        return ImageList(str(text))
    entries = read_list(str(text))
    return _made(
        f"images_{case.samples}_lmdb", lambda path: write_images(path, "lmdb", entries, Storing(encoded=True))
    )


def _made(name: str, write: Callable[[str], object]) -> Database:
    path = FOLDER / name
    if not path.exists():
        write(str(path))
    return Database(str(path), "lmdb")


def _write_digits(path: str, samples: int) -> None:
    images, labels = digits(samples)
    write_database(path, "lmdb", zip(images, labels.tolist(), strict=True))


def _decoding(case) -> Callable[[], None]:
    cv2.setNumThreads(1)
    content = [path.read_bytes() for path in pictures()[: case.iterations * case.batch]]

    def work():
        for each in content:
            cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR)

    return work


def _list(samples: int) -> Path:
    paths = pictures()
    text = FOLDER / f"images_{samples}.txt"
    lines = (f"{paths[number % FILES]} {number % 10}\n" for number in range(samples))
    text.write_text("".join(lines), encoding="utf-8")
    return text


def pictures() -> list[Path]:
    """Pictures of smoothed noise, written once, each whole before it has its name."""
    folder = FOLDER / "images"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number:05}.jpg" for number in range(FILES)]
    noise = np.random.default_rng(1)
    for path in paths:
        small = noise.integers(0, 256, (SIDE // 8, SIDE // 8, 3), np.uint8)
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}.jpg")  # two engines may write at once
            cv2.imwrite(str(part), cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
            part.replace(path)
    return paths
