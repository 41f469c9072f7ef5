"""Every row of the table of module types: what it means, and that what is written is read again."""

import pytest

from lenet.dialects.eblearn.instance import Instance
from lenet.dialects.eblearn.layers import BY_TYPE, POWERS, ROWS, layer_of, spelling_of
from lenet.dialects.eblearn.preparing import Unsupported
from lenet.dialects.eblearn.structures import KNOWN_ONLY, STRUCTURES
from lenet.dialects.eblearn.variables_modules import MODULES
from lenet.errors import DescriptionError, LenetError, Notes, Where
from lenet.formats.conf import read_text
from lenet.formats.conf_resolve import resolve
from lenet.formats.conf_values import Values
from lenet.layers import (
    Absolute,
    Bias,
    ChannelDense,
    Colour,
    ContrastNormalization,
    DivisiveNormalization,
    Fit,
    GaussianPooling,
    Interlace,
    Jitter,
    LeakyTanH,
    LowerBound,
    Pad,
    PlainDropout,
    Pooling,
    PowerPooling,
    Resize,
    Scale,
    ScaledTanH,
    Select,
    SmoothShrink,
    SoftShrink,
    Split,
    Subsampling,
    SubtractiveNormalization,
    TableConvolution,
    TableDense,
    TanH,
    TanhShrink,
)
from lenet.layers.connection_table import full_table
from lenet.layers.fillers import Constant

KERNEL = "kernel=5x5"
WINDOW = "kernel=3x2;stride=2x1"
GLOBAL = "global"
LOCAL = "local"

# type, its parameters, the layer; `=name` is a variable of its own rather than a parameter
MEANINGS = [
    (
        "conv",
        "kernel=3x3;stride=1x1;table_in=2;table_out=3",
        TableConvolution(full_table(2, 3), (3, 3), (1, 1)),
    ),
    (
        "conv",
        f"{WINDOW};table_in=thickness;table_out=noutputs",
        TableConvolution(full_table(4, 10), (3, 2), (2, 1)),
    ),
    ("addc", "", Bias()),
    ("linear", "in=6;out=4", ChannelDense(4, inputs=6)),
    ("linear", "in=thickness;out=noutputs", ChannelDense(10, inputs=4)),
    ("linear_replicable", "in=6;out=4", ChannelDense(4, inputs=6)),
    ("sparse_linear", "table_in=4;table_out=3", TableDense(full_table(4, 3), summed=False)),
    ("diag", "", Scale()),
    ("subs", "kernel=3x3;stride=2x2", Subsampling((2, 2), Constant(0.5))),
    ("maxss", WINDOW, Pooling("max", (3, 2), (2, 1), rounding="floor")),
    ("wavgpool", WINDOW, GaussianPooling((3, 2), (2, 1))),
    *(
        (f"l{power}pool", WINDOW, PowerPooling(power, (3, 2), (2, 1), unsigned=power == 1))
        for power in POWERS
    ),
    ("l2pool", WINDOW + ";thickness=3", PowerPooling(2, (3, 2), (2, 1))),
    ("lppool", WINDOW + ";power=3", PowerPooling(3, (3, 2), (2, 1), unsigned=True)),
    ("lppool", WINDOW + ";power=2.5", PowerPooling(2.5, (3, 2), (2, 1))),
    ("stdsig", "", ScaledTanH()),
    ("stdsig", "linear=.1", ScaledTanH(0.1)),
    ("tanh", "", TanH()),
    ("tanh", "linear=0", TanH()),
    ("tanh", "linear=.1", LeakyTanH(0.1)),
    ("relu", "", LowerBound(0.0)),
    ("relu", "threshold=.25", LowerBound(0.25)),
    ("abs", "", Absolute()),
    ("copy", "", Split(copies=1)),
    ("back", "", Split(copies=1)),
    ("sshrink", "", SmoothShrink()),
    ("sshrink", "beta=2;bias=.1", SmoothShrink(Constant(2), Constant(0.1))),
    ("lshrink", "", SoftShrink(Constant(0))),
    ("tshrink", "", TanhShrink()),
    ("tshrink", "coefficients=1", TanhShrink(learned=True)),
    ("wstd", KERNEL, ContrastNormalization((5, 5))),
    ("cnorm", KERNEL, ContrastNormalization((5, 5))),
    ("wstd", KERNEL + ";fsum_div=1", ContrastNormalization((5, 5), divided=True)),
    ("wstd", KERNEL + ";fsum_split=.5", ContrastNormalization((5, 5), groups=2)),
    ("wstd", KERNEL + ";fsum_split=.5;across_features=1", ContrastNormalization((5, 5), groups=2)),
    ("wstd", KERNEL + ";gaussian_coeff=0", ContrastNormalization((5, 5), coefficient=0)),
    ("wstd", KERNEL + ";=mirror=1", ContrastNormalization((5, 5), border="mirror")),
    ("wstd", KERNEL + ";=mirror=1;valid=0", ContrastNormalization((5, 5), border="mirror")),
    ("wstd", KERNEL + ";valid=1", ContrastNormalization((5, 5), border="none")),
    ("wstd", KERNEL + ";across_features=0", ContrastNormalization((5, 5), groups=None)),
    ("wstd", KERNEL + ";threshold=0", ContrastNormalization((5, 5), floor=1.0)),
    (
        "wstd",
        KERNEL + ";global_norm=1;learn=1;learn_mean=1;epsilon=.1;epsilon2=.2",
        ContrastNormalization(
            (5, 5), standardized=True, learned=True, learned_mean=True, epsilon=0.1, offset=0.2
        ),
    ),
    ("snorm", KERNEL + ";learn=1", SubtractiveNormalization((5, 5), learned=True)),
    ("dnorm", KERNEL + ";epsilon=.1", DivisiveNormalization((5, 5), epsilon=0.1)),
    ("mirrorpad", "dims=5x5", Pad((2, 2, 2, 2), "mirror")),
    ("zpad", "dims=5x4", Pad((2, 2, 2, 1))),
    ("zpad", "sides=1,2,3,4", Pad((1, 2, 3, 4))),
    ("rgb_to_yp", "kernel=7x7", Colour("y", ((1, LOCAL),), window=(7, 7))),
    ("y_to_yn", "kernel=5x5;mirror=0", Colour("y", ((1, LOCAL),), window=(5, 5), border="zero")),
    ("rgb_to_ypuv", "kernel=7x7", Colour("yuv", ((1, LOCAL), (2, GLOBAL)), window=(7, 7))),
    ("rgb_to_ynuv", "kernel=7x7;global_norm=0", Colour("yuv", ((1, LOCAL), (2, "fixed")), window=(7, 7))),
    ("rgb_to_yuvp", "kernel=7x7", Colour("yuv", ((1, GLOBAL), (2, GLOBAL)), joint=True, window=(7, 7))),
    ("rgb_to_ypuvp", "kernel=7x7", Colour("yuv", ((1, LOCAL), (2, LOCAL)), window=(7, 7))),
    ("rgb_to_ypupvp", "kernel=7x7", Colour("yuv", ((1, LOCAL),) * 3, window=(7, 7))),
    ("rgb_to_rgbp", "kernel=7x7", Colour("rgb", ((3, LOCAL),), window=(7, 7))),
    ("rgb_to_yuv", "", Colour("yuv", ((1, GLOBAL), (2, GLOBAL)))),
    ("rgb_to_y", "", Colour("y", ((1, GLOBAL),))),
    ("rgb_to_rgb", "global_norm=0", Colour("rgb", ((3, "none"),))),
    ("y_to_y", "", Colour("y", ((1, GLOBAL),))),
    ("dropout", "proba=.3;test_time=1", PlainDropout(0.3, "never")),
    ("dropout", "proba=.3;test_time=0", PlainDropout(0.3, "always")),
    ("interlace", "stride=2x2", Interlace((2, 2))),
    ("table", "in=0,2,1;total=3", Select((0, 2, 1))),
]
SINGLE = [
    ("resize", "hratio=.5;wratio=.25", Resize(ratio=(0.5, 0.25))),
    ("resize", "hratio=2;wratio=2;mode=mean;preserve_ratio=0", Resize(None, (2, 2), "mean", False)),
    (
        "resizepp",
        "pp=rgb_to_yp0;size=32x32;zpad=2x2x2x2;=rgb_to_yp0_kernel=7x7",
        Fit((32, 32), preparation=Colour("y", ((1, LOCAL),), window=(7, 7)), sides=(2, 2, 2, 2)),
    ),
    ("resizepp", "pp=;mode=bilinear", Fit(None, "bilinear")),
    ("jitter", "rotations=-10,10;elastic=4,2", Jitter(rotations=(-10.0, 10.0), elastic=(4.0, 2.0))),
]


class Maker:
    """Takes what a structure makes."""

    def __init__(self):
        self.made = []

    def each(self, name, kind, inputs):
        self.made.append(kind)
        return inputs


def instance_of(type, parameters):
    parts = filter(None, parameters.split(";"))
    lines = [part[1:] if part.startswith("=") else f"{type}3_{part}" for part in parts]
    conf = read_text("\n".join(lines), "f.conf", Notes())
    notes = Notes()
    values = Values(conf, resolve(conf, notes, environment={}), notes, {})
    return Instance(f"{type}3", values, notes, Where("f.conf", 1), thickness=4, outputs=10)


@pytest.mark.parametrize(("type", "parameters", "layer"), MEANINGS)
def test_what_a_type_means(type, parameters, layer):
    assert layer_of(instance_of(type, parameters)) == layer


@pytest.mark.parametrize(("type", "parameters", "layer"), SINGLE)
def test_what_a_preparing_type_means(type, parameters, layer):
    maker = Maker()
    STRUCTURES[type](maker, instance_of(type, parameters), ["input"])
    assert maker.made == [layer]


@pytest.mark.parametrize(("type", "parameters", "layer"), MEANINGS)
def test_what_is_written_is_read_again(type, parameters, layer):
    name, variables = spelling_of(layer, "3")
    assert name.rstrip("0123456789") in BY_TYPE
    own = name.rstrip("3") + "3_"
    text = ";".join(
        f"{key.removeprefix(own)}={value}" if key.startswith(own) else f"={key}={value}"
        for key, value in variables.items()
    )
    assert layer_of(instance_of(name.removesuffix("3"), text)) == layer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names[0])
def test_every_row_has_a_case(row):
    assert any(type in row.names for type, _, _ in MEANINGS)


def test_every_type_of_eblearn_has_a_row():
    answers = {"class_answer", "vote_answer", "regression_answer", "scaler_answer", "scalerclass_answer"}
    others = answers | {"trainable_module", "l1penalty"}
    assert set(MODULES) - others == {*BY_TYPE, *STRUCTURES, *KNOWN_ONLY}


@pytest.mark.parametrize("type", BY_TYPE)
def test_every_parameter_of_a_row_is_documented(type):
    row = BY_TYPE[type]
    named = {setting.parameter for setting in row.settings if not setting.shared} | set(row.vain)
    extra = {"pp", "sides", "global_norm", "learn_mean"}  # read by some types of a row only
    assert named - extra <= {variable.name for variable in MODULES[type]} | {"weights", "in", "thickness"}


@pytest.mark.parametrize(
    ("type", "parameters", "words"),
    [
        ("conv", "stride=1x1;table_in=1;table_out=2", "needs its parameter 'conv3_kernel'"),
        ("conv", "kernel=axb;stride=1x1;table_in=1;table_out=2", "'conv3_kernel': 'a' is not a whole number"),
        ("conv", "kernel=5x5;stride=1x1;table_in=1;table_out=thicknes", "'thicknes' is not a whole number"),
        ("conv", "kernel=5x5;stride=1x1;table_in=0;table_out=2", "0 must be at least 1"),
        ("conv", "kernel=5x5;stride=1x1;table=none.mat", "the file 'none.mat' does not exist"),
        ("zpad", "sides=1,2,3", "3 sides, 4 are wanted"),
        ("zpad", "dims=5", "sizes of two axes are wanted"),
    ],
)
def test_what_cannot_be_is_told(type, parameters, words):
    with pytest.raises(LenetError, match=words) as caught:
        layer_of(instance_of(type, parameters))
    assert caught.value.where.file == "f.conf"


def test_a_mistyped_parameter_is_hinted_at():
    with pytest.raises(DescriptionError) as caught:
        layer_of(instance_of("conv", "kernal=5x5;stride=1x1;table_in=1;table_out=2"))
    assert "did you mean 'conv3_kernal'" in str(caught.value)


@pytest.mark.parametrize(
    ("type", "parameters"),
    [
        ("resize", "hratio=1;wratio=1;as_module=1"),
        ("resizepp", "pp=;fovea=1,2"),
        ("resizepp", "pp=;mode=gaussian"),
    ],
)
def test_what_has_no_layer_says_so(type, parameters):
    with pytest.raises(Unsupported):
        STRUCTURES[type](Maker(), instance_of(type, parameters), ["input"])
