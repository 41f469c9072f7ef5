"""The rules of ARCHITECTURE.md: who may import whom, what may be imported when, how long things get."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "lenet"
CHECKED_FOLDERS = ("src", "tests", "benchmarks", "examples")

# Part -> height.  A file imports only what stands lower; parts of one height do not import each
# other, except those in PEERS.
HEIGHTS = {
    "cli": 9,
    "api": 8,
    "pycaffe": 8,
    "keras": 8,
    "report": 7,
    "dialects": 6,
    "engine": 6,
    "job": 5,
    "deploy": 5,
    "net": 4,
    "weights": 4,
    "results": 4,
    "checkpoint": 4,
    "detection": 4,
    "model": 4,
    "layers": 3,
    "data": 3,
    "solvers": 3,
    "formats": 2,
    "kernels": 2,
    "catalogue": 1,
    "shapes": 1,
    "errors": 1,
    "process": 1,
}
TOP = 10  # lenet/__init__.py and lenet/__main__.py: the public names and the command
PEERS = ({"net", "weights", "results", "checkpoint", "detection", "model"}, {"catalogue", "shapes", "errors"})
REPORT_SEES = {"report", "formats", "job", "net", "weights", "results", "errors", "shapes"}
UNCLEAR_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 40

MODULES = sorted(PACKAGE.rglob("*.py"))
PYTHON_FILES = sorted(
    path for folder in CHECKED_FOLDERS if (ROOT / folder).is_dir() for path in (ROOT / folder).rglob("*.py")
)


def relative(path):
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in MODULES}


def imported(path):
    """The lenet modules that a file imports, anywhere in it, with the line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name.startswith("lenet."))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno}: imports are written in full"
            if node.module and node.module.split(".")[0] == "lenet":
                yield from ((target(node.module, alias.name), node.lineno) for alias in node.names)


def target(module, name):
    return f"{module}.{name}" if f"{module}.{name}" in NAMES else module


def part(module):
    """The part a module belongs to; "" is the package itself."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 and pieces[1] != "__main__" else ""


def height(module):
    return HEIGHTS[part(module)] if part(module) else TOP


def allowed(importer, imported_module):
    here, there = part(importer), part(imported_module)
    if imported_module == "lenet":
        return True  # for its version; test_only_the_version_is_taken_from_the_package checks that
    if here == there == "dialects":
        dialect, other = importer.split(".")[2:3], imported_module.split(".")[2:3]
        return not dialect or not other or dialect == other
    if here == there:
        return True
    if here == "report":
        return there in REPORT_SEES
    return height(imported_module) < height(importer) or any({here, there} <= peers for peers in PEERS)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_go_downwards(path):
    importer = module_name(path)
    wrong = [
        f"{relative(path)}:{line}: {importer} may not import {name}"
        for name, line in imported(path)
        if not allowed(importer, name)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("importer", "imported_module", "expected"),
    [
        ("lenet.cli.show", "lenet.dialects.caffe.net", True),
        ("lenet.dialects.caffe.net", "lenet.dialects.caffe.schema", True),
        ("lenet.dialects.caffe.net", "lenet.dialects.eblearn.net", False),
        ("lenet.dialects.caffe.net", "lenet.engine.build", False),
        ("lenet.engine.build", "lenet.dialects.caffe.net", False),
        ("lenet.report.figures", "lenet.engine.build", False),
        ("lenet.layers.dense", "lenet.data.source", False),
        ("lenet.formats.prototxt", "lenet.net", False),
        ("lenet.net", "lenet.weights", True),
        ("lenet.job", "lenet.net", True),
        ("lenet.net", "lenet.job", False),
    ],
)
def test_the_rule_itself(importer, imported_module, expected):
    assert allowed(importer, imported_module) is expected


def test_every_part_has_its_height():
    parts = {part(name) for name in NAMES} - {""}
    assert parts <= set(HEIGHTS), "a new part: give it a height here and a place in ARCHITECTURE.md"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_only_the_version_is_taken_from_the_package(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module == "lenet":
            names = {alias.name for alias in node.names if f"lenet.{alias.name}" not in NAMES}
            assert names <= {"__version__"}, f"{relative(path)}:{node.lineno}"


def eager_imports(module):
    """The names that importing a file imports at once: not in functions, not for types only."""
    waiting = list(module.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            types_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            waiting += node.orelse if types_only else list(ast.iter_child_nodes(node))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_torch_is_imported_at_once_by_the_engine_only(path):
    if part(module_name(path)) == "engine":
        return
    wrong = [line for name, line in eager_imports(tree(path)) if name.split(".")[0] == "torch"]
    assert not wrong, f"{relative(path)}:{wrong}: import torch inside the function that needs it"


def test_reports_know_no_torch():
    for path in (PACKAGE / "report").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) torch\b", path.read_text(encoding="utf-8"), re.M), path


def run_python(code):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_reading_and_showing_import_no_torch():
    # these are asked for only when something runs
    running = {
        "lenet.cli.session",
        "lenet.cli.group_session",
        "lenet.cli.epoch_session",
        "lenet.cli.keras_session",
        "lenet.__main__",
    }
    outside = sorted(name for name in NAMES if part(name) != "engine" and name not in running)
    code = f"""
import importlib, json, sys
guilty = []
for name in {outside!r}:
    importlib.import_module(name)
    if "torch" in sys.modules:
        guilty.append(name)
        break
print(json.dumps(guilty))
"""
    assert json.loads(run_python(code)) == []


def test_help_imports_neither_numpy_nor_torch():
    code = "import sys; from lenet.__main__ import main; main(['--help']); print(sorted(sys.modules))"
    imported_names = set(ast.literal_eval(run_python(code).splitlines()[-1]))
    assert "lenet.cli" in imported_names
    assert not {"numpy", "torch", "matplotlib", "google"} & imported_names


@pytest.mark.parametrize("path", PYTHON_FILES, ids=relative)
def test_files_and_functions_stay_short(path):
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= LONGEST_FILE, f"{relative(path)} is longer than {LONGEST_FILE} lines"
    functions = [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f"{relative(path)}:{f.lineno}: {f.name}" for f in functions if length(f) > LONGEST_FUNCTION]
    assert not long, "\n".join(long)


def length(function):
    """Lines of a function without its decorators and docstring."""
    body = function.body
    has_docstring = ast.get_docstring(function, clean=False) is not None
    docstring = (body[0].end_lineno - body[0].lineno + 1) if has_docstring else 0
    return function.end_lineno - function.lineno + 1 - docstring


@pytest.mark.parametrize("path", PYTHON_FILES, ids=relative)
def test_names_say_what_is_inside(path):
    assert not {part.strip("_") for part in path.relative_to(ROOT).with_suffix("").parts} & UNCLEAR_NAMES


def text_files():
    """The checkout's own files; what git ignores is not listed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        data = path.read_bytes() if path.is_file() and path.stat().st_size < 2_000_000 else b""
        if b"\0" not in data:
            yield name, data.decode("utf-8", errors="replace")


def test_no_file_names_the_machine_it_was_written_on():
    folders = "|".join(["work", "farm", "root", "home/[a-z]+", "Users/[A-Za-z]+"])
    machine_path = re.compile(rf"(?<![\w./])/(?:{folders})/")
    wrong = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if machine_path.search(line)
    ]
    assert not wrong, "\n".join(wrong)
