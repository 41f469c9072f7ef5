"""Where the modules of old Keras, TensorFlow and scikit-learn lie today: spelling, meaning; data only."""

from __future__ import annotations

_LAYERS = """core convolutional pooling normalization advanced_activations noise embeddings recurrent merge
    merging wrappers local convolutional_recurrent reshaping regularization activation"""
_UTILS = "np_utils vis_utils visualize_util generic_utils data_utils layer_utils io_utils"

#: modules of Keras 1 and 2 that are gone, with those that hold what they held
MOVED = {
    **{f"keras.layers.{name}": "keras.layers" for name in _LAYERS.split()},
    **{f"keras.utils.{name}": "keras.utils" for name in _UTILS.split()},
    "keras.engine": "keras.layers",
    "keras.engine.topology": "keras.layers",
    "keras.engine.training": "keras.models",
    "keras.objectives": "keras.losses",
    "keras.preprocessing.image.image": "keras.preprocessing.image",
    "keras.api": "keras",
    "keras.initializations": "keras.initializers",
    "sklearn.cross_validation": "sklearn.model_selection",
    "sklearn.datasets.base": "sklearn.datasets",
}

#: what TensorFlow calls Keras, the longest first
PREFIXES = (
    "tensorflow.contrib.keras.python.keras",
    "tensorflow.contrib.keras.api.keras",
    "tensorflow.contrib.keras",
    "tensorflow.python.keras",
    "tensorflow.keras",
)

#: empty modules that lead to those
PATHS = (
    "tensorflow.contrib",
    "tensorflow.contrib.keras.python",
    "tensorflow.contrib.keras.api",
    "tensorflow.python",
)

#: the tutorial's own package, in its two editions; the network lies in the last of each
TUTORIAL = (
    "pyimagesearch",
    "pyimagesearch.nn",
    "pyimagesearch.nn.conv",
    "pyimagesearch.nn.conv.lenet",
    "pyimagesearch.cnn",
    "pyimagesearch.cnn.networks",
    "pyimagesearch.cnn.networks.lenet",
)
WITH_LENET = TUTORIAL[2:4] + TUTORIAL[5:]

#: names that left a public module of Keras, with what they are called now
RENAMED = {
    "keras.utils": {"plot": "plot_model"},
    "keras.layers": {
        "AtrousConvolution2D": "Conv2D",
        "Deconvolution2D": "Conv2DTranspose",
        "Convolution2D": "Conv2D",
        "Convolution1D": "Conv1D",
    },
}


def keras_name(name: str) -> str | None:
    """The module of Keras that one of TensorFlow's means, None if it means none.

    >>> keras_name("tensorflow.keras.layers"), keras_name("tensorflow.data")
    ('keras.layers', None)
    """
    for prefix in PREFIXES:
        if name not in PATHS and (name == prefix or name.startswith(prefix + ".")):
            return "keras" + name[len(prefix) :]
    return None
