"""While an old Keras script runs: what it imports means Keras 3, and its old spellings are understood."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from lenet.keras.backend import OURS, VARIABLE, choose_backend, missing
from lenet.keras.importing import Change, First, Last, Make, same_as
from lenet.keras.layers import OldClasses
from lenet.keras.names import MOVED, PATHS, RENAMED, TUTORIAL, WITH_LENET, keras_name
from lenet.keras.network import LeNet
from lenet.keras.session import Session, Tell, imported_by_script
from lenet.keras.windows import SavedWindows, stand_in

LENET_WORDS = {
    "numChannels": "depth",
    "imgRows": "height",
    "imgCols": "width",
    "numClasses": "classes",
    "weightsPath": "weights_path",
}
LIBRARIES = {"torch": "torch", "jax": "jax", "tensorflow": "tensorflow", "openvino": "openvino"}
FOREIGN = "keras._tf_keras.keras"  # TensorFlow's edition of Keras 3, which kept more old names


@contextmanager
def as_keras(tell: Tell) -> Iterator[None]:
    """While this lasts, imports of old Keras, TensorFlow's Keras and the tutorial are answered.

    `tell` is told, once each, of what is called otherwise today.
    """
    answers = Answers(Session(tell))
    first, last = (
        First(answers.first, answers.changes(), answers.session),
        Last(answers.last, answers.session),
    )
    sys.meta_path.insert(0, first)
    sys.meta_path.append(last)
    try:
        for name, change in answers.changes().items():
            if name in sys.modules:
                change(sys.modules[name])
        with warnings.catch_warnings():
            # said in our words, once, or of no use to who runs an old script
            warnings.filterwarnings("ignore", message="Do not pass an `input_shape`")
            warnings.filterwarnings("ignore", message="Argument `decay` is no longer supported")
            yield
    finally:
        sys.meta_path.remove(first)
        sys.meta_path.remove(last)
        answers.session.end()


class Answers:
    """What each import of a script is answered with."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def first(self, name: str) -> Make | None:
        """Names that mean the same wherever they are asked for."""
        if name.split(".")[0] == "keras":
            self._check_keras()
        target = MOVED.get(name) or keras_name(name)
        return same_as(target) if target else None

    def changes(self) -> dict[str, Change]:
        """Real modules that are given old names."""
        return {
            "keras": self._change_keras,
            "sklearn.datasets": self._change_sklearn,
            "cv2": self._change_cv2,
            "tensorflow": self._change_tensorflow,
        }

    def last(self, name: str) -> Make | None:
        """Stand-ins for what is not installed.

        Raises: MissingImport for Keras and scikit-learn, which nothing stands in for.
        """
        if name in TUTORIAL:
            return self._tutorial
        if (name == "tensorflow" or name in PATHS) and imported_by_script():
            _settle_keras()
            return self._tensorflow
        if name == "cv2":
            return self._cv2
        if name in ("keras", "sklearn"):
            raise missing({"sklearn": "scikit-learn"}.get(name, name), "this script")
        return None

    def _check_keras(self) -> None:
        """A backend that the script, or somebody else, asks for and nobody has becomes torch."""
        if "keras" in sys.modules:
            return
        chosen = os.environ.get(VARIABLE, "")
        if chosen and (chosen not in LIBRARIES or find_spec(LIBRARIES[chosen]) is None):
            self.session.warn(f"{VARIABLE}={chosen}: Keras cannot compute with it here, {OURS} is used")
            os.environ[VARIABLE] = OURS
        choose_backend()

    def _change_keras(self, keras: ModuleType) -> None:
        from lenet.keras.models import OldModels

        editions = [keras]
        if find_spec(FOREIGN):
            editions.append(import_module(FOREIGN))
            self._add_names(keras, editions[1])
        for edition in editions:
            OldClasses(edition, self.session).accept()
            self._add_order(edition)
            mnist = import_module(f"{edition.__name__}.datasets.mnist")
            self.session.set(mnist, "load_data", _load_data)
        self._add_old_rate(keras)
        OldModels(keras.Model, self.session).accept()

    def _add_names(self, keras: ModuleType, other: ModuleType) -> None:
        """Names that TensorFlow's edition kept, and those that were renamed."""
        for part in ("backend", "layers", "losses", "metrics", "preprocessing.image", "regularizers"):
            module, richer = (import_module(f"{edition.__name__}.{part}") for edition in (keras, other))
            for name in dir(richer):
                if not name.startswith("_") and not hasattr(module, name):
                    # Keras' own old functions need TensorFlow, its operations of today do not
                    today = getattr(keras.ops, name, None) if part == "backend" else None
                    self.session.set(module, name, today or getattr(richer, name))
        for part, names in RENAMED.items():
            module = import_module(part)
            for old, new in names.items():
                if not hasattr(module, old):
                    self.session.set(module, old, getattr(module, new))

    def _add_order(self, keras: ModuleType) -> None:
        """Where channels lie, in the words of Keras 1, and the values of variables."""
        config, short = keras.config, {"channels_first": "th", "channels_last": "tf"}
        long = {"th": "channels_first", "tf": "channels_last"}
        self.session.set(keras.backend, "image_dim_ordering", lambda: short[config.image_data_format()])
        self.session.set(
            keras.backend, "get_value", lambda variable: keras.ops.convert_to_numpy(variable)[()]
        )
        self.session.set(keras.backend, "set_value", lambda variable, value: variable.assign(value))
        put = config.set_image_data_format
        self.session.set(keras.backend, "set_image_dim_ordering", lambda order: put(long.get(order, order)))
        before = config.image_data_format()
        self.session.at_end(lambda: put(before))

    def _add_old_rate(self, keras: ModuleType) -> None:
        """The optimisers' old attribute `lr`."""
        what = "optimizer.lr is optimizer.learning_rate in today's Keras"

        def get(optimizer: Any) -> Any:  # noqa: ANN401
            self.session.warn(what)
            return optimizer.learning_rate

        def put(optimizer: Any, value: Any) -> None:  # noqa: ANN401
            self.session.warn(what)
            optimizer.learning_rate = value

        self.session.set(
            import_module("keras.src.optimizers.base_optimizer").BaseOptimizer, "lr", property(get, put)
        )

    def _change_sklearn(self, datasets: ModuleType) -> None:
        from lenet.keras.fetching import mldata, openml

        self.session.set(datasets, "fetch_openml", openml(datasets.fetch_openml, self.session))
        self.session.set(datasets, "fetch_mldata", mldata(self.session))

    def _change_cv2(self, cv2: ModuleType) -> None:
        """Without a screen windows are saved; whoever runs the script has told matplotlib the same."""
        if "saved_figures" in os.environ.get("MPLBACKEND", ""):
            windows = SavedWindows()
            for name in ("imshow", "waitKey", "destroyAllWindows"):
                self.session.set(cv2, name, getattr(windows, name))

    def _change_tensorflow(self, tensorflow: ModuleType) -> None:
        self.session.set(tensorflow, "keras", import_module("keras"))

    def _tensorflow(self, name: str) -> ModuleType:
        """A TensorFlow that has Keras only."""
        module = ModuleType(name, "Stands for TensorFlow: it has Keras 3 as tensorflow.keras, nothing else.")
        if name == "tensorflow":
            module.__dict__["__version__"] = "2.0.0"
            module.__dict__["keras"] = import_module("keras")
            self.session.warn(
                "TensorFlow is not installed: tensorflow.keras is Keras 3, the rest is not there"
            )
        return module

    def _cv2(self, name: str) -> ModuleType:
        self.session.warn("OpenCV is not installed: a few of its functions are answered by lenet")
        module = stand_in(name)
        windows = SavedWindows()
        vars(module).update(
            imshow=windows.imshow, waitKey=windows.waitKey, destroyAllWindows=windows.destroyAllWindows
        )
        return module

    def _tutorial(self, name: str) -> ModuleType:
        module = ModuleType(name, "The tutorial's own package, with its LeNet.")
        if name in WITH_LENET:
            module.__dict__["LeNet"] = tutorial_lenet()
        return module


def tutorial_lenet() -> type[LeNet]:
    """LeNet that takes the argument names of the tutorial's editions, too."""

    class TutorialLeNet(LeNet):
        @staticmethod
        def build(*args: Any, **words: Any) -> Any:  # noqa: ANN401
            return LeNet.build(*args, **{LENET_WORDS.get(name, name): value for name, value in words.items()})

    TutorialLeNet.__name__ = "LeNet"
    return TutorialLeNet


def _settle_keras() -> None:
    """Have Keras find out that there is no TensorFlow before something stands in for it."""
    import_module("keras")
    for optional in ("tensorflow", "gfile"):
        getattr(import_module("keras.src.utils.module_utils"), optional).available  # noqa: B018


def _load_data(path: str = "mnist.npz") -> Any:  # noqa: ANN401
    from lenet.keras.datasets.mnist import load_data

    return load_data(path)
