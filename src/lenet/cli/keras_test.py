"""`lenet test lenet.keras`: a Keras network scored on MNIST, or on the data that `--data` names."""

from __future__ import annotations

from argparse import Namespace

from lenet.api.testing import scores_of_keras
from lenet.cli.messages import telling
from lenet.errors import UsageError


def run(args: Namespace) -> int:
    """Test with all samples, or so many batches, and print loss and accuracy.

    Raises: LenetError with what is wrong in the file, the weights or the data.
    """
    from lenet.cli.device import chosen

    if args.settings:
        raise UsageError("a Keras file has no keys to set", hint="use --data")
    settings = {"weights": args.weights, "data": args.data}
    with telling(args.strict) as notes:
        device = str(chosen(args, notes))
        asked = args.precision, args.kernels
        scores = scores_of_keras(args.net, settings, args.iterations, device, notes, *asked)
    width = max(len(output.name) for output in scores.outputs)
    for output in scores.outputs:
        print(f"{output.name:{width}}  {output.value:.6g}")
    print(f"{scores.seconds:.2f} s")
    return 0
