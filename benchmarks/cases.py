"""What is timed: a case is one piece of work, done by several engines in turn."""

from __future__ import annotations

from dataclasses import dataclass

LENET = "lenet"
GEMM = "gemm"  # a product of matrices, for the dense limit
TORCH = ("torch-eager", "torch-channels-last")
COMPILED = (*TORCH, "torch-compile")
KERAS = ("keras-torch", "keras-tensorflow", "keras-jax")
EVERYBODY = (LENET, *COMPILED, *KERAS)

#: the titles of the layers of engine_layers.py, which needs torch: this file does not
LAYERS = (
    *("Caffe's LeNet, first", "Caffe's LeNet, second", "Keras' LeNet, first", "Keras' LeNet, second"),
    *("one image", "colour", "64 to 128 maps", "128 to 128 maps", "pool of 4 x 4"),
)
#: works that have a dense limit
DENSE = ("caffe-lenet", "keras-lenet", "layers")

#: engine -> what tables call it
NAMES = {
    LENET: "lenet",
    "torch-eager": "PyTorch, eager",
    "torch-channels-last": "PyTorch, channels_last",
    "torch-compile": "PyTorch, torch.compile",
    "keras-torch": "Keras 3 `fit`, torch",
    "keras-tensorflow": "Keras 3 `fit`, TensorFlow",
    "keras-jax": "Keras 3 `fit`, JAX",
    "eblearn-plain": "lenet on plain torch",
    "eblearn-torch": "PyTorch by hand, float64",
    "second-order": "lenet, second derivatives",
    "detection": "lenet, a frame of 640 x 480",
    "forward": "the engine alone",
    "pycaffe": "`net.forward()`",
    "decode": "OpenCV, one thread, decoding alone",
}


@dataclass(frozen=True)
class Case:
    """One piece of work: `work` says which, the numbers how large; `iterations` make a block.

    `batch` samples an iteration; images of `side` x `side` pixels; `width` times Caffe's numbers of maps and
    hidden units; `samples` in the data; `busy` processes that do nothing but count run beside it.
    """

    work: str
    title: str
    engines: tuple[str, ...]
    batch: int = 64
    iterations: int = 10
    threads: int = 0
    side: int = 28
    width: float = 1.0
    samples: int = 60000
    busy: int = 0


@dataclass(frozen=True)
class Section:
    """A table: its cases, in a row each or, `across`, with one line per case and a column per engine."""

    name: str
    title: str
    about: str
    cases: tuple[Case, ...]
    across: bool = False


def training(cores: int) -> Section:
    """Caffe's LeNet, batch 64."""
    cases = tuple(
        Case("caffe-lenet", f"{threads} thread{'s' * (threads > 1)}", EVERYBODY, threads=threads)
        for threads in _threads(cores)
    )
    about = "Reading the batch, forward, backward, update, reading the loss."
    return Section("training", "A training iteration of Caffe's LeNet, batch 64", about, cases)


def keras(cores: int) -> Section:
    """The tutorial's LeNet, batch 128."""
    cases = tuple(
        Case("keras-lenet", f"{threads} thread{'s' * (threads > 1)}", EVERYBODY, 128, 4, threads)
        for threads in _threads(cores)
    )
    about = "The same padding, ReLUs, 1.26 million weights; an epoch of 60,000 digits is 469 iterations."
    return Section("keras", "A training iteration of the Keras tutorial's LeNet, batch 128", about, cases)


def online(cores: int) -> Section:
    """EBLearn's mnist.conf, one sample at a time."""
    engines = (LENET, "eblearn-plain", "eblearn-torch", "second-order")
    case = Case("eblearn", "one thread", engines, batch=1, iterations=40, threads=1)
    about = "In float64, with contrast normalisation and rates per parameter; EBLearn itself took 9 to 10 ms."
    return Section("online", "A training step of EBLearn's mnist.conf, one sample", about, (case,))


def batches(cores: int) -> Section:
    """How cost grows with the batch."""
    sizes = {1: 60, 4: 40, 16: 20, 64: 8, 256: 3, 1024: 1, 4096: 1}
    cases = tuple(
        Case("caffe-lenet", f"batch {size:,}", (LENET, *TORCH), size, iterations, cores)
        for size, iterations in sizes.items()
    )
    about = "Caffe's LeNet, all cores; milliseconds an iteration."
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
    about = "Caffe's LeNet, batch 64, all cores; milliseconds an iteration."
    title = "How cost grows with image size, width and data"
    return Section("growth", title, about, (*sides, *widths, *data), across=True)


def load(cores: int) -> Section:
    """Beside another process that is busy."""
    cases = tuple(
        Case("caffe-lenet", f"{busy} busy processes", (LENET, *TORCH), 64, 5, cores, busy=busy)
        for busy in (0, 1, cores)
    )
    about = "Caffe's LeNet, batch 64, all cores, beside processes that only count; milliseconds an iteration."
    return Section("load", "On a machine that is busy", about, cases, across=True)


def layers(cores: int) -> Section:
    """Convolution, ReLU and max-pool, by shape."""
    cases = tuple(
        Case("layers", title, (LENET, "torch-channels-last"), iterations=3, threads=cores) for title in LAYERS
    )
    about = "Forward and backward, all cores; milliseconds.  Below the limit products are left out."
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
            10,
            threads,
            samples=samples,
        )
        for source, what, engines in (
            ("list", "JPEG files", (LENET, "decode")),
            ("records", "JPEGs in LMDB", (LENET,)),
        )
        for samples, threads in (*((1000, each) for each in _threads(cores)), (5000, cores))
    ]
    about = "Batches of 64 digits, of 16 images of 256 x 256; a larger set must not take more memory."
    return Section("streams", "Reading ahead", about, (digits, *pictures))


def others(cores: int) -> Section:
    """Detection and Caffe's Python interface."""
    cases = (
        Case("detection", "EBLearn's face detector, 15 scales", ("detection",), 1, 1, cores),
        Case("pycaffe", "one image through LeNet, one thread", ("forward", "pycaffe"), 1, 200, 1),
    )
    about = (
        "Milliseconds.  EBLearn's recorded speed for a frame, scaled from its 512 x 512 picture by the "
        "number of pixels, is 5,000 (on another processor)."
    )
    return Section("others", "Detection, and the Python interface of Caffe", about, cases, across=True)


SECTIONS = (training, keras, online, layers, batches, growth, load, streams, others)


def _cores(number: int) -> str:
    return f"{number} core{'s' * (number > 1)}"


def _threads(cores: int) -> tuple[int, ...]:
    return (1, 2) if cores >= 2 else (1,)
