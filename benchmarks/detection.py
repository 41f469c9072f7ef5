"""Frames a second of the face detector on a 640 x 480 image, beside EBLearn's recorded speed.

    python benchmarks/detection.py MODELS [--repeats 5] [--threads 2] [--device cpu]

MODELS is EBLearn's source tree, or the part of it with `demos/face/trained`, `tools/data/tables` and
`tools/data/lena.png`.  The scales are those of demos/face/face.conf: from the image's own size down to
32 pixels by 1.2, half a window of zeros around each.  EBLearn's `detect` took 4.27 s for a frame of 512 x 512
(15 scales, one thread, recorded in detect/face/best_lena); per pixel that is 5.0 s for 640 x 480.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lenet.dialects.eblearn.configuration import read_values
from lenet.dialects.eblearn.detect import read_job
from lenet.engine.detect import Detector
from lenet.errors import Notes

RECORDED = 4.265 * 640 * 480 / (512 * 512)  # seconds


def face_detector(models, device):
    trained = models / "demos" / "face" / "trained"
    settings = {
        "root2": str(models / "demos" / "face"),
        "table1": str(models / "tools" / "data" / "tables" / "table_6_16_connect_60.mat"),
        "weights": str(next(trained.glob("*net*.mat"))),
        "classes": str(next(trained.glob("*classes.mat"))),
        "wstd0_gaussian_coeff": "0",
        "wstd2_gaussian_coeff": "0",
        "pre_threshold": "0",
        "post_threshold": ".4",
    }
    conf = models / "demos" / "face" / "face.conf"
    job = read_job(read_values(conf, Notes(), "detect", settings=list(settings.items())), Notes())
    return Detector(job.net, job.weights, job.detection, device)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    detector = face_detector(args.models, args.device)
    with Image.open(args.models / "tools" / "data" / "lena.png") as image:
        pixels = np.asarray(image.convert("RGB").resize((640, 480)))
    frame = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    started = time.perf_counter()
    (found,) = detector.run([frame])
    first = time.perf_counter() - started
    seconds, processor = [], []
    for _ in range(args.repeats):
        started, used = time.perf_counter(), time.process_time()
        detector.run([frame])
        seconds.append(time.perf_counter() - started)
        processor.append(time.process_time() - used)
    median, best = statistics.median(seconds), min(seconds)
    scales = len(detector.detection.scales.of((480, 640), detector.network_size))
    print(f"{scales} scales, {len(found.boxes)} boxes; first frame {first:.2f} s")
    print(f"a frame: median {median:.3f} s, best {best:.3f} s: {1 / median:.2f} frames a second")
    print(f"processor time of a frame, all threads: {statistics.median(processor):.3f} s")
    print(f"EBLearn, from its recorded speed: {RECORDED:.2f} s; {RECORDED / median:.1f} times as fast")


if __name__ == "__main__":
    main()
