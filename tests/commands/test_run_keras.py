"""`lenet run` with old Keras scripts: the tutorial's editions and a network in Keras 1's own spelling.

The scripts are ours; they import and call what the tutorial's do, on a few hundred digits.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lenet.__main__ import main

pytest.importorskip("keras")
pytest.importorskip("sklearn")

# Keras, when numpy is asked, and scikit-learn's report on answers that nobody gave
pytestmark = pytest.mark.filterwarnings("ignore")

THEANO = """
from pyimagesearch.cnn.networks import LeNet
from sklearn.cross_validation import train_test_split
from sklearn import datasets
from keras.optimizers import SGD
from keras.utils import np_utils
import numpy as np
import argparse
import cv2

parser = argparse.ArgumentParser()
parser.add_argument("-s", "--save-model", type=int, default=-1)
parser.add_argument("-l", "--load-model", type=int, default=-1)
parser.add_argument("-w", "--weights", type=str)
args = vars(parser.parse_args())
mnist = datasets.fetch_mldata("MNIST Original")
some = np.random.RandomState(0).permutation(70000)[:300]
images = mnist.data[some].reshape((300, 28, 28))[:, np.newaxis, :, :]
train, test, y, z = train_test_split(images / 255.0, mnist.target[some].astype("int"), test_size=0.33)
y, z = np_utils.to_categorical(y, 10), np_utils.to_categorical(z, 10)
path = args["weights"] if args["load_model"] > 0 else None
model = LeNet.build(width=28, height=28, depth=1, classes=10, weightsPath=path)
model.compile(loss="categorical_crossentropy", optimizer=SGD(lr=0.01), metrics=["accuracy"])
if args["load_model"] < 0:
    model.fit(train, y, batch_size=128, nb_epoch=1, verbose=0)
    loss, accuracy = model.evaluate(test, z, batch_size=128, verbose=0)
if args["save_model"] > 0:
    model.save_weights(args["weights"], overwrite=True)
print("weight", float(np.abs(model.get_weights()[0]).sum()))
for place in (0, 1):
    answer = model.predict(test[np.newaxis, place], verbose=0).argmax(axis=1)
    image = cv2.resize(cv2.merge([(test[place][0] * 255).astype("uint8")] * 3), (96, 96))
    cv2.putText(image, str(answer[0]), (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.75, (0, 255, 0), 2)
    cv2.imshow("Digit", image)
    cv2.waitKey(0)
"""

PLOT = """
history = model.fit(train, y, validation_data=(test, z), batch_size=128, epochs=2, verbose=0)
answers = model.predict(test, batch_size=128, verbose=0)
names = [str(name) for name in binarizer.classes_]
print(classification_report(z.argmax(axis=1), answers.argmax(axis=1), target_names=names))
plt.style.use("ggplot")
plt.figure()
for name in SERIES:
    plt.plot(np.arange(0, 2), history.history[name], label=name)
plt.legend()
plt.show()
"""

KERAS_2 = """
from pyimagesearch.nn.conv import LeNet
from keras.optimizers import SGD
from sklearn.preprocessing import LabelBinarizer
from sklearn.model_selection import train_test_split
from sklearn.metrics import classification_report
from sklearn import datasets
from keras import backend as K
import matplotlib.pyplot as plt
import numpy as np

SERIES = ("loss", "val_loss", "acc", "val_acc")
mnist = datasets.fetch_mldata("MNIST Original")
some = np.random.RandomState(0).permutation(70000)[:400]
images = mnist.data[some]
if K.image_data_format() == "channels_first":
    images = images.reshape(images.shape[0], 1, 28, 28)
else:
    images = images.reshape(images.shape[0], 28, 28, 1)
split = train_test_split(images / 255.0, mnist.target[some].astype("int"), test_size=0.25, random_state=42)
train, test, y, z = split
binarizer = LabelBinarizer()
y = binarizer.fit_transform(y)
z = binarizer.transform(z)
model = LeNet.build(width=28, height=28, depth=1, classes=10)
optimizer = SGD(lr=0.01, decay=0.01 / 2, momentum=0.9, nesterov=True)
model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
"""

TENSORFLOW = """
from lenet_of_mine import LeNet
from tensorflow.keras.optimizers import SGD
from tensorflow.keras.datasets import mnist
from tensorflow.keras import backend as K
from sklearn.preprocessing import LabelBinarizer
from sklearn.metrics import classification_report
import matplotlib.pyplot as plt
import numpy as np

SERIES = ("loss", "val_loss", "accuracy", "val_accuracy")
((train, y), (test, z)) = mnist.load_data()
train, y, test, z = train[:300], y[:300], test[:100], z[:100]
shape = (1, 28, 28) if K.image_data_format() == "channels_first" else (28, 28, 1)
train = train.reshape((-1, *shape)).astype("float32") / 255.0
test = test.reshape((-1, *shape)).astype("float32") / 255.0
binarizer = LabelBinarizer()
y = binarizer.fit_transform(y)
z = binarizer.transform(z)
model = LeNet.build(width=28, height=28, depth=1, classes=10)
model.compile(loss="categorical_crossentropy", optimizer=SGD(0.01), metrics=["accuracy"])
"""

OF_MINE = """
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Activation, Conv2D, Dense, Flatten, MaxPooling2D
from tensorflow.keras import backend as K

class LeNet:
    @staticmethod
    def build(width, height, depth, classes):
        model = Sequential()
        first = K.image_data_format() == "channels_first"
        shape = (depth, height, width) if first else (height, width, depth)
        model.add(Conv2D(4, (5, 5), padding="same", input_shape=shape))
        model.add(Activation("relu"))
        model.add(MaxPooling2D(pool_size=(2, 2), strides=(2, 2)))
        model.add(Flatten())
        model.add(Dense(classes))
        model.add(Activation("softmax"))
        return model
"""

KERAS_1 = """
from keras.models import Sequential, load_model
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.callbacks import EarlyStopping, ModelCheckpoint
from keras.datasets import mnist
from keras.optimizers import Adam
from keras.utils import np_utils

(x, y), (z, w) = mnist.load_data()
x, z = x[:256].reshape(256, 1, 28, 28) / 255.0, z[:64].reshape(64, 1, 28, 28) / 255.0
y, w = np_utils.to_categorical(y[:256], nb_classes=10), np_utils.to_categorical(w[:64], 10)
model = Sequential()
model.add(Convolution2D(4, 5, 5, border_mode="same", init="uniform", input_shape=(1, 28, 28)))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dropout(p=0.25))
model.add(Dense(output_dim=10))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer=Adam(lr=1e-3, epsilon=None), metrics=["accuracy"])
callbacks = [
    ModelCheckpoint("best.hdf5", monitor="val_acc", save_best_only=True, period=1),
    ModelCheckpoint("weights.hdf5", save_weights_only=True),
    EarlyStopping(monitor="val_acc", patience=3),
]
model.fit(x, y, batch_size=64, nb_epoch=2, validation_data=(z, w), verbose=0, callbacks=callbacks)
def batches():
    while True:
        for start in range(0, 256, 64):
            yield x[start : start + 64], y[start : start + 64]
history = model.fit_generator(batches(), steps_per_epoch=2, epochs=1, verbose=0, workers=2)
print("history", sorted(history.history), history.history.get("acc") == history.history["acc"])
print("loss and accuracy", len(model.evaluate(z, w, verbose=0, show_accuracy=True)))
print("classes", model.predict_classes(z, verbose=0).shape, model.predict_proba(z, verbose=0).shape)
print("input", load_model("best.hdf5").input_shape)
model.load_weights("weights.hdf5")
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", os.environ.get("KERAS_HOME", str(tmp_path / "keras_home")))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name == "lenet_of_mine":
            del sys.modules[name]


@pytest.fixture
def no_screen(monkeypatch):
    from matplotlib import pyplot

    before = pyplot.get_backend()
    monkeypatch.setenv("MPLBACKEND", "module://lenet.pycaffe.saved_figures")
    pyplot.switch_backend("module://lenet.pycaffe.saved_figures")
    yield
    pyplot.switch_backend(before)


def run(script, *words, capsys):
    Path("script.py").write_text(script, encoding="utf-8")
    code = main(["run", "script.py", *words])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out, captured.err


def figure(error):
    """The file that a line on stderr says a figure was saved in; numbers count up in a process."""
    return Path(re.search(r"^saved (script_\d+\.png)$", error, re.M)[1])


def warned(error, *words):
    """Each of the words stands in one warning with the script's line, and only in one."""
    lines = re.findall(r"^script\.py:\d+: warning: (.*)$", error, re.M)
    for word in words:
        assert sum(word in line for line in lines) == 1, (word, error)


def test_the_edition_of_2016(no_screen, capsys):
    out, error = run(THEANO, "--save-model", "1", "--weights", "lenet.hdf5", capsys=capsys)
    warned(error, "lr= is learning_rate=", "nb_epoch= is epochs=", "channels come first", "fetch_mldata")
    assert len(list(Path().glob("script_Digit_*.png"))) == 2
    assert error.count("saved script_Digit") == 2
    again, error = run(THEANO, "--load-model", "1", "--weights", "lenet.hdf5", capsys=capsys)
    assert again == out  # the same weights
    assert "nb_epoch" not in error


def test_the_edition_for_keras_2(no_screen, capsys):
    out, error = run(KERAS_2 + PLOT, capsys=capsys)
    warned(error, "decay= is a schedule", "history['acc'] is history['accuracy']", "history['val_acc']")
    assert "weighted avg" in out
    assert figure(error).stat().st_size > 10_000


def test_the_edition_for_tensorflow(no_screen, capsys):
    Path("lenet_of_mine.py").write_text(OF_MINE, encoding="utf-8")
    out, error = run(TENSORFLOW + PLOT, capsys=capsys)
    assert "weighted avg" in out
    assert figure(error).is_file()
    assert "in today's Keras" not in error


def test_keras_1_in_its_own_words(capsys):
    out, error = run(KERAS_1, capsys=capsys)
    warned(
        error,
        *("kernel 5, 5", "border_mode= is padding=", "init= is kernel_initializer=", "channels come first"),
        *(
            "p= is rate=",
            "output_dim= is units=",
            "period=",
            "monitor='val_acc'",
            "nb_classes= is num_classes=",
        ),
        *(
            "model.fit_generator is model.fit",
            "workers=",
            "show_accuracy=",
            "predict_classes",
            "predict_proba",
        ),
    )
    assert "history ['accuracy', 'loss'] True" in out
    assert "loss and accuracy 2" in out
    assert "classes (64,) (64, 10)" in out
    assert "input (None, 1, 28, 28)" in out


def test_a_process_of_its_own_with_a_backend_that_is_gone():
    Path("old.py").write_text(
        "import os\nos.environ['KERAS_BACKEND'] = 'theano'\n"
        "import sys, tensorflow as tf\nfrom keras import backend as K\n"
        "print(sys.argv[1:], K.backend(), tf.keras.layers.Dense(3).units)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "lenet", "run", "old.py", "--lr", "3"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stdout) == (0, "['--lr', '3'] torch 3\n"), result.stderr
    assert "old.py:3: warning: KERAS_BACKEND=theano" in result.stderr


def test_an_error_of_the_script_s_own(capsys):
    Path("wrong.py").write_text("from keras.layers import Dense\nDense(3, colour='red')\n", encoding="utf-8")
    assert main(["run", "wrong.py"]) == 1
    error = capsys.readouterr().err
    assert "line 2" in error
    assert "colour" in error
