"""Layers of Keras 1 under the names and settings that Keras 2 gave them."""

from __future__ import annotations

from typing import Any

from lenet.errors import DescriptionError, Where

TYPES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
#: setting of Keras 1 -> the later one; those of one number per axis are joined from several
NAMES = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample": "strides",
    "subsample_length": "strides",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "output_dim": "units",
    "p": "rate",
    "sigma": "stddev",
    "pool_length": "pool_size",
    "stride": "strides",
}
ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
}
#: settings that only Keras 1 has: they tell its layers from the later ones
ONLY_OLD = frozenset(NAMES) - {"bias", "stride"} | {"nb_row", "nb_col", "length"}


def modern(type: str, name: str, config: dict[str, Any], where: Where) -> tuple[str, dict[str, Any], bool]:
    """Type and settings of a layer as Keras 2 spells them, and whether Keras 1 spelled them.

    Raises: DescriptionError for a way of merging that later versions do not have.
    """
    old = type in TYPES or bool(ONLY_OLD & set(config)) or type == "Merge"
    if not old:
        return type, _upgraded_shape(config), False
    found = {NAMES.get(key, key): value for key, value in config.items()}
    if "nb_row" in config and "nb_col" in config:
        found["kernel_size"] = [config["nb_row"], config["nb_col"]]
    if "data_format" in found:
        found["data_format"] = ORDERINGS.get(str(found["data_format"]), found["data_format"])
    if type == "UpSampling1D" and "length" in config:
        found["size"] = config["length"]
    if type == "Merge":
        return *_merge(name, config, where), True
    return TYPES.get(type, type), _upgraded_shape(found), True


def _upgraded_shape(config: dict[str, Any]) -> dict[str, Any]:
    """Settings with the shape of the input under the name of Keras 3."""
    if "batch_shape" in config or not ("batch_input_shape" in config or "input_shape" in config):
        return config
    shape = config.get("batch_input_shape")
    if shape is None and isinstance(config.get("input_shape"), list):
        shape = [None, *config["input_shape"]]
    return {**config, "batch_shape": shape} if shape is not None else config


def _merge(name: str, config: dict[str, Any], where: Where) -> tuple[str, dict[str, Any]]:
    mode = str(config.get("mode", "sum"))
    if mode not in MERGES:
        message = f"layer '{name}' (Merge): mode '{mode}' is not known here, known are {', '.join(MERGES)}"
        raise DescriptionError(message, where)
    return MERGES[mode], {"name": name, "axis": config.get("concat_axis", -1)}
