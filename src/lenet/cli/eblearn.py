"""`lenet eblearn ...`: EBLearn's own command lines, word for word."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from lenet.cli import run_verb
from lenet.dialects.eblearn.dataset_options import TOOLS as DATA_TOOLS
from lenet.dialects.eblearn.dataset_options import our_words
from lenet.errors import UsageError, did_you_mean

USAGE = """usage:
  lenet eblearn <tool> <words of the tool>

tools:
  train     train a configuration; weights, `progress` and `finished` go to the working directory
  classify  answer the validation set with a trained network: CONF [-csv]
  detect    find objects in images, as a configuration says
  metarun   train all combinations of the values that a configuration lists
  metaparse read the logs of a folder again: a table and a figure of the best
  maketable                                  make connection tables
  dscompile, dssplit, dsmerge, dsdisplay     make, split, join and show sets of samples
  matshow, narrow, mconvert                  show, cut and make matrices"""


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
    if tool in _LEFT_OUT:
        raise UsageError(f"EBLearn's tool '{tool}' is not supported: {_LEFT_OUT[tool]}")
    if tool not in _TOOLS:
        raise UsageError(f"EBLearn has no tool '{tool}' here", hint=did_you_mean(tool, _TOOLS))
    return _TOOLS[tool](rest)


def _train(words: Sequence[str]) -> int:
    from lenet.cli.train import Options, train

    if len(words) != 1:
        raise UsageError("train takes one configuration", hint="lenet eblearn train mnist.conf")
    return train(Options(file=words[0], log_style="eblearn", runs=""))


def _detect(words: Sequence[str]) -> int:
    return run_verb("detect", [*words, "--log-style", "eblearn"])


def _classify(words: Sequence[str]) -> int:
    from lenet.cli.epoch_test import classify

    return classify(words)


def _metarun(words: Sequence[str]) -> int:
    from lenet.cli.sweep_metarun import metarun

    return metarun(words)


def _metaparse(words: Sequence[str]) -> int:
    from lenet.cli.sweep_metarun import metaparse

    return metaparse(words)


def _maketable(words: Sequence[str]) -> int:
    from lenet.cli.data_tables import maketable_words

    return run_verb("data", maketable_words(words))


def _data_tool(name: str) -> Callable[[Sequence[str]], int]:
    """A tool that is a work of `lenet data`; it replaces what is there, as EBLearn's does."""

    def run(words: Sequence[str]) -> int:
        return run_verb("data", [name, *our_words(name, words), "--force"])

    return run


_RECORDED = "what it writes was never recorded"
#: tools of EBLearn's that are not here, and why
_LEFT_OUT = {
    "dsfprop": f"{_RECORDED}; lenet.load(CONF).activations(IMAGES) gives outputs in Python",
    "imfprop": f"{_RECORDED}; lenet.load(CONF).activations(IMAGES) gives outputs in Python",
    "track": "it needs the TLD tracker",
    "stdetect": "it is an older form of detect",
    "mpidetect": "it is a form of detect for clusters (MPI)",
    "capture": "it saves a camera's images; detect takes them from the camera itself",
    "ebl2matlab": _RECORDED,
    "video_features_finder": _RECORDED,
}
_TOOLS: dict[str, Callable[[Sequence[str]], int]] = {
    "train": _train,
    "detect": _detect,
    "classify": _classify,
    "metarun": _metarun,
    "metaparse": _metaparse,
    "maketable": _maketable,
    **{name: _data_tool(name) for name in DATA_TOOLS},
}
