"""Hypothesis strategies for layers that Caffe has, by its words for them, and how many outputs they have."""

from hypothesis import strategies as st

from lenet.data.feed import Feed
from lenet.data.transforms import Transform
from lenet.data.windows import ImageWindows
from lenet.formats.prototxt import format_float
from lenet.layers import (
    ELU,
    LSTM,
    MVN,
    RNN,
    Absolute,
    AffineBatchNorm,
    ArgMax,
    Axpy,
    BatchNorm,
    BatchReindex,
    Bias,
    ChannelShuffle,
    Clip,
    ContrastiveLoss,
    Crop,
    Deconvolution,
    DetectionOutput,
    Dummy,
    Embed,
    EuclideanLoss,
    Exponential,
    Filter,
    Hdf5Output,
    HingeLoss,
    InfogainLoss,
    Interpolate,
    L2Normalization,
    Logarithm,
    LogisticLoss,
    LSTMUnit,
    Memory,
    Mish,
    Power,
    PReLU,
    PriorBoxes,
    PyramidPooling,
    Reduction,
    RegionPooling,
    Reorganize,
    Reshape,
    Scale,
    SensitiveRegionPooling,
    SigmoidLoss,
    Slice,
    Softplus,
    Swish,
    Threshold,
    Tile,
    Transpose,
    Unpooling,
    Upsample,
    Variable,
    Windows,
)
from lenet.layers.fillers import Bilinear, Constant, Gaussian, Msra, PositiveUnitball, Uniform, Xavier

# Caffe keeps float32; a number is written with the digits that tell it from its neighbours.
numbers = st.floats(-1e6, 1e6, width=32).map(lambda value: float(format_float(value)) + 0.0)
parts = st.floats(0, 1, width=32).map(lambda value: float(format_float(value)))
terms = numbers.map(abs)  # that are added to what is divided by
counts = st.integers(1, 500)
axes = st.integers(-3, 3)
words = st.text("abcdefg_/.-0123456789", min_size=1, max_size=8)
several = st.lists(counts, min_size=1, max_size=3).map(tuple)
pairs = st.lists(counts, min_size=1, max_size=2).map(tuple)
norms = st.sampled_from(["fan_in", "fan_out", "average"])
maybe_label = st.none() | st.integers(-1, 300)
switches = st.booleans()
sizes = st.lists(st.integers(0, 99), max_size=4).map(tuple)

FILLERS = {
    "constant": st.builds(Constant, numbers),
    "gaussian": st.builds(Gaussian, numbers, numbers, st.none() | st.integers(0, 50)),
    "uniform": st.builds(Uniform, numbers, numbers),
    "xavier": st.builds(Xavier, norms),
    "msra": st.builds(Msra, norms),
    "positive_unitball": st.just(PositiveUnitball()),
    "bilinear": st.just(Bilinear()),
}
fillers = st.one_of(*FILLERS.values())
methods = st.sampled_from(["max", "average", "stochastic"])
normalizations = st.sampled_from(["full", "valid", "batch_size", "none"])
bases = st.none() | numbers.map(abs)
affine = (bases, numbers, numbers)
recurrent = (counts, switches, fillers, fillers)
filled = st.lists(st.tuples(sizes, fillers), min_size=1, max_size=3)

MORE_KINDS = {
    "Deconvolution": st.builds(
        Deconvolution, counts, several, several, several, several, counts, switches, axes, fillers, fillers
    ),
    "Im2col": st.builds(Windows, pairs, pairs, pairs, pairs),
    "SPP": st.builds(PyramidPooling, counts, methods),
    "Embed": st.builds(Embed, counts, counts, switches, fillers, fillers),
    "LSTM": st.builds(LSTM, *recurrent),
    "RNN": st.builds(RNN, *recurrent),
    "LSTMUnit": st.just(LSTMUnit()),
    "PReLU": st.builds(PReLU, switches, fillers),
    "ELU": st.builds(ELU, numbers),
    "Swish": st.builds(Swish, numbers),
    "BNLL": st.just(Softplus()),
    "AbsVal": st.just(Absolute()),
    "Power": st.builds(Power, numbers, numbers, numbers),
    "Exp": st.builds(Exponential, *affine),
    "Log": st.builds(Logarithm, *affine),
    "Clip": st.builds(Clip, numbers, numbers),
    "Threshold": st.builds(Threshold, numbers),
    "BatchNorm": st.builds(BatchNorm, st.none() | switches, parts, terms),
    "MVN": st.builds(MVN, switches, switches, terms),
    "Scale": st.builds(Scale, axes, fillers, st.integers(-1, 3), switches, fillers),
    "Bias": st.builds(Bias, axes, fillers, st.integers(-1, 3)),
    "DummyData": filled.map(lambda rows: Dummy(*zip(*rows, strict=True))),
    "MemoryData": st.tuples(counts, counts, counts, counts).map(lambda shape: Memory((shape, shape[:1]))),
    "Parameter": st.builds(Variable, sizes),
    "Reshape": st.builds(Reshape, st.lists(st.integers(-1, 9)).map(tuple), axes, st.integers(-1, 3)),
    "Slice": st.builds(Slice, st.integers(1, 4), several | st.just(()), axes),
    "Tile": st.builds(Tile, counts, axes),
    "Crop": st.builds(Crop, axes, several | st.just(())),
    "BatchReindex": st.just(BatchReindex()),
    "Filter": st.just(Filter()),
    "Reduction": st.builds(Reduction, st.sampled_from(["sum", "absolute", "squares", "mean"]), axes, numbers),
    "InfogainLoss": st.builds(
        InfogainLoss, st.just("") | words.map("no/{}".format), axes, maybe_label, normalizations, switches
    ),
    "MultinomialLogisticLoss": st.just(LogisticLoss()),
    "SigmoidCrossEntropyLoss": st.builds(SigmoidLoss, maybe_label, normalizations),
    "HingeLoss": st.builds(HingeLoss, switches),
    "EuclideanLoss": st.just(EuclideanLoss()),
    "ContrastiveLoss": st.builds(ContrastiveLoss, numbers, switches),
    "HDF5Output": st.builds(Hdf5Output, words.map("no/{}.h5".format)),
    "ArgMax": st.builds(ArgMax, counts, st.none() | axes, switches),
}

#: layers of Caffe's forks; sizes and factors are numbers above 0
positive = st.floats(1, 1e4, width=32).map(lambda value: float(format_float(value)))
whole_pairs = st.tuples(counts, counts)
orders = st.permutations(range(4)).flatmap(lambda order: st.integers(0, 4).map(lambda n: tuple(order[:n])))
FORK_KINDS = {
    "Permute": st.builds(Transpose, orders),
    "Normalize": st.builds(L2Normalization, switches, switches, terms, fillers),
    "PriorBox": st.builds(
        PriorBoxes,
        *(st.lists(positive, max_size=3).map(tuple) for _ in range(3)),
        switches,
        switches,
        st.just((0.1,)) | st.lists(positive, min_size=1, max_size=4).map(tuple),
        st.none() | whole_pairs,
        st.none() | st.tuples(positive, positive),
        numbers,
    ),
    "DetectionOutput": st.builds(
        DetectionOutput,
        counts,
        st.sampled_from(["one", "per_class"]),
        st.integers(-1, 9),
        st.sampled_from(["corner", "centre", "corner_size"]),
        switches,
        st.none() | numbers,
        parts,
        parts.filter(bool),
        st.integers(-1, 9),
        st.integers(-1, 9),
    ),
    "ROIPooling": st.builds(RegionPooling, whole_pairs, positive),
    "PSROIPooling": st.builds(SensitiveRegionPooling, counts, counts, positive),
    "Reorg": st.builds(Reorganize, counts, switches),
    "ShuffleChannel": st.builds(ChannelShuffle, counts),
    "Axpy": st.just(Axpy()),
    "Mish": st.just(Mish()),
    "Interp": st.builds(Interpolate, st.none(), counts, counts, st.tuples(axes.map(abs), axes.map(abs)))
    | st.builds(Interpolate, whole_pairs),
    "Upsample": st.builds(Unpooling, pairs, st.sampled_from([(0, 0), (1, 0)]), st.none() | whole_pairs)
    | st.builds(Upsample, pairs),
    "BN": st.builds(AffineBatchNorm, st.just(True), parts, terms, fillers, fillers)
    | st.builds(
        AffineBatchNorm, st.just(False), eps=st.just(1e-9), weight_filler=fillers, bias_filler=fillers
    ),
}
MORE_KINDS |= FORK_KINDS


def window_feeds():
    """Feeds of windows, whose squares are larger than twice their context."""
    transforms = st.builds(Transform, numbers, st.just(()), st.just(""), st.integers(90, 99), switches)
    sources = st.builds(
        ImageWindows,
        words.map("no/{}".format),
        counts,
        transforms,
        numbers,
        numbers,
        st.sampled_from([0.0, 0.25, 1.0]),
        st.integers(0, 44),
        switches,
        st.just(""),
    )
    return sources.map(lambda source: Feed(source, source.batch, outputs=2))


MORE_KINDS["WindowData"] = window_feeds()

#: layers with parameters, and shapes of inputs with which they have all of them
WITH_PARAMETERS = {
    "Deconvolution": (Deconvolution(4, (1,)), [(2, 3, 4, 5)]),
    "Embed": (Embed(2, 3), [(2, 3)]),
    "LSTM": (LSTM(2), [(5, 3, 4), (5, 3), (3, 2)]),
    "RNN": (RNN(2), [(5, 3, 4), (5, 3), (3, 2)]),
    "PReLU": (PReLU(), [(2, 3)]),
    "BatchNorm": (BatchNorm(), [(2, 3)]),
    "Scale": (Scale(bias=True), [(2, 3)]),
    "Bias": (Bias(), [(2, 3)]),
    "Parameter": (Variable((2, 3)), []),
    "Normalize": (L2Normalization(), [(2, 3)]),
    "BN": (AffineBatchNorm(), [(2, 3)]),
}


def more_outputs(kind):
    """How many outputs a layer of these has that says it by a setting; 1 for the rest."""
    if isinstance(kind, Dummy | Memory):
        return len(kind.shapes)
    return kind.outputs if isinstance(kind, Slice) else 1
