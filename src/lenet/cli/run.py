"""`lenet run SCRIPT.py [ARGS]`: an old script for Caffe's Python interface, as it is."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from lenet.cli import examples
from lenet.errors import UsageError

HELP = f"""usage: lenet run SCRIPT.py [ARGS]

Run a Python script in which 'import caffe' means lenet.pycaffe. Where there is no screen,
plt.show() saves the figures in the working directory as SCRIPT_1.png, SCRIPT_2.png, ...

{examples("lenet run train_step_by_step.py", "lenet run classify.py --gpu image.png out.npy")}"""


def add_arguments(parser: ArgumentParser) -> None:
    """None: the words behind the script are the script's own."""


def run(args: Namespace) -> int:
    """Run the script; the result is its exit code.

    Raises: UsageError without a script, FileError or DescriptionError if it cannot be read.
    """
    words: list[str] = args.words
    if words and words[0] in ("-h", "--help"):
        print(HELP)
        return 0
    if not words or words[0].startswith("-"):
        raise UsageError("the name of a script is wanted", hint="lenet run SCRIPT.py [ARGS]")
    from lenet.pycaffe.script import run_script

    return run_script(words[0], words[1:])
