"""Layers, optimisers and callbacks of Keras 3 that take the arguments of Keras 1 and 2."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from lenet.keras.arguments import (
    CALLBACKS,
    FUNCTIONS,
    LAYERS,
    OPTIMIZERS,
    Accepting,
    Words,
    dropped,
    kernel,
    layer_words,
    renamed,
)
from lenet.keras.session import Session

FEW = 4  # channels at most, where a shape tells which axis holds them
Args = tuple[Any, ...]


@dataclass(frozen=True)
class OldClasses:
    """Puts classes that take old spellings into the public modules of a Keras, `keras` or TensorFlow's."""

    keras: ModuleType
    session: Session

    def accept(self) -> None:
        """Put all of them in place."""
        self._layers(self.keras.layers)
        for name in OPTIMIZERS:
            self._put(self.keras.optimizers, name, self._optimizer)
            legacy = getattr(self.keras.optimizers, "legacy", None)
            if hasattr(legacy, name):  # where Keras only says that it is gone
                self.session.set(legacy, name, getattr(self.keras.optimizers, name))
        for name in CALLBACKS:
            self._put(self.keras.callbacks, name, self._callback)
        for name in FUNCTIONS:
            self._put(self.keras.utils, name, self._function)

    def _layers(self, layers: ModuleType) -> None:
        kinds = {getattr(layers, kind): kind for kind in LAYERS if hasattr(layers, kind)}
        for name, value in list(vars(layers).items()):
            if inspect.isclass(value) and value in kinds:
                self._put(layers, name, self._layer, kinds[value])

    def _put(self, module: ModuleType, name: str, make: Any, kind: str = "") -> None:  # noqa: ANN401
        """Replace a class by one whose instances `make(real, name, kind, args, words)` gives."""
        real = getattr(module, name)
        if isinstance(real, Accepting):  # the two editions of Keras share some modules
            return
        accepting = Accepting(real, lambda args, words: make(real, kind or name, name, args, words))
        self.session.set(module, name, accepting)

    def _layer(self, real: Any, kind: str, name: str, args: Args, words: Words) -> Any:  # noqa: ANN401
        if kind == "Conv2D":
            args, words = kernel(args, words, self.session, old=name.startswith("Convolution"))
        words = layer_words(kind, words, self.session)
        shape = words.get("input_shape") or ()
        if words.get("data_format") is None and _channels_come_first(shape):
            self._order_channels(shape)
        return real(*args, **words)

    def _order_channels(self, shape: Any) -> None:  # noqa: ANN401
        """Put channels first from here on, as Keras on Theano did, where Keras has them last."""
        config = self.keras.config
        before = config.image_data_format()
        if before == "channels_last":
            what = f"input_shape {tuple(shape)}: channels come first from here on, as in Theano's Keras"
            self.session.warn(what)
            config.set_image_data_format("channels_first")
            self.session.at_end(lambda: config.set_image_data_format(before))

    def _optimizer(self, real: Any, kind: str, name: str, args: Args, words: Words) -> Any:  # noqa: ANN401
        words = renamed(words, {"lr": "learning_rate"}, name, self.session)
        if words.get("epsilon", "") is None:
            del words["epsilon"]
        decay = words.pop("decay", None)
        if decay:
            self.session.warn(f"{name}: decay= is a schedule, InverseTimeDecay, in today's Keras")
            default = inspect.signature(real.__init__).parameters["learning_rate"].default
            rate = args[0] if args else words.pop("learning_rate", default)
            schedules = self.keras.optimizers.schedules
            schedule = schedules.InverseTimeDecay(float(rate), decay_steps=1, decay_rate=float(decay))
            args = (schedule, *args[1:])
        return real(*args, **words)

    def _function(self, real: Any, kind: str, name: str, args: Args, words: Words) -> Any:  # noqa: ANN401
        return real(*args, **renamed(words, FUNCTIONS[name], name, self.session))

    def _callback(self, real: Any, kind: str, name: str, args: Args, words: Words) -> Any:  # noqa: ANN401
        words = renamed(words, CALLBACKS[name], name, self.session)
        if name != "ModelCheckpoint":
            return real(*args, **words)
        words = dropped(words, ("period",), name, self.session)
        path = str(args[0] if args else words.pop("filepath", ""))
        ending = ".weights.h5" if words.get("save_weights_only") else ".keras"
        checkpoint = real(path if path.endswith(ending) else path + ending, *args[1:], **words)
        checkpoint.filepath = path  # Keras wants its own endings; the script's file keeps its name
        return checkpoint


def _channels_come_first(shape: Any) -> bool:  # noqa: ANN401
    """Whether an image's shape can only be meant so: (1, 28, 28)."""
    try:
        first, rows, columns = shape
        return bool(first <= FEW < min(rows, columns))
    except (TypeError, ValueError):
        return False
