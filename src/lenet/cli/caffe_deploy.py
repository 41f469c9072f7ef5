"""What the tools that use a trained network share: the network with its weights, the mean, the options."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lenet.cli.arguments import Parser
from lenet.errors import DataError, FileError, UsageError, Where
from lenet.formats.blob import read_blob
from lenet.formats.files import file_error
from lenet.pycaffe.modes import log
from lenet.shapes import Array, text

if TYPE_CHECKING:
    from lenet.pycaffe.classifier import ImageNet
    from lenet.pycaffe.net import Net

_MODEL = "models/bvlc_reference_caffenet"
DEPLOY, WEIGHTS = f"{_MODEL}/deploy.prototxt", f"{_MODEL}/bvlc_reference_caffenet.caffemodel"
MEAN = "python/caffe/imagenet/ilsvrc_2012_mean.npy"


def loaded_network(model: str, weights: str) -> Net:
    """A network for use with its weights.

    Raises: LenetError for files that cannot be read or do not fit each other.
    """
    from lenet.pycaffe.modes import TEST
    from lenet.pycaffe.net import Net

    net = Net(model, TEST, weights=weights)
    tell_unfilled(net, weights)
    return net


def tell_unfilled(net: Net, weights: str) -> None:
    """Warn of layers for which a file has no weights: their answers are by chance."""
    from lenet.dialects.caffe.weights import read_weights
    from lenet.errors import Notes

    there = read_weights(weights, Notes()).layers
    missing = [f"'{name}'" for name in net.params if not there.get(name)]
    if missing:
        log(f"{weights}: warning: no weights for {', '.join(missing)}: are these of another network?")


def asked(
    script: str, does: str, add_arguments: Callable[[Parser], None], words: Sequence[str]
) -> Namespace | None:
    """The arguments of a script, with `~` in the names of files for the home directory; None after `--help`.

    Raises: UsageError.
    """
    parser = Parser(prog=script, description=does)
    add_arguments(parser)
    try:
        args = parser.parse(words)
    except SystemExit:
        return None
    args.input_file, args.output_file = map(os.path.expanduser, (args.input_file, args.output_file))
    return args


def add_network(parser: Parser) -> None:
    """The options that `classify.py` and `detect.py` share, with Caffe's defaults."""
    parser.add_argument(
        "--model_def", default=DEPLOY, metavar="FILE", help=f"the network, for use ({DEPLOY})"
    )
    parser.add_argument("--pretrained_model", default=WEIGHTS, metavar="FILE", help=f"weights ({WEIGHTS})")
    parser.add_argument("--gpu", action="store_true", help="ask for a GPU (these tools run on the CPU)")
    parser.add_argument(
        "--mean_file", default=MEAN, metavar="FILE", help=f"mean, .npy or .binaryproto; '' for none ({MEAN})"
    )
    parser.add_argument("--input_scale", type=float, metavar="X", help="multiply inputs at the end")
    parser.add_argument(
        "--raw_scale", type=float, default=255.0, metavar="X", help="multiply pixels first (255)"
    )
    parser.add_argument(
        "--channel_swap",
        default="2,1,0",
        metavar="ORDER",
        help="the order of the channels; 2,1,0 puts blue first ('2,1,0'); '' for none",
    )


def whole_numbers(words: str, option: str) -> tuple[int, ...] | None:
    """Numbers between commas, None for an empty word.

    Raises: UsageError if they are none.

    >>> whole_numbers("256,256", "--images_dim")
    (256, 256)
    """
    try:
        return tuple(int(word) for word in words.split(",")) if words else None
    except ValueError:
        raise UsageError(f"{option} takes whole numbers with commas, not '{words}'") from None


def set_channel_swap(net: ImageNet, words: str) -> None:
    """Set the order of channels that `--channel_swap` names; its default says nothing to one channel.

    Raises: UsageError if it is not an order of the input's channels.
    """
    name = net.inputs[0]
    channels = net.blobs[name].channels
    order = whole_numbers(words, "--channel_swap")
    if order is None or (channels == 1 and order == (2, 1, 0)):
        return
    if sorted(order) != list(range(channels)):
        reason = f"--channel_swap {words} is no order of {channels} channels"
        raise UsageError(reason, hint="'' leaves them as they are")
    net.transformer.set_channel_swap(name, order)


def check_files(args: Namespace) -> None:
    """Refuse, before anything is computed, inputs that are not there and an output without a folder.

    Raises: FileError.
    """
    output = args.output_file
    for path in filter(None, (args.model_def, args.pretrained_model, args.mean_file, args.input_file)):
        if not Path(path).exists():
            hint = f"give another one with {_OPTIONS[path]}" if path in _OPTIONS else ""
            raise FileError("there is no such file or directory", Where(path), hint or "check the path")
    folder = Path(output).parent
    if not folder.is_dir():
        raise FileError("there is no such directory to write to", Where(str(folder)), "make it")
    if Path(output).is_dir():
        raise file_error(IsADirectoryError(21, ""), output)


_OPTIONS = {DEPLOY: "--model_def", WEIGHTS: "--pretrained_model", MEAN: "--mean_file ('' for none)"}


def read_array(path: str) -> Array:
    """An array in a .npy file, or a mean image in a .binaryproto.

    Raises: FileError if it is none; nothing in it is executed.
    """
    import numpy as np

    if not path.lower().endswith("npy"):
        blob = read_blob(path)
        return blob[0] if blob.ndim == 4 and len(blob) == 1 else blob
    try:
        array: Array = np.array(np.load(path, mmap_mode="r", allow_pickle=False))  # sizes are checked
    except OSError as error:
        raise file_error(error, path) from None
    except (ValueError, EOFError) as error:
        raise FileError(f"this is no array (.npy), or a damaged one: {error}", Where(path)) from None
    return array


def set_up(net: ImageNet, args: Namespace) -> None:
    """What both tools do with a network that was read: its channels' order, the device, what is missing."""
    from lenet.pycaffe.modes import set_mode_cpu, set_mode_gpu

    (set_mode_gpu if args.gpu else set_mode_cpu)()
    tell_unfilled(net, args.pretrained_model)
    set_channel_swap(net, args.channel_swap)
    print("GPU mode" if args.gpu else "CPU mode")


def set_mean(net: ImageNet, mean: Array, path: str) -> None:
    """Let a network subtract a mean; an image of another size than the input's is made to it, which is said.

    Raises: DataError for a mean of another number of channels, or of other axes.
    """
    from lenet.pycaffe.resizing import resize_image

    name = net.inputs[0]
    channels, *size = net.blobs[name].shape[1:]
    if mean.ndim not in (1, 3) or len(mean) != channels:
        reason = f"the mean is {text(mean.shape)}, the network's input has {channels} channels"
        raise DataError(reason, Where(path))
    if mean.ndim == 3 and list(mean.shape[1:]) != size:
        log(f"{path}: the mean is {text(mean.shape[1:])}, made to the input's {text(tuple(size))}")
        mean = resize_image(mean.transpose(1, 2, 0), size).transpose(2, 0, 1)
    net.transformer.set_mean(name, mean)
