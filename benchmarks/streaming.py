"""How quickly pictures stream and what memory it takes: ImageData and LMDB with JPEGs, on one and two cores.

    python benchmarks/streaming.py [--pictures 2000] [--side 256] [--batch 64]

A set of JPEG files is made in a temporary folder, and an LMDB of the same files; a second set is five times
as large (each file five times in the list; records of their own).  Each is read once in a process of its
own, through the same :class:`Batches` that training reads.  Printed are images per second, also per second
that a core worked (which other programs on the machine change less), and the most memory that the process
took beyond what it had before reading: its own, and all of it with the pages of the mapped database, which
the system holds for it and takes back when it needs them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TIMES = 5  # how much larger the second set is
WORKERS = (1, 2)


def make(folder: Path, number: int, side: int) -> None:
    """Write the pictures, noise over a slope that JPEG stores like a photograph, and the lists."""
    import numpy as np

    from lenet.formats.image import encode_image

    numbers = np.random.default_rng(1)
    slope = np.linspace(0, 160, side)
    names = []
    for index in range(number):
        coarse = numbers.integers(0, 80, (side // 8, side // 8, 3)).repeat(8, 0).repeat(8, 1)
        picture = slope[:, None, None] * (index % 7) / 7 + coarse
        picture = picture + numbers.integers(0, 16, (side // 8 * 8, side // 8 * 8, 1))
        name = f"{index:06d}.jpg"
        (folder / name).write_bytes(encode_image(picture.clip(0, 255).astype(np.uint8), "jpg", 90))
        names.append(f"{name} {index % 10}")
    (folder / "small.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    (folder / "large.txt").write_text("\n".join(names * TIMES) + "\n", encoding="utf-8")


def make_databases(folder: Path) -> None:
    """Write an LMDB of the files of each list, as they are."""
    from lenet.data.image_list import read_list
    from lenet.data.image_records import Storing, write_images

    for name in ("small", "large"):
        entries = read_list(str(folder / f"{name}.txt"))
        storing = Storing(f"{folder}/", encoded=True)
        write_images(str(folder / f"{name}_lmdb"), "lmdb", entries, storing)


def read(folder: Path, source: str, size: str, batch: int) -> None:
    """Read a whole set by the batch, on the cores that this process may use; print what it took, as JSON."""
    import torch

    from lenet.data.batches import Batches
    from lenet.data.database import Database
    from lenet.data.feed import Feed
    from lenet.data.image_list import ImageList

    torch.set_num_threads(1)
    kinds = {
        "ImageData": ImageList(str(folder / f"{size}.txt"), f"{folder}/"),
        "LMDB": Database(str(folder / f"{size}_lmdb"), "lmdb"),
    }
    batches = Batches(Feed(kinds[source], batch), training=True, seed=1, memory_limit=0)
    start = memory()
    most = [0, 0]
    batches.next()
    began, worked, rounds = time.perf_counter(), time.process_time(), len(batches) // batch
    for _ in range(rounds):
        batches.next()
        most = [max(pair) for pair in zip(most, memory(), strict=True)]
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    batches.close()
    grown = [round((now - before) / 1024) for now, before in zip(most, start, strict=True)]
    number = rounds * batch
    print(json.dumps({"speed": number / seconds, "work": number / worked, "own": grown[0], "all": grown[1]}))


def memory() -> list[int]:
    """What this process holds now: memory of its own, and with mapped files, in KiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    sizes = {
        name: text.split()[0]
        for name, text in (line.split(":\t", 1) for line in lines)
        if "RSS" in name or "Rss" in name
    }
    return [int(sizes["RssAnon"]), int(sizes["VmRSS"])]


def measured(folder: Path, source: str, size: str, workers: int, batch: int) -> dict[str, float]:
    """What :func:`read` prints, on so many cores."""
    words = [sys.executable, __file__, "--read", str(folder), source, size, "--batch", str(batch)]
    cores = sorted(os.sched_getaffinity(0))[:workers]
    done = subprocess.run(
        ["taskset", "-c", ",".join(map(str, cores)), *words], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Make the sets, read each in processes of their own, print a table."""
    parser = argparse.ArgumentParser(description="How quickly pictures stream, and what memory it takes.")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--read", nargs=3, metavar=("FOLDER", "SOURCE", "SIZE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(Path(args.read[0]), args.read[1], args.read[2], args.batch)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, args.pictures, args.side)
        make_databases(folder)
        heads = f"{'source':10} {'pictures':>8} {'cores':>5} {'images/s':>8} {'a core second':>13}"
        print(f"{heads} {'own MB':>7} {'with pages':>10}")
        for source in ("ImageData", "LMDB"):
            for size, workers in [("small", 1), ("small", 2), ("large", 2)]:
                found = measured(folder, source, size, workers, args.batch)
                number = args.pictures * (TIMES if size == "large" else 1)
                numbers = f"{found['speed']:8.0f} {found['work']:13.0f} {found['own']:7} {found['all']:10}"
                print(f"{source:10} {number:8} {workers:5} {numbers}", flush=True)


if __name__ == "__main__":
    main()
