"""`lenet caffe classify.py`: the scores of images, written as an array."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli import examples
from lenet.cli.arguments import Parser
from lenet.cli.caffe_deploy import (
    add_network,
    asked,
    check_files,
    read_array,
    set_mean,
    set_up,
    whole_numbers,
)
from lenet.dialects.caffe.command import Line
from lenet.errors import DataError, UsageError, Where
from lenet.formats.files import whole_file
from lenet.shapes import Array, text

if TYPE_CHECKING:
    from lenet.pycaffe.classifier import Classifier


def run(line: Line, device: str) -> int:
    """Classify an image, the images of a folder, or an array of them; write the scores (N, classes).

    Raises: LenetError for wrong options, files that cannot be read or do not fit each other.
    """
    does = "The scores of images, written as an array (.npy)."
    args = asked("classify.py", does, _add_arguments, line.words)
    if args is None:
        return 0
    check_files(args)
    classifier = _classifier(args)
    inputs = _inputs(args, classifier.blobs[classifier.inputs[0]].channels)
    print(f"Classifying {len(inputs)} inputs.")
    started = time.perf_counter()
    scores = classifier.predict(inputs, not args.center_only)
    print(f"Done in {time.perf_counter() - started:.2f} s.")
    print(f"Saving results into {args.output_file}")
    _save(args.output_file, scores)
    return 0


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("input_file", metavar="INPUT", help="an image, a folder of images, or arrays (.npy)")
    parser.add_argument("output_file", metavar="OUTPUT", help="where the scores go, .npy")
    add_network(parser)
    parser.add_argument("--center_only", action="store_true", help="the middle of each image, not ten crops")
    parser.add_argument(
        "--images_dim", default="256,256", metavar="H,W", help="the size images are made to first (256,256)"
    )
    parser.add_argument("--ext", default="jpg", metavar="ENDING", help="of the images in a folder (jpg)")
    parser.epilog = examples(
        "lenet caffe classify.py cat.jpg scores.npy      # CaffeNet, in a tree like Caffe's",
        "lenet caffe classify.py digits scores.npy --ext png --model_def lenet.prototxt \\",
        "    --pretrained_model lenet_iter_10000.caffemodel --mean_file '' --channel_swap '' \\",
        "    --images_dim 28,28 --center_only --input_scale 0.00390625",
    )


def _classifier(args: Namespace) -> Classifier:
    from lenet.pycaffe.classifier import Classifier

    size = whole_numbers(args.images_dim, "--images_dim")
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise UsageError(f"--images_dim is a height and a width, not '{args.images_dim}'")
    classifier = Classifier(
        args.model_def,
        args.pretrained_model,
        image_dims=size,
        input_scale=args.input_scale,
        raw_scale=args.raw_scale,
    )
    crop = tuple(classifier.crop_dims.tolist())
    if any(classifier.image_dims < classifier.crop_dims):
        reason = f"--images_dim {args.images_dim} is smaller than the network's input of {text(crop)}"
        raise UsageError(reason, hint=f"--images_dim {crop[0]},{crop[1]}")
    set_up(classifier, args)
    if args.mean_file:
        set_mean(classifier, read_array(args.mean_file), args.mean_file)
    return classifier


def _inputs(args: Namespace, channels: int) -> list[Array]:
    """The images (H, W, C) to classify."""
    from lenet.pycaffe.io import load_image

    path, color = Path(args.input_file), channels != 1
    if path.suffix == ".npy":
        print(f"Loading file: {path}")
        arrays = read_array(str(path))
        if arrays.ndim != 4 or not arrays.size or arrays.shape[3] != channels:
            what = f"images are N x height x width x {channels}, this is {text(arrays.shape)}"
            raise DataError(what, Where(str(path)))
        return list(arrays)
    if not path.is_dir():
        print(f"Loading file: {path}")
        return [load_image(path, color)]
    print(f"Loading folder: {path}")
    files = sorted(file for file in path.iterdir() if file.name.endswith(f".{args.ext}"))
    if not files:
        raise DataError(f"no image ends in .{args.ext}", Where(str(path)), "give another ending with --ext")
    return [load_image(file, color) for file in files]


def _save(path: str, scores: Array) -> None:
    """Write a .npy file; numpy adds the ending if it is missing."""
    import numpy as np

    with whole_file(path if path.endswith(".npy") else f"{path}.npy") as file:
        np.save(file, scores)
