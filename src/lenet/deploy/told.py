"""What a model tells beside its network, as text (JSON) for files that have room for a text."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from lenet.deploy.description import described_layer, layer_of
from lenet.errors import FileError, Where
from lenet.layers.answer_class import ClassAnswer
from lenet.model import Channels, Model, Preprocessing
from lenet.shapes import Array


def told_by(model: Model) -> str:
    """Preprocessing, classes and origin of a model."""
    told = model.preprocessing
    found: dict[str, Any] = {"dialect": model.dialect, "version": model.version}
    if model.classes:
        found["classes"] = list(model.classes)
    if model.answer is not None:
        found["answer"] = described_layer(model.answer)
    if told is not None:
        found["preprocessing"] = {
            "channels": told.channels,
            "scale": told.scale,
            "mean": list(told.mean),
            "bias": told.bias,
            "size": list(told.size) if told.size else None,
            "whole": list(told.whole) if told.whole else None,
        }
        if told.mean_image is not None:
            found["preprocessing"]["mean_image"] = _packed(told.mean_image)
    return json.dumps(found)


def with_told(model: Model, text: str, where: Where) -> Model:
    """A model with what such a text tells.

    Raises: FileError for a text that is none of these.
    """
    try:
        found = json.loads(text)
        classes = tuple(str(name) for name in found.get("classes", ()))
        told = found.get("preprocessing")
        preprocessing = None if told is None else _preprocessing(told)
        origin = str(found.get("dialect", "")), str(found.get("version", ""))
        answer = _answer(found.get("answer"))
    except (ValueError, TypeError, AttributeError, KeyError, binascii.Error) as error:
        raise FileError(f"what it tells about its images cannot be read: {error}", where) from None
    return replace(
        model,
        preprocessing=preprocessing,
        classes=classes,
        dialect=origin[0],
        version=origin[1],
        answer=answer,
    )


def _answer(found: Any) -> ClassAnswer | None:  # noqa: ANN401 whatever the text holds
    answer = None if found is None else layer_of(found)
    if answer is not None and not isinstance(answer, ClassAnswer):
        raise ValueError(f"{found!r} is no answer")
    return answer


def _preprocessing(told: Mapping[str, Any]) -> Preprocessing:
    channels, size, whole = told["channels"], told.get("size"), told.get("whole")
    if channels not in get_args(Channels):
        raise ValueError(f"channels cannot be {channels!r}")
    image = told.get("mean_image")
    return Preprocessing(
        channels,
        float(told["scale"]),
        tuple(float(mean) for mean in told["mean"]),
        None if image is None else _unpacked(image),
        float(told.get("bias", 0.0)),
        (int(size[0]), int(size[1])) if size else None,
        (int(whole[0]), int(whole[1])) if whole else None,
    )


def _packed(array: Array) -> dict[str, Any]:
    import numpy as np

    values = np.ascontiguousarray(array, "<f4")
    return {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}


def _unpacked(packed: Mapping[str, Any]) -> Array:
    import numpy as np

    values = np.frombuffer(base64.b64decode(packed["float32"], validate=True), "<f4")
    return values.reshape([int(size) for size in packed["shape"]]).astype(np.float32)
