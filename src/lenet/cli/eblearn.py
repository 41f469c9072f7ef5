"""`lenet eblearn ...`: EBLearn's own command lines, word for word."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from lenet.cli import run_verb
from lenet.errors import UsageError, did_you_mean

USAGE = """usage:
  lenet eblearn <tool> <configuration> [...]

tools:
  train     train a configuration; weights, `progress` and `finished` go to the working directory
  detect    find objects in images, as a configuration says"""


def add_arguments(parser: ArgumentParser) -> None:
    """None: the words are EBLearn's."""


def run(args: Namespace) -> int:
    """Do what `TOOL CONF ...` does.

    Raises: LenetError.
    """
    words: list[str] = args.words
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    tool, rest = words[0], words[1:]
    if tool not in _TOOLS:
        raise UsageError(f"EBLearn has no tool '{tool}' here", hint=did_you_mean(tool, _TOOLS))
    return _TOOLS[tool](rest)


def _train(words: Sequence[str]) -> int:
    from lenet.cli.train import Options, train

    if len(words) != 1:
        raise UsageError("train takes one configuration", hint="lenet eblearn train mnist.conf")
    return train(Options(file=words[0], log_style="eblearn", runs=""))


def _detect(words: Sequence[str]) -> int:
    return run_verb("detect", list(words))


_TOOLS: dict[str, Callable[[Sequence[str]], int]] = {"train": _train, "detect": _detect}
