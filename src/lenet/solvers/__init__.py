"""CATALOGUE 3: update rules and learning-rate policies; importing this package registers them all."""

from __future__ import annotations

from lenet.solvers.adaptive import AdaDelta, AdaGrad, Adam, RmsProp
from lenet.solvers.hessian import Annealed, DiagonalHessian
from lenet.solvers.rate import RATES, Rate
from lenet.solvers.update import UPDATES, Nesterov, Sgd, Update

__all__ = [
    "RATES",
    "UPDATES",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "Annealed",
    "DiagonalHessian",
    "Nesterov",
    "Rate",
    "RmsProp",
    "Sgd",
    "Update",
]
