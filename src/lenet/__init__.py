"""lenet: the classic convolutional-network systems, run as they were written.

    import lenet

    net = lenet.load("lenet.prototxt", "lenet_iter_10000.caffemodel")   # of any system
    net.classify("seven.png")[0].name
    net.save("lenet.onnx")
    lenet.train(settings={"max_iter": 500}).accuracy

Importing it is quick: numpy and torch come with the first call that needs them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lenet.api.loaded import Answer, LoadedNet, load
    from lenet.api.testing import test
    from lenet.api.training import Trained, train
    from lenet.errors import LenetError

# Threads of torch's that spin for milliseconds keep the compiled kernels' threads from their core, and others
# too when the machine is busy; those that sleep at once take long to wake.  So many turns are about 0.2 ms.
# Read when torch is imported: whoever does that first has them as they are by default.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.1.0"
__all__ = ["Answer", "LenetError", "LoadedNet", "Trained", "__version__", "load", "test", "train"]

_HOMES = {
    "Answer": "lenet.api.loaded",
    "LenetError": "lenet.errors",
    "LoadedNet": "lenet.api.loaded",
    "Trained": "lenet.api.training",
    "load": "lenet.api.loaded",
    "test": "lenet.api.testing",
    "train": "lenet.api.training",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 the public names, each from its home when it is asked for
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'lenet' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
