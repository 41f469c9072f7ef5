"""Every variable that EBLearn's train, detect and metarun read from a configuration.

The rows stand in `variables_*.py`; the reference page and `lenet doctor` are made from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lenet.dialects.eblearn.variable import Variable
from lenet.dialects.eblearn.variables_data import DATA
from lenet.dialects.eblearn.variables_detect import DETECTION
from lenet.dialects.eblearn.variables_metarun import METARUN
from lenet.dialects.eblearn.variables_modules import ANY_MODULE, MODULES, PARTNERS
from lenet.dialects.eblearn.variables_obsolete import OBSOLETE
from lenet.dialects.eblearn.variables_train import TRAINING
from lenet.dialects.eblearn.variables_windows import WINDOWS

#: topic -> the variables with a fixed name
TOPICS: dict[str, tuple[Variable, ...]] = {
    "data": DATA,
    "training": TRAINING,
    "detection": DETECTION,
    "windows": WINDOWS,
    "sweeps (metarun)": METARUN,
    "not read": OBSOLETE,
}

VARIABLES: dict[str, Variable] = {row.name: row for rows in TOPICS.values() for row in rows}

#: type of module, answer, trainer or energy -> the variables NAME_parameter of its instances
PARAMETERS: dict[str, tuple[Variable, ...]] = {
    **{type: (*rows, *ANY_MODULE) for type, rows in MODULES.items()},
    **PARTNERS,
}

# longest first, so that linear_replicable0_in is not a parameter of linear
_TYPES = sorted(PARAMETERS, key=len, reverse=True)


def type_of(instance: str) -> str:
    """The type of a module, answer, trainer or energy: its name without the digits at its end.

    >>> type_of("conv12"), type_of("l2pool3"), type_of("tanh")
    ('conv', 'l2pool', 'tanh')
    """
    return instance.rstrip("0123456789")


def find(name: str) -> Variable | None:
    """What is known of a variable, by its name alone.

    >>> find("conv0_kernel").meaning, find("ms2_pipe0").kind, find("annea_period")
    ('size of the kernels', 'list of names', None)
    """
    if name in VARIABLES:
        return VARIABLES[name]
    for type in _TYPES:
        instance = re.fullmatch(rf"{type}\d*_(.+)", name)
        row = instance and _parameter(type, instance[1])
        if row:
            return row
    return None


def names_for(instances: Iterable[str]) -> list[str]:
    """All names that are read when these modules, answers and trainers are built, for "did you mean".

    >>> [name for name in names_for(["conv0"]) if name.startswith("conv0_t")]
    ['conv0_table', 'conv0_table_in', 'conv0_table_out']
    """
    names = [name for name, row in VARIABLES.items() if row.topic_is_current]
    for instance in instances:
        rows = PARAMETERS.get(type_of(instance), ANY_MODULE)
        names += [f"{instance}_{row.name}" for row in rows]
    return names


def _parameter(type: str, parameter: str) -> Variable | None:
    for row in PARAMETERS[type]:
        if row.name == parameter or (row.name.endswith("*") and parameter.startswith(row.name[:-1])):
            return row
    return None
