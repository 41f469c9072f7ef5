"""Module types that make an image ready for the network: resizing, and random distortions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from lenet.dialects.eblearn.instance import Instance
from lenet.dialects.eblearn.layers import BY_TYPE, layer_of
from lenet.errors import DescriptionError
from lenet.layers.fit import Fit
from lenet.layers.jitter import Jitter
from lenet.layers.layer import Layer
from lenet.layers.pad import Sides
from lenet.layers.resize import Resize


class Unsupported(DescriptionError):
    """A module that is known and cannot be said in layers; the message says why."""


def resize(instance: Instance) -> Layer:
    """The resizing of an image by a factor."""
    if instance.exists("as_module") and instance.read("as_module", "boolean"):
        raise Unsupported("takes its size from another module's output")
    ratio = instance.read("hratio", "number"), instance.read("wratio", "number")
    keep = instance.read("preserve_ratio", "boolean") if instance.exists("preserve_ratio") else True
    if any(_sides(instance)):
        raise Unsupported("adds zeros after resizing")
    return Resize(ratio=ratio, method=_mode(instance, "bilinear"), keep_ratio=keep)


def resizepp(instance: Instance) -> Layer:
    """An image made to fit, prepared by what its `pp` names; without a size it is the detector's."""
    if instance.exists("fovea"):
        raise Unsupported("looks at one place in several sizes")
    size = instance.read("size", "dims") if instance.exists("size") else None
    if size is not None and len(size) != 2:
        raise instance.error("a height and a width are wanted", "size", "write for instance 32x32")
    return Fit(
        size,
        _mode(instance, "mean"),
        instance.read("preserve_ratio", "boolean") if instance.exists("preserve_ratio") else True,
        _preparation(instance),
        _sides(instance),
    )


def jitter(instance: Instance) -> Layer:
    """Random distortions, of which EBLearn's own sizes were not recorded."""
    if instance.exists("padding"):
        raise Unsupported("adds zeros before it distorts")

    def numbers(parameter: str) -> tuple[float, ...]:
        return instance.read(parameter, "numbers") if instance.exists(parameter) else ()

    moves, shears, elastic = numbers("translations"), numbers("shears"), numbers("elastic")
    if elastic and len(elastic) != 2:
        raise instance.error("smoothness and reach are wanted", "elastic", "write for instance 4,2")
    return Jitter(
        tuple((down, right) for down in moves for right in moves),
        numbers("rotations"),
        tuple((factor, factor) for factor in numbers("scalings")),
        tuple((shear, 0.0) for shear in shears),
        (elastic[0], elastic[1]) if elastic else None,
    )


def _preparation(instance: Instance) -> Layer | None:
    name = instance.read("pp", "string")
    if not name:
        return None
    inner = replace(instance, name=name, where=instance.values.where(instance.variable("pp")))
    if inner.type not in BY_TYPE:
        raise Unsupported(f"prepares images by '{name}', of a type that is not known there")
    return layer_of(inner)


def _mode(instance: Instance, default: Literal["mean", "bilinear"]) -> Any:  # noqa: ANN401 Resize checks
    mode = instance.read("mode", "string") if instance.exists("mode") else default
    if mode == "gaussian":
        raise Unsupported("resizes by a Gaussian pyramid")
    if mode not in ("mean", "bilinear"):
        raise instance.error(f"'{instance.name}_mode = {mode}' is none of mean, bilinear, gaussian", "mode")
    return mode


def _sides(instance: Instance) -> Sides:
    """The border that `zpad` adds: top x left x bottom x right."""
    sides = instance.read("zpad", "dims") if instance.exists("zpad") else (0, 0, 0, 0)
    if len(sides) != 4:
        raise instance.error("four numbers are wanted", "zpad", "write for instance 2x2x2x2")
    top, left, bottom, right = sides
    return top, left, bottom, right
