"""The row of the layer table: one type of Caffe's layers and the settings of ours."""

from __future__ import annotations

from dataclasses import dataclass

from lenet.dialects.caffe.schema import new_message
from lenet.dialects.caffe.spelling import LAYER, Row, Setting, section
from lenet.errors import Notes
from lenet.formats.message import Message
from lenet.layers.layer import Layer
from lenet.net import Kind


@dataclass(frozen=True)
class Spelling:
    """One type of layer: Caffe's word, our class, the sub-message with its settings, and the settings.

    `parameters` names what its blobs hold; `idle` lists fields that change nothing that is computed.
    """

    word: str
    kind: type[Layer]
    section: str = ""
    rows: tuple[Row, ...] = ()
    parameters: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def sections(self) -> frozenset[str]:
        """The sub-messages that mean something to this type."""
        return frozenset({self.section, *(row.section for row in self.rows)} - {"", LAYER})

    def speaks_for(self, kind: Kind) -> bool:
        """Whether this row writes layers such as `kind`."""
        return type(kind) is self.kind

    def read(self, layer: Message, notes: Notes) -> Kind:
        """Our layer for one of Caffe's.

        Raises: DescriptionError at the entry that cannot be.
        """
        values = {
            row.attribute: row.limited(self.kind.limits.get(row.attribute)).read(
                section(layer, row.section or self.section), notes
            )
            for row in self.rows
        }
        return self.kind(**values)

    def write(self, kind: Setting, layer: Message, notes: Notes) -> None:
        """Add the settings of `kind` to `layer`, without those that are Caffe's defaults.

        Raises: DescriptionError for a setting that Caffe has no words for.
        """
        written: dict[str, Message] = {}
        for row in self.rows:
            name = row.section or self.section
            fields = written.get(name) or (
                layer if name == LAYER else new_message(layer.field(name).type, layer.where)
            )
            written[name] = fields
            row.write(getattr(kind, row.attribute), fields)
        for name, fields in written.items():
            if name != LAYER and fields.entries:
                layer.add(name, fields)
