"""Parameters of modules, answers, trainers and energies: variables `NAME_parameter`, NAME the instance."""

from __future__ import annotations

from lenet.dialects.eblearn.variable import BOTH, Variable


def _needed(name: str, kind: str, meaning: str, note: str = "") -> Variable:
    return Variable(name, kind, meaning, required=True, tools=BOTH, note=note)


def _option(name: str, kind: str, meaning: str, default: str = "", note: str = "") -> Variable:
    return Variable(name, kind, meaning, default, tools=BOTH, note=note)


#: any module may have these
ANY_MODULE = (
    _option("shared", "switch", "modules of this name share their parameters", "0"),
    _option("energy", "name", "an energy of the module's outputs, added to the loss"),
)

_WEIGHTS = _option("weights", "file", "its weights, with manual_load = 1")
_KERNEL = _needed("kernel", "sizes", "size of the kernels")
_STRIDE = _needed("stride", "sizes", "step between two positions")
_TABLE = (
    _option("table", "file", "connection table: rows of input map, output map"),
    _option("table_in", "whole number", "without a table: all of so many maps; thickness: those that come"),
    _option("table_out", "whole number", "to so many maps; noutputs: one for each class"),
)
_CONVOLUTION = (_KERNEL, _STRIDE, *_TABLE, _WEIGHTS)
_LINEAR = (
    _needed("in", "whole number", "inputs; thickness: those that come"),
    _needed("out", "whole number", "outputs; noutputs: one for each class"),
)
_WINDOW = (_needed("kernel", "sizes", "size of the window"), _STRIDE)
_SUBSAMPLING = (_needed("kernel", "sizes", "size of the window", "the window is the stride"), _STRIDE)
_LP_POOLING = (*_WINDOW, _option("thickness", "whole number", "feature maps", "(those that come)"))
_SLOPE = (_option("linear", "number", "so much of the input is added to the output", "0"),)
_NORMALISATION = (
    _needed("kernel", "sizes", "size of the neighbourhood"),
    _option("features", "whole number", "feature maps", "(those that come)"),
    _option("learn", "switch", "learn the kernel of the mean square", "0"),
    _option("learn_mean", "switch", "learn the kernel of the mean", "0"),
    _option("gaussian_coeff", "number", "width of the Gaussian; 0: another formula", "2"),
    _option("fsum_div", "switch", "divide the sum over the maps by their number", "0"),
    _option("fsum_split", "number", "part of the maps that is summed together", "1"),
    _option("epsilon", "number", "is added to the mean square", "1e-6"),
    _option("epsilon2", "number", "is added to the values", "0"),
    _option("valid", "switch", "no padding: the maps become smaller", "0", "EBLearn stops"),
    _option("across_features", "switch", "one mean for all maps", "1"),
    _option("global_norm", "switch", "first mean 0, deviation 1 over all values", "0"),
    _option("threshold", "switch", "least deviation: the mean one; 0: 1", "1"),
)
_PREPROCESSING = (
    _option("kernel", "sizes", "size of the neighbourhood of the normalisation"),
    _option("mirror", "switch", "mirror the borders instead of adding zeros", "1"),
    _option("epsilon", "number", "is added to the mean square", "1e-6"),
    _option("epsilon2", "number", "is added to the values", "0"),
    _option("global_norm", "switch", "colours: mean 0, deviation 1; 0: a fixed scale", "1"),
)
_GLOBAL = (_option("global_norm", "switch", "mean 0, deviation 1 over all values", "1"),)
_ZPAD = _option("zpad", "sizes", "zeros to add: top x left x bottom x right")
_PRESERVE = _option("preserve_ratio", "switch", "keep the ratio of width to height", "1")
_CLASS_ANSWER = (
    _option("factor", "number", "targets are +this and -this", "1"),
    _option("binary", "switch", "one output for two classes", "0"),
    _option("tanh", "switch", "apply tanh to the outputs first", "0"),
    _option(
        "confidence",
        "whole number",
        "0: by distance to the target; 1: the output; 2: the output less the second highest; 3: raw",
        "2",
    ),
    _option("single_output", "whole number", "always this class, confidence by its output"),
    _option("force_class", "whole number", "always this class"),
    _option("kernel", "sizes", "size of a kernel", "", "printed, not used"),
    _option("sigma_scale", "number", "width of a kernel", "", "printed, not used"),
)

_COLOURS_NORMALISED = [
    "rgb_to_ypuv",
    "rgb_to_ynuv",
    "rgb_to_yp",
    "rgb_to_yn",
    "rgb_to_yuvp",
    "rgb_to_yuvn",
    "rgb_to_ypuvp",
    "rgb_to_ynuvn",
    "rgb_to_ypupvp",
    "rgb_to_ynunvn",
    "rgb_to_rgbp",
    "rgb_to_rgbn",
    "y_to_yp",
    "y_to_yn",
]
_LP_POOLS = [f"l{power}pool" for power in (1, 2, 4, 6, 8, 10, 12, 14, 16, 32, 64)]

#: type of module -> the parameters of its instances, without the name and `_`; those of any come on top
MODULES: dict[str, tuple[Variable, ...]] = {
    "conv": _CONVOLUTION,
    "convl": _CONVOLUTION,
    "addc": (_WEIGHTS,),
    "linear": (*_LINEAR, _WEIGHTS),
    "linear_replicable": _LINEAR,
    "sparse_linear": _TABLE,
    "diag": (_WEIGHTS,),
    "subs": _SUBSAMPLING,
    "subsl": _SUBSAMPLING,
    "maxss": _WINDOW,
    "avg_pyramid": (_needed("strides", "list of sizes", "one subsampling for each"),),
    "wavgpool": _WINDOW,
    **dict.fromkeys(_LP_POOLS, _LP_POOLING),
    "lppool": (*_LP_POOLING, _needed("power", "number", "the power p")),
    "tanh": _SLOPE,
    "stdsig": _SLOPE,
    "relu": (_option("threshold", "number", "least output", "0"),),
    **dict.fromkeys(("abs", "back", "copy", "printer", "rgb_to_yuv", "y_to_y"), ()),
    "sshrink": (
        _option("beta", "number", "how sharp, at the start", "10"),
        _option("bias", "number", "width of the dead zone, at the start", ".3"),
    ),
    "lshrink": (_option("bias", "number", "width of the dead zone, at the start", "0"),),
    "tshrink": (_option("coefficients", "switch", "learn coefficients", "0"),),
    **dict.fromkeys(("wstd", "cnorm", "snorm", "dnorm"), _NORMALISATION),
    "zpad": (
        _option("dims", "list of sizes", "pad so that kernels of this size keep the size"),
        _option("sides", "whole numbers", "zeros to add: top, left, bottom, right"),
    ),
    "mirrorpad": (_option("dims", "sizes", "pad so that a kernel of this size keeps the size"),),
    "resize": (
        _needed("hratio", "number", "factor of the height"),
        _needed("wratio", "number", "factor of the width"),
        _PRESERVE,
        _option("mode", "name", "bilinear, mean or gaussian", "bilinear"),
        _ZPAD,
        _option("as_module", "switch", "take the size from another module's output", "0"),
        _option("add", "sizes", "is added to that size"),
    ),
    "resizepp": (
        _needed("pp", "name", "the preprocessing module that is applied after resizing"),
        _option("size", "sizes", "height x width to resize to", "(what detection asks for)"),
        _option("fovea", "numbers", "scales of several views of the same place"),
        _ZPAD,
        _option("mode", "name", "bilinear, mean or gaussian", "mean"),
        _PRESERVE,
    ),
    **dict.fromkeys(_COLOURS_NORMALISED, _PREPROCESSING),
    "rgb_to_y": _GLOBAL,
    "rgb_to_rgb": _GLOBAL,
    "lpyramid": (
        _needed("nscales", "whole number", "scales"),
        _needed("kernels", "list of sizes", "sizes of the neighbourhoods"),
        _option("pp", "name", "colours that are made first"),
        _option("globalnorm", "switch", "mean 0, deviation 1 over all values", "1"),
        _option("localnorm", "switch", "normalise neighbourhoods", "1"),
        _option("localnorm2", "switch", "normalise them once more", "0"),
        _option("cnorm_across", "switch", "one mean for all maps", "1"),
        _option("color_lnorm", "switch", "normalise colours, too", "0"),
        _option("epsilon", "number", "is added to the mean square"),
        _option("epsilons", "numbers", "the same for each scale"),
        _ZPAD,
        _option("scalings", "numbers", "factors of the scales"),
    ),
    "jitter": (
        _option("translations", "numbers", "moves to choose from"),
        _option("rotations", "numbers", "turns to choose from"),
        _option("scalings", "numbers", "sizes to choose from"),
        _option("shears", "numbers", "shears to choose from"),
        _option("elastic", "numbers", "distortions to choose from"),
        _option("padding", "sizes", "zeros to add first"),
    ),
    "dropout": (
        _needed("proba", "number", "part of the values that is dropped in training"),
        _needed("test_time", "switch", "scale by 1 - proba instead"),
    ),
    "merge": (
        _needed("type", "name", "concat, flat, mflat or linear"),
        _option("dim", "whole number", "concat: the axis"),
        _option("states", "groups", "concat: which inputs come together"),
        _option("thickness", "whole number", "concat: feature maps that come out"),
        _option("ins", "list of sizes", "flat, linear: window of each input"),
        _option("strides", "list of sizes", "flat, linear: step of each window"),
        _option("scales", "numbers", "flat: factor of each input"),
        _option("out", "whole number", "linear: outputs"),
    ),
    "narrow": (
        _needed("dim", "whole number", "the axis"),
        _needed("size", "whole number", "so many elements of it"),
        _needed("offset", "whole numbers", "the first of them"),
        _option("narrow_states", "switch", "choose among inputs instead", "0"),
    ),
    "table": (
        _needed("in", "whole numbers", "maps to take, in this order"),
        _needed("total", "whole number", "maps that come"),
    ),
    "interlace": (_needed("stride", "sizes", "step between two elements of a map"),),
    "mschan": (_needed("nstates", "whole number", "outputs, each with a part of the maps"),),
    "ms": (
        _option("pipe*", "list of names", "modules of a branch; empty: none"),
        _option("switch", "switch", "one branch at a time", "0"),
        _option("replicate_inputs", "switch", "every branch takes the same input", "0"),
    ),
    "msc": (
        _option("pipe*", "list of names", "modules of a branch; empty: none"),
        _needed("nsize", "whole number", "positions to shift the input to, at each axis"),
        _option("nsize2", "whole number", "the same for the other axis"),
        _option("stride", "whole number", "distance of these positions", "1"),
    ),
    "lua": (_needed("script", "file", "a program in Lua"),),
}

#: type of answer, trainer or energy -> the parameters of its instances
PARTNERS: dict[str, tuple[Variable, ...]] = {
    "class_answer": _CLASS_ANSWER,
    "vote_answer": _CLASS_ANSWER,
    "regression_answer": (_option("threshold", "number", "answers nearer than this are correct"),),
    "scaler_answer": (),
    "scalerclass_answer": _CLASS_ANSWER,
    "trainable_module": (
        _needed("energy", "name", "l2_energy, cross_entropy_energy, scaler_energy or scalerclass_energy"),
        _option("switcher", "name", "an ms module whose branch is chosen by the label"),
    ),
    "l1penalty": (
        _option("threshold", "number", "smaller values cost nothing", "0"),
        _option("coeff", "number", "weight of the energy", "1"),
    ),
}
