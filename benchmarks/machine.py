"""The machine that is measured on, in words."""

from __future__ import annotations

import datetime
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lenet.process import cores


def setting() -> str:
    """The day, the machine and the versions."""
    processor = f"{cores()} core{'s' * (cores() > 1)} of {_processor()}"
    names = ("torch", "keras", "numpy")
    versions = ", ".join(f"{name} {found}" for name in names if (found := _version(name)))
    day = datetime.datetime.now(datetime.UTC).date()
    return f"{day}, {processor}; Python {platform.python_version()}, {versions}."


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*: (.*)$", text, re.M)
    widest = next((name for name in ("avx512f", "avx2") if f" {name} " in text), "")
    return f"{found[1] if found else platform.machine()}{f' ({widest})' if widest else ''}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
