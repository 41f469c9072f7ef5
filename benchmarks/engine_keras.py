"""The networks in Keras 3, trained by its own `fit`, with the backend that KERAS_BACKEND names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from digits import digits

import keras
from keras import layers

LONGER = 3  # times as many batches as the case says: `fit` takes its time to begin


def block(engine, case) -> Callable[[], int]:
    """What fits batches; it tells how many.

    The weight decay is Keras' own, which is subtracted beside the momentum and not within it.
    """
    if engine == "keras-torch":
        import torch

        torch.set_num_threads(case.threads or torch.get_num_threads())
    images, labels = digits(case.samples, case.side)
    times = LONGER * case.iterations
    number = times * case.batch
    inputs = images[:number].transpose(0, 2, 3, 1).astype(np.float32) / 256
    model = _model(case)
    words = {"learning_rate": 0.01}
    if case.work == "caffe-lenet":
        words = {"learning_rate": 0.0001, "momentum": 0.9, "weight_decay": 0.0005}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(**words), loss)

    def work():
        model.fit(inputs, labels[:number], batch_size=case.batch, epochs=1, verbose=0)
        return times

    return work


def _model(case):
    padding = "same" if case.work == "keras-lenet" else "valid"
    activation = "relu" if case.work == "keras-lenet" else None
    return keras.Sequential(
        [
            keras.Input((case.side, case.side, 1)),
            layers.Conv2D(20, 5, padding=padding, activation=activation),
            layers.MaxPooling2D(2),
            layers.Conv2D(50, 5, padding=padding, activation=activation),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(500, activation="relu"),
            layers.Dense(10),
        ]
    )
