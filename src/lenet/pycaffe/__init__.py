"""Caffe's Python interface over lenet's parts: `import lenet.pycaffe as caffe`."""

from lenet.dialects.caffe.layers import SPELLINGS as _SPELLINGS
from lenet.pycaffe import classifier, coord_map, detector, draw, io, net_spec, proto
from lenet.pycaffe.classifier import Classifier
from lenet.pycaffe.detector import Detector
from lenet.pycaffe.modes import (
    NCCL,
    TEST,
    TRAIN,
    has_nccl,
    init_log,
    log,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_multiprocess,
    set_random_seed,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from lenet.pycaffe.net import Net
from lenet.pycaffe.net_spec import NetSpec, layers, params, to_proto
from lenet.pycaffe.proto import caffe_pb2
from lenet.pycaffe.python_layers import Layer
from lenet.pycaffe.solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)
from lenet.pycaffe.timer import Timer

__version__ = "1.0.0"  # the version of Caffe whose interface this is


def layer_type_list() -> list[str]:
    """The types of layers that can run."""
    return sorted({*_SPELLINGS, "Python"})


__all__ = [
    "NCCL",
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Classifier",
    "Detector",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "Timer",
    "caffe_pb2",
    "classifier",
    "coord_map",
    "detector",
    "draw",
    "get_solver",
    "has_nccl",
    "init_log",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "net_spec",
    "params",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]
