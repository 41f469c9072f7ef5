"""The command line: a lazy table of verbs, one file per verb.

A verb's module offers `add_arguments(parser)` and `run(args)`, which returns the exit code; it is
imported only when its verb is asked for, so that `lenet --help` needs neither numpy nor torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from lenet.process import is_command, load_torch_ahead

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


class VerbModule(Protocol):
    """What the file of a verb offers."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments, the examples too (`parser.epilog`)."""

    def run(self, args: Namespace) -> int:
        """Do the work; the result is the exit code.

        Raises: LenetError for everything that bad input can cause.
        """


@dataclass(frozen=True)
class Verb:
    """A verb: its file and its line of help; a `raw` one gets its words unparsed, as `args.words`.

    Most of what a verb with `torch` does runs networks.
    """

    module: str
    help: str
    raw: bool = False
    torch: bool = False

    def load(self) -> VerbModule:
        """Import the verb's file."""
        return cast(VerbModule, import_module(self.module))


VERBS: dict[str, Verb] = {
    "train": Verb(
        "lenet.cli.train", "train a network; without a file: LeNet on MNIST, both built in", torch=True
    ),
    "sweep": Verb("lenet.cli.sweep", "train all combinations of the values that a .conf lists"),
    "test": Verb("lenet.cli.test", "score a network with its weights on its test data", torch=True),
    "classify": Verb("lenet.cli.classify", "say what images show", torch=True),
    "detect": Verb(
        "lenet.cli.detect", "find objects in images: a configuration, SSD, or a slid classifier", torch=True
    ),
    "show": Verb("lenet.cli.show", "look into a file: layers, shapes, weights, cost; what was upgraded"),
    "metarun": Verb("lenet.cli.sweep", "the same as sweep, by EBLearn's name"),
    "time": Verb("lenet.cli.time", "time every layer of a network, forward and backward", torch=True),
    "convert": Verb("lenet.cli.convert", "rewrite a file in today's form, text or binary"),
    "data": Verb("lenet.cli.data", "write, fetch and look into data sets and databases"),
    "doctor": Verb(
        "lenet.cli.doctor", "examine a file: what it needs, what was guessed, what is likely wrong"
    ),
    "run": Verb("lenet.cli.run", "run an old script for Caffe's Python interface or Keras", raw=True),
    "caffe": Verb("lenet.cli.caffe", "Caffe's own command lines, word for word", raw=True, torch=True),
    "eblearn": Verb("lenet.cli.eblearn", "EBLearn's own command lines, word for word", raw=True, torch=True),
    "shims": Verb("lenet.cli.shims", "write launchers, so that scripts of old tutorials run as they are"),
}


def run_verb(name: str, words: Sequence[str]) -> int:
    """Run a verb with its words; the result is the exit code.

    Raises: LenetError.
    """
    from argparse import Namespace

    verb = VERBS[name]
    if verb.torch and is_command() and not {"-h", "--help"}.intersection(words):
        load_torch_ahead()
    module = verb.load()
    if verb.raw:
        return module.run(Namespace(words=list(words)))
    from lenet.cli.arguments import Parser

    parser = Parser(prog=f"lenet {name}", description=f"{verb.help[0].upper()}{verb.help[1:]}.")
    module.add_arguments(parser)
    try:
        args = parser.parse(words)
    except SystemExit as leaving:  # argparse after --help
        return int(leaving.code or 0)
    return module.run(args)


def examples(*lines: str) -> str:
    """The examples of a verb's help, for `parser.epilog`.

    >>> print(examples("lenet show lenet.prototxt"))
    examples:
      lenet show lenet.prototxt
    """
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])


def overview(verbs: Sequence[str] = tuple(VERBS)) -> str:
    """The table of verbs as text."""
    width = max(map(len, verbs))
    return "\n".join(f"  {name:{width}}  {VERBS[name].help}" for name in verbs)
