"""The sections of the bench: what is compared, on which cases."""

from __future__ import annotations

from dataclasses import dataclass

from caffe_networks import NETWORKS
from cases import EVERYBODY, LAYERS, LENET, TORCH, WAITING, Case


@dataclass(frozen=True)
class Section:
    """A table for each case or, `across`, one with a line per case and a column per engine.

    `models`: it needs the folder that `--models` names.  `load`: its first case runs on the quiet machine,
    which the others are compared with.
    """

    name: str
    title: str
    about: str
    cases: tuple[Case, ...]
    across: bool = False
    models: bool = False
    load: bool = False


def training(cores: int) -> Section:
    """Caffe's LeNet, batch 64."""
    cases = tuple(
        Case("caffe-lenet", _named(threads), EVERYBODY, threads=threads) for threads in _threads(cores)
    )
    about = (
        "Stochastic gradient descent with momentum 0.9 and weight decay 0.0005, on MNIST in memory.  "
        "Timed are taking the batch from the bytes of the set, forward, backward, update and reading "
        "the loss.  lenet does some iterations at a time, as in use, and reads their losses together.  "
        "Keras' `fit` is given numbers that are scaled already, and reads the loss once an "
        'epoch.  Each engine waits for its threads as it does by itself; "short waits" is PyTorch with '
        "GOMP_SPINCOUNT=10000, as lenet sets it."
    )
    return Section("training", "A training iteration of Caffe's LeNet, batch 64", about, cases)


def keras(cores: int) -> Section:
    """The tutorial's LeNet, batch 128."""
    cases = tuple(
        Case("keras-lenet", _named(threads), EVERYBODY, 128, 4, threads) for threads in _threads(cores)
    )
    about = (
        '"Same" padding, ReLUs, 1.26 million weights, plain stochastic gradient descent at rate 0.01, '
        "each engine as in the table above; an epoch of 60,000 digits is 469 iterations."
    )
    return Section("keras", "A training iteration of the Keras tutorial's LeNet, batch 128", about, cases)


def online(cores: int) -> Section:
    """EBLearn's mnist.conf, one sample at a time."""
    engines = (LENET, "eblearn-plain", "eblearn-torch", "second-order")
    case = Case("eblearn", "one thread", engines, batch=1, iterations=40, threads=1)
    about = (
        'In float64, with contrast normalisation and a rate per parameter.  "By hand" is the same '
        "network and update as a PyTorch user writes them.  EBLearn itself took 9 to 10 ms on another "
        "machine."
    )
    return Section("online", "A training step of EBLearn's mnist.conf, one sample", about, (case,))


def batches(cores: int) -> Section:
    """How cost grows with the batch."""
    sizes = {1: 60, 4: 40, 16: 16, 64: 6, 256: 2, 1024: 1, 4096: 1}
    cases = tuple(
        Case("caffe-lenet", f"batch {size:,}, {_named(threads)}", (LENET, *TORCH), size, number, threads)
        for threads in _threads(cores)
        for size, number in sizes.items()
    )
    about = (
        "A training iteration of Caffe's LeNet, as in the first table; milliseconds, medians.  The last"
        " columns are lenet's time over that of each engine."
    )
    return Section("batches", "How cost grows with the batch", about, cases, across=True)


def growth(cores: int) -> Section:
    """How cost grows with image size, width and data."""
    engines = (LENET, *TORCH)
    sides = [
        Case("caffe-lenet", f"{side} x {side} pixels", engines, 64, 3, cores, side=side)
        for side in (28, 44, 60, 92)
    ]
    widths = [
        Case("caffe-lenet", f"{width:g} times as wide", engines, 64, 3, cores, width=width)
        for width in (0.5, 1, 2, 4)
    ]
    data = [
        Case("caffe-lenet", f"{samples:,} images", engines, 64, 5, cores, samples=samples)
        for samples in (1000, 10000, 60000)
    ]
    about = (
        "A training iteration of Caffe's LeNet, batch 64, all cores, with larger images, with more maps"
        " and hidden units in each layer but the last, and with more digits in the set; milliseconds, "
        "medians."
    )
    title = "How cost grows with image size, width and data"
    return Section("growth", title, about, (*sides, *widths, *data), across=True)


def load(cores: int) -> Section:
    """Beside another process that is busy."""
    cases = tuple(
        Case("caffe-lenet", f"{busy} busy", (LENET, *TORCH, *WAITING), 64, 5, cores, busy=busy)
        for busy in dict.fromkeys((0, 1, cores))
    )
    about = (
        "A training iteration of Caffe's LeNet, batch 64, all cores, beside processes that only count; "
        "milliseconds, medians.  An engine whose threads wait by spinning takes more of the processor's time "
        "for the same iteration the less it gets of it."
    )
    return Section("load", "On a machine that is busy", about, cases, across=True, load=True)


def layers(cores: int) -> Section:
    """Convolution, ReLU and max-pool, by shape."""
    cases = tuple(
        Case("layers", title, (LENET, "torch-channels-last"), iterations=3, threads=cores) for title in LAYERS
    )
    about = (
        "One group of these layers, forward and backward, all cores; milliseconds, medians.  The "
        "gradients of a max-pool are zero but for one number of each window: who computes none of the "
        "products with zeros can be below the dense limit."
    )
    return Section("layers", "Convolution, ReLU and max-pool", about, cases, across=True)


def streams(cores: int) -> Section:
    """Data that is not held in memory."""
    digits = Case("stream-digits", "10,000 digits from LMDB", (LENET,), 64, 50, cores, samples=10000)
    pictures = [
        Case(
            f"stream-{source}",
            f"{what}, {samples:,}, on {_cores(threads)}",
            engines,
            16,
            60,
            threads,
            samples=samples,
        )
        for source, what, engines in (
            ("list", "JPEG files", (LENET, "decode")),
            ("records", "JPEGs in LMDB", (LENET,)),
        )
        for samples, threads in (*((1000, each) for each in _threads(cores)), (5000, cores))
    ]
    about = (
        "Batches that are read ahead by threads and not held in memory: 64 digits, or 16 colour images "
        "of 256 x 256 pixels, decoded and scaled.  Samples/s are images/s.  Memory is to be the same "
        "for 5,000 images as for 1,000.  What is read ahead outside of the time that is measured is "
        'thrown away.  "Decoding alone" reads no files and copies no images, and has one thread always.'
    )
    return Section("streams", "Reading ahead", about, (digits, *pictures))


def classify(cores: int) -> Section:
    """A folder of images, whole processes."""
    engines = ("classify-all", "classify-one", "decode-files")
    cases = (
        Case("classify-digits", "10,000 digits, PNG", engines, 1, 1, cores, samples=10000),
        Case("classify-pictures", "1,000 JPEGs of 256 x 256", engines, 1, 1, cores, side=32, samples=1000),
    )
    about = (
        "A LeNet for grey images of 28 x 28 pixels, and one for colour images of 32 x 32, to which the "
        "JPEGs are resized; milliseconds, medians.  A command for one image takes what every command does "
        "to start.  Decoding alone is done in a process for each core, which is there already."
    )
    return Section("classify", "Classifying a folder of images", about, cases, across=True)


def others(cores: int) -> Section:
    """Detection and Caffe's Python interface."""
    cases = (
        Case("detection", "EBLearn's face detector, 15 scales", ("detection",), 1, 1, cores),
        Case("pycaffe", "one image through LeNet, one thread", ("forward", "pycaffe"), 1, 200, 1),
    )
    about = (
        "Milliseconds, medians.  EBLearn's recorded speed for a frame, scaled from its 512 x 512 "
        "picture by the number of pixels, is 5,000 (on another processor)."
    )
    return Section("others", "Detection, and the Python interface of Caffe", about, cases, across=True)


def networks(cores: int) -> Section:
    """Every network that came with Caffe."""
    engines = (LENET, *TORCH)
    training = [
        Case("network-training", f"{name}, batch {known.batch}", engines, known.batch, 1, cores, network=name)
        for name, known in NETWORKS.items()
        if known.training
    ]
    images = [
        Case("network-image", f"{name}, one image", engines, 1, 1, cores, network=name)
        for name, known in NETWORKS.items()
        if known.use
    ]
    about = (
        "Training: forward, backward from the answers and the update with momentum and weight decay, "
        "without loss and dropout.  One image: forward, without gradients.  PyTorch runs the modules "
        "that `lenet convert` writes.  Random weights and images, in memory; all cores; milliseconds, "
        "medians."
    )
    return Section("networks", "The networks that came with Caffe", about, (*training, *images), True, True)


SECTIONS = (training, keras, online, layers, networks, batches, growth, load, streams, classify, others)


def _cores(number: int) -> str:
    return f"{number} core{'s' * (number > 1)}"


def _named(threads: int) -> str:
    return f"{threads} thread{'s' * (threads > 1)}"


def _threads(cores: int) -> tuple[int, ...]:
    return (1, 2) if cores >= 2 else (1,)
