"""`lenet run SCRIPT.py [ARGS]`: an old script for Caffe's Python interface or for Keras, as it is."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from lenet.cli import examples
from lenet.cli.messages import print_notes
from lenet.errors import UsageError

TUTORIAL = "lenet run lenet_mnist.py --save-model 1 --weights lenet_weights.hdf5"
HELP = f"""usage: lenet run SCRIPT.py [ARGS]

Run an old Python script as it is. In it 'import caffe' means lenet.pycaffe; Keras 1 and 2, alone or
in TensorFlow, mean Keras 3: old names and arguments are accepted, with a warning once each, and MNIST
comes from lenet. Where there is no screen, plt.show() saves the figures in the working directory as
SCRIPT_1.png, SCRIPT_2.png, ...

{examples("lenet run train_step_by_step.py", "lenet run classify.py --gpu image.png out.npy", TUTORIAL)}"""


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
    from lenet.keras.script import as_keras
    from lenet.pycaffe.script import run_script

    with as_keras(lambda note: print_notes([note])):
        return run_script(words[0], words[1:])
