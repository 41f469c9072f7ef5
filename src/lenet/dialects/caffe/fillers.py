"""How Caffe spells fillers."""

from __future__ import annotations

from dataclasses import dataclass

from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.spelling import Absent, Choice, Plain, Row, place
from lenet.errors import DescriptionError, Notes, did_you_mean
from lenet.formats.message import Message
from lenet.layers.fillers import (
    Bilinear,
    Constant,
    Filler,
    Gaussian,
    Msra,
    PositiveUnitball,
    Uniform,
    Xavier,
)

NORMS = {"FAN_IN": "fan_in", "FAN_OUT": "fan_out", "AVERAGE": "average"}
NORM = Choice("norm", "variance_norm", words=NORMS)


@dataclass(frozen=True)
class FillerSpelling:
    """One filler: Caffe's word for it, our class, its settings."""

    word: str
    kind: type[Filler]
    rows: tuple[Row, ...] = ()


#: every filler of Caffe's
FILLER_SPELLINGS = (
    FillerSpelling("constant", Constant, (Plain("value", "value"),)),
    FillerSpelling(
        "gaussian", Gaussian, (Plain("mean", "mean"), Plain("std", "std"), Absent("sparse", "sparse"))
    ),
    FillerSpelling("uniform", Uniform, (Plain("low", "min"), Plain("high", "max"))),
    FillerSpelling("xavier", Xavier, (NORM,)),
    FillerSpelling("msra", Msra, (NORM,)),
    FillerSpelling("positive_unitball", PositiveUnitball),
    FillerSpelling("bilinear", Bilinear),
)
_BY_TYPE = {spelling.word: spelling for spelling in FILLER_SPELLINGS}
_BY_KIND = {spelling.kind: spelling for spelling in FILLER_SPELLINGS}


def filler_from_message(message: Message, notes: Notes) -> Filler:
    """The filler that a FillerParameter describes.

    Raises: DescriptionError for an unknown type, or `sparse` where Caffe does not have it.
    """
    spelling = _BY_TYPE.get(message.value("type"))
    if spelling is None:
        hint = did_you_mean(message.value("type"), _BY_TYPE) or "there are: " + ", ".join(_BY_TYPE)
        raise DescriptionError(f"filler '{message.value('type')}' is unknown", place(message, "type"), hint)
    if message.value("sparse") != -1 and spelling.kind is not Gaussian:
        raise DescriptionError(f"filler '{spelling.word}' cannot be sparse", place(message, "sparse"))
    return spelling.kind(**{row.attribute: row.read(message, notes) for row in spelling.rows})


def message_from_filler(filler: Filler) -> Message:
    """A FillerParameter; its type is always written.

    Raises: DescriptionError for a filler that Caffe does not have.
    """
    spelling = _BY_KIND.get(type(filler))
    if spelling is None:
        raise DescriptionError(f"Caffe has no filler for {type(filler).__name__}")
    message = new_message("FillerParameter")
    message.add("type", spelling.word)
    for row in spelling.rows:
        row.write(getattr(filler, row.attribute), message)
    return message


@dataclass(frozen=True)
class Fill(Row):
    """A filler as a setting of a layer; not given, it fills with 0 or what the layer has as `default`."""

    default: Filler = Constant(0.0)

    def read(self, fields: Message, notes: Notes) -> Filler:
        given = fields.get(self.field)
        return filler_from_message(given, notes) if given is not None else self.default

    def write(self, value: Filler, fields: Message) -> None:
        if value != self.default:
            fields.add(self.field, message_from_filler(value))
