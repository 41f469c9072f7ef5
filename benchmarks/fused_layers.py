"""Time convolution, ReLU and max-pool: the compiled kernels against PyTorch channels_last, shape by shape.

    python benchmarks/fused_layers.py [--rounds 9] [--threads 2]

Both take turns; each time is that of the forward and the backward pass, in milliseconds, median and least;
`wall` is what a clock shows, `cpu` what all threads of the process took, which another busy program changes
less.  The dense limit is what the multiplications of both passes would take at the speed of a product of
1024 x 1024 matrices timed in the same round; the compiled kernels may be below it, because they leave out
what cannot count.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch.nn import functional

from lenet.kernels import library
from lenet.kernels.convolution import FusedConvolution

#: name -> batch, channels, size, outputs, window, padding, pool, whether ReLU, whether the input learns
SHAPES = {
    "Caffe LeNet 1": (64, 1, 28, 20, 5, 0, 2, False, False),
    "Caffe LeNet 2": (64, 20, 12, 50, 5, 0, 2, False, True),
    "Keras LeNet 1": (128, 1, 28, 20, 5, 2, 2, True, False),
    "Keras LeNet 2": (128, 20, 14, 50, 5, 2, 2, True, True),
    "one image": (1, 20, 12, 50, 5, 0, 2, False, True),
    "colour": (32, 3, 32, 64, 3, 1, 2, True, False),
    "wide": (32, 64, 16, 128, 3, 1, 2, True, True),
    "wider": (16, 128, 14, 128, 3, 1, 2, True, True),
    "pool of 4": (64, 16, 24, 32, 3, 1, 4, True, True),
}
Pass = Callable[[], object]


def passes(shape: tuple[int, int, int, int, int, int, int, bool, bool]) -> tuple[dict[str, Pass], float]:
    """Both engines for one shape, and the multiply-adds of their passes."""
    batch, channels, size, outputs, window, pad, pool, relu, learns = shape
    convolved = size + 2 * pad - window + 1
    pair = (convolved // pool,) * 2
    layer = FusedConvolution(
        channels, (size,) * 2, outputs, (window,) * 2, (pad,) * 2, (pool,) * 2, pair, relu, True
    )
    images = torch.randn(batch, channels, size, size).to(memory_format=torch.channels_last)
    weight = torch.randn(outputs, channels, window, window).to(memory_format=torch.channels_last)
    tensors = [images.requires_grad_(learns), weight.requires_grad_(), torch.randn(outputs).requires_grad_()]
    gradient = torch.randn(batch, outputs, *pair).to(memory_format=torch.channels_last)

    def in_torch(*given: torch.Tensor) -> torch.Tensor:
        result = functional.conv2d(*given, padding=pad)
        return functional.max_pool2d(functional.relu(result) if relu else result, pool)

    def both_ways(forward: Callable[..., torch.Tensor]) -> Pass:
        wanted = [tensor for tensor in tensors if tensor.requires_grad]
        return lambda: torch.autograd.grad(forward(*tensors), wanted, gradient)

    once = batch * outputs * convolved**2 * channels * window**2
    return {"fused": both_ways(layer), "torch": both_ways(in_torch)}, once * (2 + learns)


def timed(work: Pass, repeats: int) -> tuple[float, float]:
    """Milliseconds of one run, by the clock and of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        work()
    return tuple(  # type: ignore[return-value]
        1000 * (now - then) / repeats
        for now, then in ((time.perf_counter(), wall), (time.process_time(), cpu))
    )


def main() -> None:
    """Run the comparison and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    library.required()
    matrix = torch.randn(1024, 1024)
    print(f"{library.describe()}; {torch.get_num_threads()} threads")
    titles = "".join(f" {name + ': wall':>12} {'least':>7} {'cpu':>7}" for name in ("fused", "torch"))
    print(f"{'shape':14}{titles} {'wall ratio':>11} {'cpu ratio':>10} {'limit: wall':>12} {'cpu':>7}")
    for name, shape in SHAPES.items():
        engines, multiply_adds = passes(shape)
        times: dict[str, list[tuple[float, float]]] = {"fused": [], "torch": []}
        limits = []
        for number in range(args.rounds + 1):
            product = timed(lambda: matrix @ matrix, 1)
            limits.append([took / 1024**3 * multiply_adds for took in product])
            for engine, work in engines.items():
                found = timed(work, 3)
                if number:  # the first round warms up
                    times[engine].append(found)
        line = f"{name:14}"
        for found in times.values():
            walls = [wall for wall, _ in found]
            line += f" {statistics.median(walls):12.2f} {min(walls):7.2f} {min(cpu for _, cpu in found):7.2f}"
        ratios = [
            statistics.median(b[i] / a[i] for a, b in zip(*times.values(), strict=True)) for i in range(2)
        ]
        print(f"{line} {ratios[0]:11.2f} {ratios[1]:10.2f}", end="")
        print(" {:12.2f} {:7.2f}".format(*(min(each[i] for each in limits) for i in range(2))))


if __name__ == "__main__":
    main()
