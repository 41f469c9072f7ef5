"""What is timed: a case is one piece of work, done by several engines in turn."""

from __future__ import annotations

from dataclasses import dataclass

LENET = "lenet"
GEMM = "gemm"  # a product of matrices, for the dense limit
TORCH = ("torch-eager", "torch-channels-last")
SHORT = "-short-waits"  # how an engine's name ends whose threads wait as those of this project do
WAITING = ("torch-channels-last" + SHORT,)
COMPILED = (*TORCH, *WAITING, "torch-compile")
KERAS = ("keras-torch", "keras-tensorflow", "keras-jax")
EVERYBODY = (LENET, *COMPILED, *KERAS)
#: engines that are this project's
OURS = (LENET, "eblearn-plain", "second-order", "detection", "forward", "pycaffe")
MODELS = "LENET_BENCH_MODELS"  # the environment variable that names the folder of other systems' networks

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
    "torch-channels-last-short-waits": "PyTorch, channels_last, short waits",
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
    "classify-all": "`lenet classify`",
    "classify-one": "of one image",
    "decode-files": "Pillow, decoding alone",
}


@dataclass(frozen=True)
class Case:
    """One piece of work: `work` says which, the numbers how large; `iterations` make a block.

    `batch` samples an iteration; images of `side` x `side` pixels; `width` times Caffe's numbers of maps and
    hidden units; `samples` in the data; `busy` processes that do nothing but count run beside it; `network`
    names one of caffe_networks.py.
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
    network: str = ""
