"""How Caffe spells WindowData, whose transform is the windows' own: they know what is beyond the image."""

from __future__ import annotations

from lenet.data.feed import Feed
from lenet.data.windows import ImageWindows
from lenet.dialects.caffe.feed_spelling import DataSpelling, FileName, transform_message
from lenet.dialects.caffe.spelling import Plain, Row, Setting, missing, place, section
from lenet.errors import DescriptionError, Notes
from lenet.formats.message import Message
from lenet.net import Kind

WINDOW_ROWS: tuple[Row, ...] = (
    FileName("file", "source"),
    Plain("batch", "batch_size", required=True, least=1),
    Plain("foreground", "fg_threshold"),
    Plain("background", "bg_threshold"),
    Plain("fraction", "fg_fraction", least=0),
    Plain("context", "context_pad"),
    Plain("folder", "root_folder"),
)
_MODES = {"warp": False, "square": True}


class WindowSpelling(DataSpelling):
    """The row for WindowData."""

    def read(self, layer: Message, notes: Notes) -> Kind:
        fields = section(layer, self.section)
        if not fields.get("source"):
            raise missing(fields, "source")
        values = {row.attribute: row.read(fields, notes) for row in WINDOW_ROWS}
        mode = fields.value("crop_mode")
        if mode not in _MODES:
            reason = f"crop_mode cannot be '{mode}'"
            raise DescriptionError(reason, place(fields, "crop_mode"), "it is warp or square")
        if not values["fraction"] <= 1:  # nor is nan
            raise DescriptionError("fg_fraction is a part of 1", place(fields, "fg_fraction"))
        transform = self.transform(layer, fields, notes)
        if transform.crop <= 2 * values["context"]:
            reason = f"crop_size {transform.crop} must be larger than twice context_pad"
            raise DescriptionError(reason, fields.where, "add transform_param { crop_size: N }")
        source = ImageWindows(transform=transform, square=_MODES[mode], **values)
        return Feed(source, source.batch, outputs=len(layer.entries_of("top")))

    def write(self, kind: Setting, layer: Message, notes: Notes) -> None:
        source: ImageWindows = kind.source
        layer.add("transform_param", transform_message(source.transform, layer))
        fields = layer.add_message(self.section)
        for row in WINDOW_ROWS:
            row.write(getattr(source, row.attribute), fields)
        if source.square:
            fields.add("crop_mode", "square")


WINDOW_SPELLING = WindowSpelling("WindowData", "window_data_param", (ImageWindows,), idle=("cache_images",))
