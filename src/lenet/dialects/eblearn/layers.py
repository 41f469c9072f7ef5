"""Module types of EBLearn and the layers that they are, read and written from the same table.

Types that are several layers, or take their inputs apart, are in `structures.py`.
"""

from __future__ import annotations

from lenet.dialects.eblearn.colour_layers import COLOURS
from lenet.dialects.eblearn.instance import Instance
from lenet.dialects.eblearn.spelling import (
    KEEP,
    REQUIRED,
    Border,
    Connections,
    Maps,
    Meaning,
    Row,
    Setting,
    Value,
    either,
)
from lenet.layers.activation import TanH
from lenet.layers.affine import Bias, Scale
from lenet.layers.arrange import Split
from lenet.layers.channel_dense import ChannelDense, TableDense
from lenet.layers.contrast import ContrastNormalization, DivisiveNormalization, SubtractiveNormalization
from lenet.layers.fillers import Constant
from lenet.layers.layer import Layer
from lenet.layers.pad import Pad
from lenet.layers.plain_dropout import PlainDropout
from lenet.layers.pooling import Pooling
from lenet.layers.power_pooling import GaussianPooling, PowerPooling
from lenet.layers.rectification import Absolute, LowerBound
from lenet.layers.selection import Select
from lenet.layers.shift_stitch import Interlace
from lenet.layers.shrink import SmoothShrink, SoftShrink, TanhShrink
from lenet.layers.sigmoid import LeakyTanH, ScaledTanH
from lenet.layers.subsampling import Subsampling
from lenet.layers.table_convolution import TableConvolution

POWERS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 32, 64)

_WINDOW = (Setting("kernel", "window", "dims"), Setting("stride", "stride", "dims"))
_TABLE = Connections("table", "table", "string")
_FILLER = Meaning(Constant, lambda filler: filler.value)
_MEAN = (
    Setting("kernel", "window", "dims"),
    Setting("gaussian_coeff", "coefficient", "number", 2.0),
    # a part of 1 / n of the maps makes n groups of them
    Setting(
        "fsum_split",
        "groups",
        "number",
        1.0,
        Meaning(
            lambda part: round(1 / part) if part > 0 else 0, lambda groups: 1 / groups if groups else None
        ),
    ),
    Setting(
        "across_features",
        "groups",
        "boolean",
        True,
        Meaning(lambda across: KEEP if across else None, lambda groups: None if groups else False),
    ),
    Setting("fsum_div", "divided", "boolean", False),
    Setting("mirror", "border", "boolean", False, either("mirror", "zero", None), shared=True),
    Setting(
        "valid",
        "border",
        "boolean",
        False,
        Meaning(lambda valid: "none" if valid else KEEP, lambda border: border == "none"),
    ),
)
_STANDARDIZED = Setting("global_norm", "standardized", "boolean", False)
_LEARNED = Setting("learn", "learned", "boolean", False)
_DEVIATION = (
    Setting("threshold", "floor", "boolean", True, either(None, 1.0)),
    Setting("epsilon", "epsilon", "number", 1e-6),
    Setting("epsilon2", "offset", "number", 0.0),
    _LEARNED,
)


def _unsigned(settings: dict[str, Value]) -> dict[str, Value]:
    """EBLearn's gradients of odd powers do not know of the sign."""
    return {"unsigned": settings["power"] % 2 == 1}


def _mean_factor(settings: dict[str, Value]) -> dict[str, Value]:
    """The factors of a subsampling start with 1 / sqrt(pixels of a block)."""
    pixels = 1
    for side in settings["stride"]:
        pixels *= side
    return {"weight_filler": Constant(1 / pixels**0.5 if pixels else 0.0)}


ROWS: tuple[Row, ...] = (
    Row(("conv",), TableConvolution, (*_WINDOW, _TABLE), vain=("weights",)),
    Row(("addc",), Bias, vain=("weights",)),
    Row(
        ("linear", "linear_replicable"),
        ChannelDense,
        (Maps("in", "inputs", "integer"), Maps("out", "outputs", "integer")),
        vain=("weights",),
    ),
    Row(("sparse_linear",), TableDense, (_TABLE,), {"summed": False}),
    Row(("diag",), Scale, vain=("weights",)),
    Row(
        ("subs",), Subsampling, (Setting("stride", "stride", "dims"),), vain=("kernel",), derived=_mean_factor
    ),
    Row(("maxss",), Pooling, _WINDOW, {"method": "max", "rounding": "floor"}),
    Row(("wavgpool",), GaussianPooling, _WINDOW),
    *(
        Row((f"l{power}pool",), PowerPooling, _WINDOW, {"power": power}, ("thickness",), _unsigned)
        for power in POWERS
    ),
    Row(
        ("lppool",),
        PowerPooling,
        (*_WINDOW, Setting("power", "power", "number")),
        {},
        ("thickness",),
        _unsigned,
    ),
    Row(("stdsig",), ScaledTanH, (Setting("linear", "linear", "number", 0.0),)),
    Row(("tanh",), TanH),
    Row(("tanh",), LeakyTanH, (Setting("linear", "slope", "number", 0.0),)),
    Row(("relu",), LowerBound, (Setting("threshold", "bound", "number", 0.0),)),
    Row(("abs",), Absolute),
    Row(("copy", "back", "printer"), Split, fixed={"copies": 1}),
    Row(
        ("sshrink",),
        SmoothShrink,
        (
            Setting("beta", "weight_filler", "number", 10.0, _FILLER),
            Setting("bias", "bias_filler", "number", 0.3, _FILLER),
        ),
    ),
    Row(("lshrink",), SoftShrink, (Setting("bias", "bias_filler", "number", 0.0, _FILLER),)),
    Row(("tshrink",), TanhShrink, (Setting("coefficients", "learned", "boolean", False),)),
    Row(
        ("wstd", "cnorm"),
        ContrastNormalization,
        (*_MEAN, _STANDARDIZED, *_DEVIATION, Setting("learn_mean", "learned_mean", "boolean", False)),
        vain=("features",),
    ),
    Row(
        ("snorm",),
        SubtractiveNormalization,
        (*_MEAN, _STANDARDIZED, _LEARNED),
        vain=("features", "learn_mean"),
    ),
    Row(
        ("dnorm",),
        DivisiveNormalization,
        (*_MEAN, *_DEVIATION),
        vain=("features", "learn_mean", "global_norm"),
    ),
    Row(("zpad",), Pad, (Border("sides", "sides", "integers"),), {"border": "zero"}),
    Row(("mirrorpad",), Pad, (Border("sides", "sides", "integers"),), {"border": "mirror"}),
    *COLOURS,
    Row(
        ("dropout",),
        PlainDropout,
        (
            Setting("proba", "ratio", "number"),
            Setting("test_time", "drops", "boolean", REQUIRED, either("never", "always")),
        ),
    ),
    Row(("interlace",), Interlace, (Setting("stride", "stride", "dims"),)),
    Row(("table",), Select, (Setting("in", "features", "integers"),), vain=("total",)),
)

BY_TYPE: dict[str, Row] = {name: row for row in ROWS for name in row.names}


def layer_of(instance: Instance) -> Layer:
    """The layer of an instance whose type is in the table.

    Raises: KeyError for another type; DescriptionError with the place for parameters that cannot be.
    """
    layer = BY_TYPE[instance.type].read(instance)
    return TanH() if layer == LeakyTanH(0.0) else layer


def spelling_of(layer: Layer, number: str) -> tuple[str, dict[str, str]] | None:
    """An instance of this layer: its name, ending in `number`, and its variables; None if EBLearn has none.

    >>> spelling_of(LowerBound(0.5), "3")
    ('relu3', {'relu3_threshold': '0.5'})
    """
    for row in ROWS:
        name = f"{row.names[0]}{number}"
        variables = row.write(name, layer)
        if variables is not None:
            return name, variables
    return None
