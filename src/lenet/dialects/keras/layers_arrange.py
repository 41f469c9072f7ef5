"""Reading of layers that move numbers about and of those that merge several results."""

from __future__ import annotations

from math import prod

from lenet.dialects.keras.building import Blob, Reading
from lenet.dialects.keras.layers_windows import image
from lenet.layers.arrange import Flatten
from lenet.layers.combine import Concat, Eltwise
from lenet.layers.reshape import Reshape, Tile
from lenet.layers.transpose import Transpose
from lenet.layers.upsample import Upsample
from lenet.shapes import Shape, text


def read_flatten(layer: Reading) -> Blob:
    """Flatten; the order of an image's numbers is told to the layer that reads them.

    With channels first Keras still flattens as if they were last.
    """
    blob = layer.one
    if blob.rank == 2:
        return blob
    first = layer.fields.get("data_format", "channels_last") == "channels_first"
    moved = blob.moved or first
    if first and blob.moved:
        blob = layer.building.plain(blob)
    if not moved:
        found = layer.add(Flatten(), blob)
        return Blob(found.name, found.shape)
    found, order = layer.add(Flatten(), blob), blob.shape[1:]
    alike = order[0] == 1 or prod(order[1:]) == 1  # one channel, or one place: both orders are one
    return Blob(found.name, found.shape, order=None if alike else order)


def read_reshape(layer: Reading) -> Blob:
    """Reshape, in Keras' order of numbers."""
    blob, fields = layer.building.plain(layer.one), layer.fields
    sizes = fields.whole_numbers("target_shape")
    there = prod(blob.shape[1:])
    fixed = prod(size for size in sizes if size != -1)
    possible = sizes.count(-1) <= 1 and all(size > 0 or size == -1 for size in sizes)
    if not possible or there % fixed or (-1 not in sizes and fixed != there):
        raise fields.error(f"target_shape is {sizes}, the input has {there} numbers: {text(blob.shape[1:])}")
    known = tuple(there // fixed if size == -1 else size for size in sizes)
    found = layer.add(Reshape(known, axis=1), blob)
    return Blob(found.name, found.shape)


def read_permute(layer: Reading) -> Blob:
    """Permute; where it only undoes how our axes lie it needs no layer."""
    blob, fields = layer.one, layer.fields
    order = (0, *fields.whole_numbers("dims"))
    if sorted(order) != list(range(blob.rank)):
        raise fields.error(f"dims are {order[1:]}, the input has {blob.rank - 1} axes behind the batch")
    blob = layer.building.plain(blob)
    found = layer.add(Transpose(order), blob)
    return Blob(found.name, found.shape)


def read_upsampling(layer: Reading) -> Blob:
    """UpSampling1D, UpSampling2D."""
    blob, fields = image(layer), layer.fields
    method = fields.choice("interpolation", ("nearest", "bilinear"), "nearest")
    factors = fields.integers("size", blob.rank - 2, 2)
    return layer.add(Upsample(factors, "bilinear" if method == "bilinear" else "nearest"), blob)


def read_concatenate(layer: Reading) -> Blob:
    """Concatenate along an axis of Keras'."""
    blobs = _alike(layer)
    axis = layer.fields.whole_numbers("axis", (-1,))[0]
    if not -blobs[0].rank <= axis < blobs[0].rank or axis % blobs[0].rank == 0:
        raise layer.fields.error(
            f"axis is {axis}, the inputs have {blobs[0].rank} axes, the first the batch's"
        )
    if any(blob.order for blob in blobs):
        blobs = [layer.building.plain(blob) for blob in blobs]
    return layer.add(Concat(blobs[0].axis(axis)), blobs)


def read_merge(layer: Reading) -> Blob:
    """Add, Subtract, Multiply, Average, Maximum, number by number; an axis of 1 is repeated."""
    blobs, type = _alike(layer), layer.fields.type
    if type == "Subtract" and len(blobs) != 2:
        raise layer.fields.error(f"takes 2 inputs, {len(blobs)} given")
    blobs = _of_one_shape(layer, blobs)
    if type in ("Multiply", "Maximum"):
        return layer.add(Eltwise("product" if type == "Multiply" else "max"), blobs)
    factors: tuple[float, ...] = ()
    if type == "Average":
        factors = (1 / len(blobs),) * len(blobs)
    elif type == "Subtract":
        factors = (1.0, -1.0)
    return layer.add(Eltwise("sum", factors), blobs)


def _alike(layer: Reading) -> list[Blob]:
    """The inputs, all lying as the first one does.

    Raises: DescriptionError if there are fewer than two, or they differ in their number of axes.
    """
    blobs, building, fields = layer.inputs, layer.building, layer.fields
    if len(blobs) < 2:
        raise fields.error(f"takes two or more inputs, {len(blobs)} given")
    if len({blob.rank for blob in blobs}) > 1:
        shapes = ", ".join(text(blob.keras_shape) for blob in blobs)
        raise fields.error(f"its inputs differ in their number of axes: {shapes}")
    if len({(blob.moved, blob.order) for blob in blobs}) == 1:
        return blobs
    if any(blob.moved for blob in blobs):
        return [building.first(blob, fields) for blob in blobs]
    return [building.plain(blob) for blob in blobs]


def _of_one_shape(layer: Reading, blobs: list[Blob]) -> list[Blob]:
    wanted: Shape = tuple(map(max, zip(*(blob.shape for blob in blobs), strict=True)))
    found = []
    for place, blob in enumerate(blobs):
        for axis, (size, whole) in enumerate(zip(blob.shape, wanted, strict=True)):
            if size == 1 and whole > 1:
                blob = layer.add(Tile(whole, axis), blob, ending=f"_repeat{place}{axis}")
        found.append(blob)
    return found
