"""The environments of peers that are not installed beside this project, made when they are first wanted."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BUILD = Path(__file__).parents[1] / "build" / "bench"
#: engine -> what is installed for it beside Keras in an environment of its own; the others run in this one
ENVIRONMENTS = {
    "keras-tensorflow": (
        "tensorflow-cpu; sys_platform == 'linux' and platform_machine == 'x86_64'",
        "tensorflow; sys_platform != 'linux' or platform_machine != 'x86_64'",
    ),
    "keras-jax": ("jax",),
}
VERSIONS = """
from importlib.metadata import distributions
wanted = ("keras", "tensorflow", "tensorflow-cpu", "tensorflow_cpu", "jax", "numpy")
print(", ".join(sorted({f"{each.name} {each.version}" for each in distributions() if each.name in wanted})))
"""


def python_of(name: str) -> str:
    """The interpreter of an engine."""
    return str(BUILD / name / "bin" / "python") if name in ENVIRONMENTS else sys.executable


def make_environment(name: str) -> None:
    """Make the environment of an engine, if it is not there; what went wrong is kept for the tables."""
    if name not in ENVIRONMENTS or _mark(name).exists():
        return
    folder = BUILD / name
    print(f"making an environment for {name}: {folder}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    install = [python_of(name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*install, _keras(), *ENVIRONMENTS[name]]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip() or "pip failed").split("\n")[-1]
            (folder / ".failed").write_text(reason, encoding="utf-8")
            return
    told = subprocess.run([python_of(name), "-c", VERSIONS], check=True, capture_output=True, text=True)
    _mark(name).write_text(told.stdout.strip(), encoding="utf-8")


def missing(name: str) -> str:
    """Why an engine cannot run: its environment was not made; "" if it can."""
    if name not in ENVIRONMENTS or _mark(name).exists():
        return ""
    failed = BUILD / name / ".failed"
    if failed.exists():
        return f"not installed: {failed.read_text(encoding='utf-8')[:200]}"
    return f'not installed: `make bench BENCH="--with {name}"` does it'


def versions_of(name: str) -> str:
    """What is installed in an engine's own environment, "" for one that has none."""
    return _mark(name).read_text(encoding="utf-8") if name in ENVIRONMENTS and not missing(name) else ""


def _mark(name: str) -> Path:
    """The file that is there once all is installed; it holds the versions."""
    return BUILD / name / ".made"


def _keras() -> str:
    """Keras, in the version that is installed here."""
    try:
        return f"keras=={version('keras')}"
    except PackageNotFoundError:
        return "keras"
