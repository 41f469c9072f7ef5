"""Old scripts run as they are: `import caffe` means this package, figures are saved without a screen."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

from lenet.errors import DescriptionError, FileError, LenetError, Where

PACKAGE = "lenet.pycaffe"
#: names of Caffe's own modules whose contents lie elsewhere here
ELSEWHERE = {"caffe": "", "caffe._caffe": "", "caffe.pycaffe": ""}
OWN = {f"{PACKAGE}.script", f"{PACKAGE}.saved_figures"}  # not part of Caffe's interface


def modules() -> dict[str, ModuleType]:
    """Caffe's module names with the modules that stand for them."""
    package = import_module(PACKAGE)
    found = {
        info.name: import_module(info.name)
        for info in walk_packages(package.__path__, f"{PACKAGE}.")
        if info.name not in OWN
    }
    named = {name.replace(PACKAGE, "caffe", 1): module for name, module in found.items()}
    return named | {name: import_module(PACKAGE + place) for name, place in ELSEWHERE.items()}


@contextmanager
def as_caffe() -> Iterator[None]:
    """While this lasts, `import caffe` and its modules mean this package."""
    before = {name: sys.modules.get(name) for name in modules()}
    sys.modules.update(modules())
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def run_script(path: str, words: Sequence[str]) -> int:
    """Run a script with its words; the result is the exit code.

    Raises: FileError if it cannot be read, DescriptionError if it is not Python 3, and what the script
    raises of :class:`LenetError`; of other errors the script's own trace is printed.
    """
    if not Path(path).is_file():
        raise FileError("there is no such script", Where(path))
    _save_figures_without_screen()
    argv, search = sys.argv, list(sys.path)
    sys.argv = [path, *words]
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        with as_caffe():
            runpy.run_path(path, run_name="__main__")
    except SystemExit as leaving:
        return _exit_code(leaving.code)
    except SyntaxError as error:
        if error.filename != path:
            return _failed(path)
        hint = "was it written for Python 2? 2to3 -w FILE brings it up to date"
        raise DescriptionError(error.msg, Where(path, error.lineno or 0, error.offset or 0), hint) from None
    except (LenetError, KeyboardInterrupt):
        raise
    except Exception:
        return _failed(path)
    finally:
        sys.argv, sys.path[:] = argv, search
    return 0


def _exit_code(code: object) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


def _failed(path: str) -> int:
    """Print the error under way with the trace from the script on."""
    kind, error, trace = sys.exc_info()
    while trace is not None and trace.tb_frame.f_code.co_filename != path:
        trace = trace.tb_next
    traceback.print_exception(kind, error, trace)
    return 1


def _save_figures_without_screen() -> None:
    screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"))
    if sys.platform.startswith("linux") and not screen:
        os.environ["MPLBACKEND"] = f"module://{PACKAGE}.saved_figures"
