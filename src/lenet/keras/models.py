"""Methods that Keras' models had in Keras 1 and 2, and old arguments of those that they still have."""

from __future__ import annotations

import inspect
import io
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lenet.formats.files import whole_file
from lenet.keras.arguments import Words, dropped, renamed
from lenet.keras.session import Session

NAMES = {"nb_epoch": "epochs", "samples_per_epoch": "steps_per_epoch", "nb_val_samples": "validation_steps"}
GONE = (
    "show_accuracy", "class_mode", "nb_worker", "workers", "max_q_size", "max_queue_size", "pickle_safe",
    "use_multiprocessing", "sample_weight_mode",
)  # fmt: skip
ACCURACIES = {"acc": "accuracy", "val_acc": "val_accuracy"}
METHODS = ("compile", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")
WITH_IMAGES = {"fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"}


class OldHistory(dict[str, Any]):
    """The history of a training, in which `acc` and `val_acc` are found under their names of today."""

    def __init__(self, values: Mapping[str, Any], session: Session) -> None:
        super().__init__(values)
        self._session = session

    def __missing__(self, name: str) -> Any:  # noqa: ANN401
        today = ACCURACIES.get(name)
        if today is None or today not in self:
            raise KeyError(name)
        self._session.warn(f"history['{name}'] is history['{today}'] in today's Keras")
        return self[today]

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        """As of a dict, old names too."""
        return self[name] if name in self or ACCURACIES.get(name) in self else default


class OldModels:
    """Puts old methods into Keras' class of models."""

    def __init__(self, model: Any, session: Session) -> None:  # noqa: ANN401
        self.session = session
        self.model = model
        self.real = {name: getattr(model, name) for name in (*METHODS, "save_weights", "load_weights")}

    def accept(self) -> None:
        """Put all of them in place."""
        for name in METHODS:
            self._put(name, self._called(name))
        for name in ("fit_generator", "evaluate_generator", "predict_generator"):
            self._put(name, self._with_generator(name))
        self._put("predict_classes", self._predict_classes)
        self._put("predict_proba", self._predict_proba)
        self._put("save_weights", self._save_weights)
        self._put("load_weights", self._load_weights)

    def _put(self, name: str, method: Callable[..., Any]) -> None:
        def called(model: Any, *args: Any, **words: Any) -> Any:  # noqa: ANN401
            return method(model, args, words)

        called.__name__ = name
        self.session.set(self.model, name, called)

    def _called(self, name: str) -> Callable[..., Any]:
        """A method of today with the arguments of then."""

        def call(model: Any, args: tuple[Any, ...], words: Words) -> Any:  # noqa: ANN401
            words = renamed(dropped(words, GONE, name, self.session), NAMES, name, self.session)
            if name in WITH_IMAGES:
                args, words = self._fitting(model, args, words)
            callbacks = words.get("callbacks")
            for callback in callbacks if isinstance(callbacks, list | tuple) else ():
                self._watch(callback)
            result = self.real[name](model, *args, **words)
            if name == "fit":
                result.history = OldHistory(result.history, self.session)
            return result

        return call

    def _watch(self, callback: Any) -> None:  # noqa: ANN401
        """A callback that watches `val_acc` watches what is called so today."""
        watched = getattr(callback, "monitor", None)
        if watched in ACCURACIES:
            self.session.warn(f"monitor='{watched}' is '{ACCURACIES[watched]}' in today's Keras")
            callback.monitor = ACCURACIES[watched]

    def _fitting(self, model: Any, args: tuple[Any, ...], words: Words) -> tuple[tuple[Any, ...], Words]:  # noqa: ANN401
        """The arguments with images whose channels lie where the network wants them."""
        args = tuple(self._moved(model, value) if not index else value for index, value in enumerate(args))
        if "x" in words:
            words = {**words, "x": self._moved(model, words["x"])}
        validation = words.get("validation_data")
        if isinstance(validation, list | tuple) and validation:
            words = {**words, "validation_data": (self._moved(model, validation[0]), *validation[1:])}
        return args, words

    def _moved(self, model: Any, images: Any) -> Any:  # noqa: ANN401
        """Images (N, C, H, W) as (N, H, W, C), or the other way, if only then they fit."""
        wanted = getattr(model, "input_shape", None)
        if not isinstance(images, np.ndarray) or images.ndim != 4 or not isinstance(wanted, tuple):
            return images
        if None in wanted[1:] or images.shape[1:] == wanted[1:]:
            return images
        for source, target in ((1, 3), (3, 1)):
            moved = np.moveaxis(images, source, target)
            if moved.shape[1:] == wanted[1:]:
                places = {1: "first", 3: "last"}
                what = f"the images' channels come {places[source]}, the network takes them {places[target]}"
                self.session.warn(f"{what}: they are moved")
                return moved
        return images

    def _with_generator(self, name: str) -> Callable[..., Any]:
        """`fit_generator(generator, steps, epochs)` and its like."""
        today = name.partition("_")[0]
        order = ("steps_per_epoch", "epochs") if today == "fit" else ("steps",)

        def call(model: Any, args: tuple[Any, ...], words: Words) -> Any:  # noqa: ANN401
            self.session.warn(f"model.{name} is model.{today} in today's Keras")
            generator = args[0] if args else words.pop("generator")
            words = dict(zip(order, args[1:], strict=False)) | words
            batch = getattr(generator, "batch_size", None)
            for old in ("samples_per_epoch", "nb_val_samples", "val_samples"):
                if old in words and batch:  # Keras 1 counted samples, today's counts batches
                    words[NAMES.get(old, "steps")] = math.ceil(words.pop(old) / batch)
            if today == "fit" and inspect.isgenerator(generator):
                words.setdefault("shuffle", False)  # or Keras warns that it cannot
            return self._called(today)(model, (generator,), words)

        return call

    def _predict_classes(self, model: Any, args: tuple[Any, ...], words: Words) -> Any:  # noqa: ANN401
        self.session.warn("model.predict_classes is the argmax of model.predict in today's Keras")
        answers = np.asarray(self._called("predict")(model, args, words))
        return answers.argmax(axis=-1) if answers.shape[-1] > 1 else (answers > 0.5).astype("int32")

    def _predict_proba(self, model: Any, args: tuple[Any, ...], words: Words) -> Any:  # noqa: ANN401
        self.session.warn("model.predict_proba is model.predict in today's Keras")
        return self._called("predict")(model, args, words)

    def _save_weights(self, model: Any, args: tuple[Any, ...], words: Words) -> None:  # noqa: ANN401
        """Into a file of any name: in today's form where it ends in .weights.h5, else as Keras 2 did."""
        path = str(args[0] if args else words.get("filepath"))
        if path.endswith(".weights.h5"):
            self.real["save_weights"](model, *args, **words)
            return
        import h5py
        from keras.src.legacy.saving import legacy_h5_format

        content = io.BytesIO()
        with h5py.File(content, "w") as hdf5:
            legacy_h5_format.save_weights_to_hdf5_group(hdf5, model)
        with whole_file(path) as file:
            file.write(content.getvalue())

    def _load_weights(self, model: Any, args: tuple[Any, ...], words: Words) -> None:  # noqa: ANN401
        """From a file of any name; what is HDF5 without an ending of today's is in the form of Keras 2."""
        path = str(args[0] if args else words.get("filepath"))
        if path.endswith((".keras", ".h5", ".hdf5", ".json")):
            self.real["load_weights"](model, *args, **words)
            return
        import h5py
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(path, "r") as file:
            legacy_h5_format.load_weights_from_hdf5_group(file, model)
