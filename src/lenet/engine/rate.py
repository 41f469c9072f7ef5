"""The learning rate of an iteration, as the solver's policy says."""

from __future__ import annotations

import math

from lenet.errors import TrainingError
from lenet.job import Job

_LARGEST = 3.4e38  # of float32


def learning_rate(job: Job, iteration: int) -> float:
    """The learning rate of the update at `iteration`.

    Raises: TrainingError where the policy gives none that a float32 can hold.
    """
    policy = job.solver.rate
    try:
        rate = policy(iteration)
    except (ArithmeticError, TypeError, ValueError):  # 0 ** -1, and a negative number to a broken power
        rate = math.nan
    if not -_LARGEST < rate < _LARGEST:
        message = f"iteration {iteration}: {policy} gives no learning rate that a float32 can hold"
        raise TrainingError(message, job.where, "check gamma, power and base_lr")
    return rate
