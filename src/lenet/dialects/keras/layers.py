"""The table of Keras' layers: type, how it is read, how many arrays it keeps, learned and gathered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lenet.dialects.keras import layers_arrange as arrange
from lenet.dialects.keras import layers_numbers as numbers
from lenet.dialects.keras import layers_windows as windows
from lenet.dialects.keras.activations import read_activation, read_softmax
from lenet.dialects.keras.building import Blob, Reading

Read = Callable[[Reading], Blob]
Kept = Callable[[Mapping[str, Any]], tuple[int, int]]


@dataclass(frozen=True)
class Spelling:
    """How one type is read, and from its settings how many arrays it keeps: learned ones, gathered ones.

    `windowed` tells the types whose `data_format` says how images lie.
    """

    read: Read
    kept: Kept = lambda _: (0, 0)
    windowed: bool = False


def _with_bias(number: int) -> Kept:
    return lambda config: (number + (config.get("use_bias", True) is not False), 0)


def _affine(gathered: int) -> Kept:
    def kept(config: Mapping[str, Any]) -> tuple[int, int]:
        return sum(config.get(name, True) is not False for name in ("scale", "center")), gathered

    return kept


def _gathered(config: Mapping[str, Any]) -> tuple[int, int]:
    return 0, 0 if config.get("mean") is not None else 3


def _per_axes(name: str, read: Read, kept: Kept = lambda _: (0, 0)) -> dict[str, Spelling]:
    return {name.replace("#", axes): Spelling(read, kept, True) for axes in ("1D", "2D")}


SPELLINGS: dict[str, Spelling] = {
    **_per_axes("Conv#", windows.read_convolution, _with_bias(1)),
    **_per_axes("DepthwiseConv#", windows.read_depthwise, _with_bias(1)),
    **_per_axes("SeparableConv#", windows.read_separable, _with_bias(2)),
    **_per_axes("Conv#Transpose", windows.read_transposed, _with_bias(1)),
    **_per_axes("MaxPooling#", windows.read_pooling),
    **_per_axes("AveragePooling#", windows.read_pooling),
    **_per_axes("GlobalMaxPooling#", windows.read_global),
    **_per_axes("GlobalAveragePooling#", windows.read_global),
    **_per_axes("ZeroPadding#", windows.read_padding),
    **_per_axes("Cropping#", windows.read_cropping),
    **_per_axes("UpSampling#", arrange.read_upsampling),
    **_per_axes("SpatialDropout#", numbers.read_spatial_dropout),
    "Dense": Spelling(numbers.read_dense, _with_bias(1)),
    "Flatten": Spelling(arrange.read_flatten),
    "Reshape": Spelling(arrange.read_reshape),
    "Permute": Spelling(arrange.read_permute),
    "Activation": Spelling(read_activation),
    "Softmax": Spelling(read_softmax),
    "ReLU": Spelling(numbers.read_relu),
    "LeakyReLU": Spelling(numbers.read_leaky_relu),
    "ELU": Spelling(numbers.read_elu),
    "PReLU": Spelling(numbers.read_prelu, lambda _: (1, 0)),
    "BatchNormalization": Spelling(numbers.read_batch_normalization, _affine(2)),
    "LayerNormalization": Spelling(numbers.read_layer_normalization, _affine(0)),
    "Normalization": Spelling(numbers.read_normalization, _gathered),
    "Rescaling": Spelling(numbers.read_rescaling),
    "Dropout": Spelling(numbers.read_dropout),
    "GaussianNoise": Spelling(numbers.read_noise),
    "GaussianDropout": Spelling(numbers.read_idle),
    "AlphaDropout": Spelling(numbers.read_idle),
    "ActivityRegularization": Spelling(numbers.read_idle),
    "Concatenate": Spelling(arrange.read_concatenate),
    **{type: Spelling(arrange.read_merge) for type in ("Add", "Subtract", "Multiply", "Average", "Maximum")},
}

#: settings that say how training starts and goes on, and nothing of what a layer computes
IDLE = frozenset(
    {
        *("name", "trainable", "dtype", "batch_shape", "batch_input_shape", "input_shape", "input_dtype"),
        *("seed", "input_dim", "input_length", "init", "weights", "synchronized", "gamma_init", "beta_init"),
        *("mode", "renorm", "renorm_clipping", "renorm_momentum", "fused", "momentum", "supports_masking"),
        *("virtual_batch_size", "adjustment", "lora_rank", "lora_alpha", "quantization_config", "stateful"),
        *("nb_row", "nb_col", "length", "data_format", "axis", "input_mean", "input_variance", "groups"),
        *("concat_axis", "dot_axes", "output_mask", "arguments", "noise_shape", "output_shape", "activation"),
        *("depth_multiplier", "mean", "variance", "filters", "scale", "offset", "threshold", "sparse"),
        *("W_constraint", "b_constraint", "depthwise_init"),
    }
)
IDLE_ENDINGS = ("_initializer", "_constraint", "_config")
REGULARIZER = "_regularizer"
