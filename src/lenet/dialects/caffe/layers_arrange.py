"""Spellings of the layers that bring, move, choose and combine numbers."""

from __future__ import annotations

from lenet.dialects.caffe.layer_rows import (
    DummyFillers,
    DummyShapes,
    InputShapes,
    MemoryShapes,
    OutputCount,
    Sizes,
)
from lenet.dialects.caffe.layer_spelling import Spelling
from lenet.dialects.caffe.spelling import LAYER, Choice, Plain, Renamed, Several
from lenet.layers.arrange import Flatten, Silence, Split
from lenet.layers.combine import Concat, Eltwise
from lenet.layers.hdf5_output import Hdf5Output
from lenet.layers.layer import Input
from lenet.layers.origin import Dummy, Memory, Variable
from lenet.layers.reduction import Reduction
from lenet.layers.reshape import Crop, Reshape, Slice, Tile
from lenet.layers.rows import BatchReindex, Filter

_OPERATIONS = {"PROD": "product", "SUM": "sum", "MAX": "max"}
_REDUCTIONS = {"SUM": "sum", "ASUM": "absolute", "SUMSQ": "squares", "MEAN": "mean"}

ARRANGE_SPELLINGS = (
    Spelling("Input", Input, "input_param", (InputShapes("shapes", "shape", LAYER),)),
    Spelling(
        "DummyData",
        Dummy,
        "dummy_data_param",
        (DummyShapes("shapes", "shape", LAYER), DummyFillers("fillers", "data_filler", LAYER)),
    ),
    Spelling("MemoryData", Memory, "memory_data_param", (MemoryShapes("shapes", "", LAYER),)),
    Spelling("Parameter", Variable, "parameter_param", (Sizes("sizes", "shape"),), ("weight",)),
    Spelling("Split", Split, rows=(OutputCount("copies", "top", LAYER),)),
    Spelling("Flatten", Flatten, "flatten_param", (Plain("axis", "axis"), Plain("end_axis", "end_axis"))),
    Spelling(
        "Reshape",
        Reshape,
        "reshape_param",
        (Sizes("sizes", "shape"), Plain("axis", "axis"), Plain("axes", "num_axes", least=-1)),
    ),
    Spelling(
        "Slice",
        Slice,
        "slice_param",
        (
            OutputCount("outputs", "top", LAYER),
            Several("points", "slice_point"),
            Renamed("axis", "axis", old="slice_dim"),
        ),
    ),
    Spelling(
        "Tile",
        Tile,
        "tile_param",
        (Plain("copies", "tiles", required=True, least=1), Plain("axis", "axis")),
    ),
    Spelling("Crop", Crop, "crop_param", (Plain("axis", "axis"), Several("offsets", "offset"))),
    Spelling("BatchReindex", BatchReindex),
    Spelling("Filter", Filter),
    Spelling(
        "Reduction",
        Reduction,
        "reduction_param",
        (
            Choice("method", "operation", words=_REDUCTIONS),
            Plain("axis", "axis"),
            Plain("factor", "coeff"),
        ),
    ),
    Spelling("Concat", Concat, "concat_param", (Renamed("axis", "axis", old="concat_dim"),)),
    Spelling(
        "Eltwise",
        Eltwise,
        "eltwise_param",
        (
            Choice("method", "operation", words=_OPERATIONS),
            Several("coefficients", "coeff"),
            Plain("stable", "stable_prod_grad"),
        ),
    ),
    Spelling("Silence", Silence),
    Spelling("HDF5Output", Hdf5Output, "hdf5_output_param", (Plain("file", "file_name", required=True),)),
)
