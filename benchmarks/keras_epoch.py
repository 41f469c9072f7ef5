"""Time an epoch of the Keras tutorial's LeNet, batch 128: lenet's engine against Keras' own fit.

    python benchmarks/keras_epoch.py [--rounds 5] [--iterations 20] [--threads 2]

Keras runs once with each of its backends that is installed, in a process of its own.  The engines take
turns in blocks of iterations, so that a slow moment of the machine hits all of them; an epoch is the
median block times 469 iterations over those of a block, each ratio the median of the ratios round by
round.  Feeding the batches and counting loss and accuracy is part of a block, as in training.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec

BATCH, EPOCH = 128, 469  # iterations of an epoch of 60,000 digits
BACKENDS = {"torch": "torch", "jax": "jax", "tensorflow": "tensorflow"}


def lenet_block(iterations):
    """A function that trains one block with our engine."""
    from lenet.cli.keras_training import BUILT_IN, read
    from lenet.cli.train import Options
    from lenet.engine.train import Trainer
    from lenet.errors import Notes

    job = read(Options(file=BUILT_IN, epochs=10**6, batch=BATCH), Notes()).job
    trainer = Trainer(job)

    def block():
        for _ in range(iterations):
            for _ in trainer.advance():
                pass

    return block


def keras_block(iterations):
    """A function that trains one block with Keras' fit."""
    from lenet.keras import LeNet
    from lenet.keras.datasets import mnist

    (images, labels), _ = mnist.load_data()
    import keras

    images = images[: iterations * BATCH, ..., None].astype("float32") / 255
    labels = keras.utils.to_categorical(labels[: iterations * BATCH], 10)
    model = LeNet.build(28, 28, 1, 10)
    model.compile(keras.optimizers.SGD(0.01), "categorical_crossentropy", metrics=["accuracy"])
    return lambda: model.fit(images, labels, batch_size=BATCH, epochs=1, verbose=0)


def serve(engine, iterations, threads):
    """Time a block for each line that comes in; the seconds go out."""
    if threads:
        import torch

        torch.set_num_threads(threads)
    block = lenet_block(iterations) if engine == "lenet" else keras_block(iterations)
    for _ in sys.stdin:
        started = time.perf_counter()
        block()
        print(time.perf_counter() - started, flush=True)


class Engine:
    """An engine in a process of its own."""

    def __init__(self, name, args):
        environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3")
        if args.threads:
            environment |= {"OMP_NUM_THREADS": str(args.threads), "TF_NUM_INTRAOP_THREADS": str(args.threads)}
        if name != "lenet":
            environment["KERAS_BACKEND"] = name
        command = [sys.executable, __file__, "--serve", name, "--iterations", str(args.iterations)]
        command += ["--threads", str(args.threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, env=environment, text=True, **pipes)

    def block(self):
        """Seconds of one block; None if the process has died."""
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        answer = self.process.stdout.readline()
        return float(answer) if answer else None

    def close(self):
        """End the process."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def main():
    """Run the comparison and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--serve", metavar="ENGINE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve, args.iterations, args.threads)
        return
    names = ["lenet", *(name for name, library in BACKENDS.items() if find_spec(library))]
    engines = {name: Engine(name, args) for name in names}
    times = {name: [] for name in names}
    for number in range(args.rounds + 1):
        for name, engine in list(engines.items()):
            seconds = engine.block()
            if seconds is None:
                print(f"{name} does not run here: KERAS_BACKEND={name} python -c 'import keras' tells why")
                del engines[name], times[name]
            elif number:  # the first round warms up and compiles
                times[name].append(seconds)
    for engine in engines.values():
        engine.close()
    print(f"{args.threads or 'all'} threads, {args.rounds} rounds of {args.iterations} iterations")
    print(f"{'engine':24} {'s/epoch':>9} {'images/s':>9} {'time of lenet / its':>20}")
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(times["lenet"], values, strict=True))
        median = statistics.median(values)
        label = name if name == "lenet" else f"Keras' fit, {name}"
        speed = args.iterations * BATCH / median
        print(f"{label:24} {median / args.iterations * EPOCH:9.1f} {speed:9.0f} {ratio:20.3f}")


if __name__ == "__main__":
    main()
