"""Reading batches that are not held in memory, from LMDB and from a list of images, beside decoding alone."""

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
from lenet.data.image_list import ImageList
from lenet.data.transforms import Transform

SIDE = 256


def block(engine, case) -> Callable[[], None]:
    """What reads `case.iterations` batches; decoding alone shows what the images themselves cost."""
    torch.set_num_threads(case.threads or torch.get_num_threads())
    if engine == "decode":
        return _decoding(case)
    source = _database(case.samples) if case.work == "stream-lmdb" else _images(case.samples)
    feed = Feed(source, case.batch, Transform(scale=1 / 256))
    batches = Batches(feed, training=True, seed=1, memory_limit=0)

    def work():
        for _ in range(case.iterations):
            batches.next()

    return work


def _decoding(case) -> Callable[[], None]:
    cv2.setNumThreads(1)
    content = [path.read_bytes() for path in _paths(case.samples)[: case.iterations * case.batch]]

    def work():
        for each in content:
            cv2.imdecode(np.frombuffer(each, np.uint8), cv2.IMREAD_COLOR)

    return work


def _database(samples: int) -> Database:
    path = FOLDER / f"digits_{samples}_lmdb"
    if not path.exists():
        images, labels = digits(samples)
        write_database(str(path), "lmdb", zip(images, labels.tolist(), strict=True))
    return Database(str(path), "lmdb")


def _images(samples: int) -> ImageList:
    lines = (f"{path} {number % 10}\n" for number, path in enumerate(_paths(samples)))
    text = FOLDER / f"images_{samples}.txt"
    text.write_text("".join(lines), encoding="utf-8")
    return ImageList(str(text))


def _paths(samples: int) -> list[Path]:
    """Pictures of smoothed noise, written once, each whole before it has its name."""
    folder = FOLDER / "images"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number:05}.png" for number in range(samples)]
    noise = np.random.default_rng(1)
    for path in paths:
        small = noise.integers(0, 256, (SIDE // 8, SIDE // 8, 3), np.uint8)
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}.png")  # two engines may write at once
            cv2.imwrite(str(part), cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
            part.replace(path)
    return paths
