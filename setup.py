"""Compile the fast kernels, where there is a compiler; all else about the package is in pyproject.toml."""

import hashlib
from pathlib import Path

from setuptools import Extension, setup

KERNELS = Path("src", "lenet", "kernels")


def files(ending: str) -> list[str]:
    """The kernels' files with this ending."""
    return sorted(path.as_posix() for path in KERNELS.glob(f"*.{ending}"))


def source() -> str:
    """What the library is compiled from; lenet/kernels/library.py counts it alike."""
    paths = sorted(path for path in KERNELS.iterdir() if path.suffix in (".cpp", ".h", ".inc"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


setup(
    ext_modules=[
        Extension(
            "lenet.kernels._compiled",
            sources=files("cpp"),
            depends=[*files("h"), *files("inc")],
            define_macros=[("LENET_SOURCE", f'"{source()}"')],
            # no -ffast-math: it would lose NaN; contraction makes a multiplication and an addition one FMA
            extra_compile_args=[
                *("-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fvisibility=hidden"),
                *("-pthread", "-Wextra", "-Wno-psabi", "-g0"),
            ],
            extra_link_args=["-pthread"],
            language="c++",
            optional=True,  # without a compiler the package installs all the same and runs on plain torch
        )
    ]
)
