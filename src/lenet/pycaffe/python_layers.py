"""Caffe's Python layers: the code that a prototxt names, imported and put into a network.

Only what asks for it runs such code: a script, which is Python itself, and `--allow-python`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from lenet.errors import DescriptionError, LenetError
from lenet.job import Job
from lenet.layers.user_code import Python
from lenet.net import Net, Node, Opaque
from lenet.pycaffe.script import as_caffe


class Layer:
    """What scripts derive their layers from.

    `setup(bottom, top)`, `reshape(bottom, top)`, `forward(bottom, top)` and
    `backward(top, propagate_down, bottom)` are to be written; `param_str` is the text of the prototxt,
    `phase` 0 while training and 1 while testing.
    """

    param_str = ""
    phase = 0

    def setup(self, bottom: Any, top: Any) -> None:  # noqa: ANN401
        """Read settings, once."""

    def backward(self, top: Any, propagate_down: Any, bottom: Any) -> None:  # noqa: ANN401
        """Hand gradients on: none."""

    @property
    def blobs(self) -> Any:  # noqa: ANN401
        """Refused: parameters of such layers are not there.

        Raises: DescriptionError.
        """
        raise DescriptionError("Python layers cannot hold parameters here", hint="use layers that can")


def with_python_layers(net: Net) -> Net:
    """The network with the code of its Python layers.

    Raises: DescriptionError where the code cannot be imported.
    """
    if not any(_is_python(node) for node in net.nodes):
        return net
    return replace(net, nodes=tuple(_allowed(node) if _is_python(node) else node for node in net.nodes))


def job_with_python_layers(job: Job) -> Job:
    """The job with the code of the Python layers of all its networks."""
    tests = tuple(replace(test, net=with_python_layers(test.net)) for test in job.tests)
    return replace(job, net=with_python_layers(job.net), tests=tests)


def _is_python(node: Node) -> bool:
    return isinstance(node.kind, Opaque) and (node.kind.dialect, node.kind.kind) == ("caffe", "Python")


def _allowed(node: Node) -> Node:
    kind = node.kind
    fields = kind.fields.get("python_param") if isinstance(kind, Opaque) else None
    if fields is None:
        raise DescriptionError(f"layer '{node.name}' (Python): python_param is missing", node.where)
    make = _imported(str(fields.get("module", "")), str(fields.get("layer", "")), node)
    code = Python(make, str(fields.get("param_str", "")), len(node.outputs), written=kind)
    return replace(node, kind=code)


def _imported(module: str, name: str, node: Node) -> Callable[[], Any]:
    """The class, looked for beside the script, in the working directory and on Python's own path."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        with as_caffe():
            found: Callable[[], Any] = getattr(import_module(module), name)
    except LenetError:
        raise
    except Exception as error:
        reason = f"layer '{node.name}' (Python): {module}.{name} cannot be imported: {error}"
        hint = "the module is looked for in the working directory and on PYTHONPATH"
        raise DescriptionError(reason, node.where, hint) from error
    finally:
        sys.path.remove(here)
    return found
