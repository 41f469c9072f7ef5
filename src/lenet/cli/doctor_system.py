"""`lenet doctor --system`: versions, the device, and what is there or missing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from lenet.report.table import Table

#: library -> the extra that brings it, and what it gives
EXTRAS = {
    "h5py": ("hdf5", "HDF5 data, .h5 weights, Keras' files"),
    "plyvel": ("leveldb", "LevelDB databases"),
    "keras": ("keras", "lenet.keras, and lenet run of Keras' scripts"),
    "scikit-learn": ("keras", "the report that Keras' tutorial prints"),
    "onnx": ("onnx", "reading and writing ONNX"),
    "onnxruntime": ("onnx", "the check of each ONNX file that is written"),
    "opencv-python-headless": ("video", "videos and cameras"),
}
NEEDED = ("torch", "numpy", "protobuf", "lmdb", "matplotlib", "pillow", "tqdm", "safetensors")
_OTHER_NAMES = {"opencv-python-headless": ("opencv-python", "opencv-contrib-python")}


def run() -> int:
    """Print what this installation has; 0 if all that is needed is there, else 7.

    The exit code is that of a missing library.
    """
    from lenet import __version__
    from lenet.errors import MissingExtra
    from lenet.kernels.library import describe

    print(f"lenet {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(f"processor: {os.cpu_count()} cores, {_threads()}")
    print(f"kernels: {describe()}")
    print(f"GPU: {_gpu()}")
    print(f"bf16: {_bfloat16()}\n")
    rows = [(name, found_version(name) or "missing", "", "needed") for name in NEEDED]
    for name, (extra, purpose) in EXTRAS.items():
        found = found_version(name)
        install = "" if found else f"pip install 'lenet[{extra}]'"
        rows.append((name, found or "not there", install, purpose))
    print(Table(("library", "version", "to install", "gives"), tuple(rows), align="llll").text())
    return MissingExtra.exit_code if any(row[1] == "missing" for row in rows) else 0


def found_version(name: str) -> str:
    """The version of an installed distribution, "" if it is not there."""
    for each in (name, *_OTHER_NAMES.get(name, ())):
        try:
            return version(each)
        except PackageNotFoundError:
            continue
    return ""


def _threads() -> str:
    try:
        import torch
    except ImportError:
        return "torch is missing"
    return f"{torch.get_num_threads()} threads for torch"


def _bfloat16() -> str:
    """Where `--precision bf16` pays."""
    try:
        import torch

        from lenet.engine.precision import units
    except ImportError:
        return "unknown, torch is missing"
    devices = {"the processor": torch.device("cpu")}
    if torch.cuda.is_available():
        devices["the GPU"] = torch.device("cuda")
    found = [name for name, device in devices.items() if units(device)]
    if found:
        return f"units in {' and '.join(found)}: --precision bf16 uses them"
    return f"no units in {' or '.join(devices)}: --precision bf16 works, and takes longer than float32"


def _gpu() -> str:
    try:
        import torch
    except ImportError:
        return "unknown, torch is missing"
    if not torch.cuda.is_available():
        built = torch.version.cuda
        why = f"torch is built for CUDA {built}, and finds none" if built else "torch is built for the CPU"
        return f"none ({why})"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return f"{', '.join(names)} (CUDA {torch.version.cuda}): --device gpu uses it"
